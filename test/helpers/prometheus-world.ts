// The Prometheus API as clients meet it: a real local store filled by a script, behind the real HTTP edge on a loopback port. Time stands
// still at `now`, so that answers can be written down.

import { request as httpRequest, type IncomingMessage } from 'node:http'
import { createLog, silentLog } from '../../core/base/log.ts'
import { virtualClock } from '../../core/base/virtual-clock.ts'
import { parseLabelSet } from '../../core/promql/series-notation.ts'
import { encodeWriteRequest } from '../../core/sample/remote-write.ts'
import type { SeriesSamples } from '../../core/sample/sample.ts'
import type { BlockMeta } from '../../core/series/block-meta.ts'
import type { HostView } from '../../server/fleet/registry.ts'
import { openHttp } from '../../server/http/http.ts'
import { type PrometheusApiDeps, prometheusApi } from '../../server/http/prometheus/prometheus-api.ts'
import { writeApi } from '../../server/http/prometheus/write-api.ts'
import { localStore } from '../../server/tsdb/local-store.ts'
import type { StorageStats, StoreClient } from '../../server/tsdb/store-client.ts'

/** Unix seconds. */
export const now = 1_767_225_600

export type Answer = {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  /** The body as JSON; throws where it is none. */
  readonly json: () => Record<string, unknown> & { readonly data: never }
}
export type AskOptions = {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

export function ask(url: string, path: string, options: AskOptions = {}): Promise<Answer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options
    const outgoing = httpRequest({ hostname, port, path, method, headers }, (incoming) => {
      const parts: Buffer[] = []
      incoming.on('data', (part: Buffer) => parts.push(part))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const text = Buffer.concat(parts).toString()
        resolve({ status: incoming.statusCode!, headers: incoming.headers, text, json: () => JSON.parse(text) })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

export type Pairs = readonly (readonly [name: string, value: string])[] | Readonly<Record<string, string>>
function encoded(pairs: Pairs): string {
  const list = (Array.isArray(pairs) ? pairs : Object.entries(pairs)) as readonly (readonly [string, string])[]
  return new URLSearchParams(list.map(([name, value]) => [name, value] as [string, string])).toString()
}

/** `metric{labels} v@t v@t`: values with their time in seconds before `now`; `stale` as a value ends the series. */
export function scripted(lines: readonly string[]): readonly SeriesSamples[] {
  return lines.map((line) => {
    const split = line.lastIndexOf('}') + 1 || line.indexOf(' ')
    const points = line
      .slice(split)
      .trim()
      .split(/\s+/)
      .map((point) => point.split('@') as [string, string])
    return {
      labels: parseLabelSet(line.slice(0, split)),
      times: points.map(([, ago]) => (now - Number(ago)) * 1000),
      values: points.map(([value]) => Number(value.replace('Inf', 'Infinity'))),
      stale: points.map(([value]) => value === 'stale'),
    }
  })
}

export type World = {
  readonly url: string
  readonly store: StoreClient
  readonly clock: ReturnType<typeof virtualClock>
  readonly log: readonly string[]
  get(path: string, pairs?: Pairs, options?: AskOptions): Promise<Answer>
  post(path: string, pairs: Pairs): Promise<Answer>
  readings(): Readonly<Record<string, number>>
  [Symbol.asyncDispose](): Promise<void>
}

export async function openWorld(
  options: {
    readonly series?: readonly SeriesSamples[]
    readonly rules?: string
    readonly hosts?: readonly HostView[]
    readonly targets?: PrometheusApiDeps['targets']
    readonly dropped?: PrometheusApiDeps['dropped']
    readonly limits?: Partial<PrometheusApiDeps['limits']>
    readonly maxSeries?: number
    readonly externalLabels?: Readonly<Record<string, string>>
    /** Stands before the real store, to hold or to break it. */
    readonly wrap?: (store: StoreClient) => StoreClient
  } = {},
): Promise<World> {
  const clock = virtualClock(now * 1000)
  const lines: string[] = []
  const externalLabels = options.externalLabels ?? {}
  const limits = {
    retentionMs: 7 * 3_600_000,
    queryTimeoutMs: 30_000,
    querySamples: 20_000_000,
    queryConcurrency: 20,
    queryQueue: 200,
    ...options.limits,
  }
  const local = localStore({
    clock,
    log: silentLog,
    limits: {
      maxSeries: options.maxSeries ?? 100_000,
      retentionMs: limits.retentionMs,
      samplesPerQuery: limits.querySamples,
    },
    externalLabels,
    defaultIntervalMs: 15_000,
    rulesReady: () => true,
  })
  if (options.series !== undefined) await local.append(new Uint8Array(encodeWriteRequest(options.series)).buffer)
  if (options.rules !== undefined) {
    await local.loadRules([{ file: 'rules.yml', text: options.rules }], [], null)
    local.start()
  }
  const store = options.wrap?.(local) ?? local
  const api = prometheusApi({
    clock,
    store,
    version: '0.1.0',
    startedAt: (now - 3600) * 1000,
    configText: () => 'server: {}\n',
    hosts: () => options.hosts ?? [],
    ...(options.targets === undefined ? {} : { targets: options.targets }),
    ...(options.dropped === undefined ? {} : { dropped: options.dropped }),
    alertmanagers: ['http://am:9093/prefix/'],
    externalLabels,
    limits,
  })
  const http = openHttp({
    log: createLog({ write: (line) => void lines.push(line), now: () => 0, level: 'debug' }),
    listen: { host: '127.0.0.1', port: 0 },
    authenticate: async () => ({ name: 'admin', role: 'admin', scope: '*' }),
    routers: [...api.routers, writeApi({ store })],
    metrics: async () => ({ text: 'a 1\n', contentType: 'text/plain; version=0.0.4' }),
    ready: () => true,
    upgrade: (_request, socket) => socket.destroy(),
    span: (_name, work) => work(),
  })
  const { url } = await http.start()
  return {
    url,
    store,
    clock,
    log: lines,
    get: (path, pairs = {}, more = {}) => {
      const query = encoded(pairs)
      return ask(url, query === '' ? path : `${path}?${query}`, more)
    },
    post: (path, pairs) =>
      ask(url, path, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: encoded(pairs),
      }),
    readings: () => Object.fromEntries(api.readings().map(({ name, value }) => [name, value])),
    async [Symbol.asyncDispose]() {
      await http.stop()
      await local.stop()
    },
  }
}

/** For `wrap`: a store that has a block on disk. */
export function withBlock(store: StoreClient): StoreClient {
  const meta: BlockMeta = {
    version: 1,
    id: '01BX5ZZKBKACTAV9WEVGEMMVRZ',
    minTime: 0,
    maxTime: 7_200_000,
    level: 1,
    parents: [],
    series: 10,
    samples: 100,
    chunks: 20,
    chunkBytes: 1000,
    indexBytes: 500,
  }
  const storage: StorageStats = {
    walBytes: 0,
    walFailures: 0,
    snapshots: 0,
    snapshotFailures: 0,
    replayed: 0,
    recoveryMs: 0,
    blocks: 1,
    blockBytes: 1500,
    blockList: [meta],
    blockFailures: 0,
    damagedChunks: 0,
    damage: [],
  }
  return { ...store, stats: async () => ({ ...(await store.stats()), storage }) }
}
