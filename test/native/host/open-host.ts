// A host in this very process on a tiny model, over real HTTP on a free loopback port. What a test opens it gives back at its end.

import { writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import * as path from 'node:path'
import { systemClock } from '../../../core/base/clock.ts'
import type { EngineAddon } from '../../../native/host/addon.ts'
import { type Host, openHost } from '../../../native/host/host.ts'
import type { HostOptions } from '../../../native/host/options.ts'
import { type GgufFile, writeGguf } from '../../helpers/gguf-writer.ts'
import { nativeAddon, temporaryFolder } from '../../helpers/native-engine.ts'

export type Answer = {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  /** Throws when the body is no JSON. */
  readonly json: () => Record<string, unknown>
}

export type TestHost = {
  readonly host: Host
  readonly port: number
  readonly url: string
  readonly telemetry: string
  readonly get: (path: string) => Promise<Answer>
  readonly post: (path: string, body: unknown, headers?: Record<string, string>) => Promise<Answer>
  readonly metrics: () => Promise<ReadonlyMap<string, number>>
  [Symbol.asyncDispose](): Promise<void>
}

/** `gate` holds the load back until it resolves. */
export async function openTestHost(
  model: GgufFile,
  more: Partial<HostOptions> = {},
  gate?: Promise<void>,
): Promise<TestHost> {
  const place = temporaryFolder()
  const file = path.join(place.folder, 'model.gguf')
  const telemetry = path.join(place.folder, 'telemetry')
  writeFileSync(file, writeGguf(model).bytes)
  const addon = nativeAddon()
  const gated: EngineAddon = {
    ...addon,
    load: async (options, onStep) => {
      await gate
      return addon.load(options, onStep)
    },
  }
  const options: HostOptions = {
    model: file,
    name: 'tiny',
    listen: { host: '127.0.0.1', port: 0 },
    allowedHosts: [],
    telemetry,
    incarnation: 'life-1',
    threads: 1,
    isa: 'auto',
    maxBatch: 8,
    maxQueue: 16,
    kvTokens: 4096,
    stepTokens: 64,
    requestTimeoutMs: 60_000,
    ...more,
  }
  const host = openHost(options, { clock: systemClock, addon: () => gated })
  const port = await host.listen()
  const loading = host.load()
  if (gate === undefined) await loading
  const get = (at: string): Promise<Answer> => send(port, 'GET', at, null)
  return {
    host,
    port,
    url: `http://127.0.0.1:${port}`,
    telemetry,
    get,
    post: (at, body, headers) =>
      send(port, 'POST', at, typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body), headers),
    metrics: async () => parseMetrics((await get('/metrics')).text),
    [Symbol.asyncDispose]: async () => {
      await loading.catch(() => undefined)
      await host.drain()
      place[Symbol.dispose]()
    },
  }
}

/** One request on a connection of its own; what the server says before it hangs up counts, also when our body was not taken. */
export function send(
  port: number,
  method: string,
  at: string,
  body: string | Buffer | null,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const call = request({
      host: '127.0.0.1',
      port,
      method,
      path: at,
      agent: false,
      headers: { 'content-type': 'application/json', ...length, ...headers },
    })
    let answered = false
    call.once('response', (response) => {
      answered = true
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('error', reject)
      response.once('end', () => {
        const text = Buffer.concat(parts).toString('utf8')
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: () => JSON.parse(text) as Record<string, unknown>,
        })
      })
    })
    call.once('error', (error) => {
      if (!answered) reject(error)
    })
    call.end(body ?? undefined)
  })
}

/** Series text to value, for lookups such as `inference_requests_total{model="tiny",outcome="ok"}`. */
export function parseMetrics(text: string): ReadonlyMap<string, number> {
  const out = new Map<string, number>()
  for (const line of text.split('\n')) {
    const match = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line)
    if (match !== null) out.set(match[1]!, Number(match[2]!.replace('Inf', 'Infinity')))
  }
  return out
}

/** Looks again until it holds; the processes and sockets looked at run in real time. */
export async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + 10_000
  while (Date.now() < until) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`it never came: ${what}`)
}
