// Sending on as a story: another server that is well, busy, gone, or does not want what it is sent, and a queue that outlives us.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../core/base/clock.ts'
import { parseConfig } from '../../../core/base/config.ts'
import { entry } from '../../../core/base/entry.ts'
import type { FileHandle, FileLayer } from '../../../core/base/file-layer.ts'
import { createLog } from '../../../core/base/log.ts'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { decodeWriteRequest, encodeWriteRequest } from '../../../core/sample/remote-write.ts'
import { type Labels, type SeriesSamples, sample } from '../../../core/sample/sample.ts'
import { decodeWrite2, encodeWrite2 } from '../../../core/sample/write-2.ts'
import { type RemoteWrite, remoteWrite } from '../../../server/remote/send-config.ts'
import { inlinePacker, openPack, type PackOptions } from '../../../server/remote/send-pack.ts'
import { openPost, type PostBody, type PostOutcome, waitOf } from '../../../server/remote/send-post.ts'
import { threadPacker } from '../../../server/remote/send-thread.ts'
import { openSender, type SenderDeps } from '../../../server/remote/sender.ts'
import { openWorld } from '../../helpers/prometheus-world.ts'
import { random } from '../../helpers/random.ts'

const root = mkdtempSync(path.join(tmpdir(), 'send-'))
const closers: (() => unknown)[] = []
let folders = 0
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Real files whose syncs end within the turn: the virtual clock waits for no disk. */
const files: FileLayer = {
  ...nodeFileLayer,
  open: (file, mode) => {
    const handle = nodeFileLayer.open(file, mode)
    return Object.assign(Object.create(handle) as FileHandle, handle, { syncAsync: async () => handle.sync() })
  },
}

const configOf = (text = '') =>
  parseConfig({ file: 'server.yml', text: `[{ url: "http://there/api/v1/write", ${text} }]`, schema: remoteWrite })[0]!

function seriesOfBody(body: Uint8Array, message: 'write' | 'write2'): readonly SeriesSamples[] {
  if (message === 'write2') return decodeWrite2(body)
  const out: { labels: Labels; times: number[]; values: number[]; stale: boolean[] }[] = []
  decodeWriteRequest(body, {
    series: (labels) => void out.push({ labels, times: [], values: [], stale: [] }),
    sample: (time, value, stale) => {
      const one = out.at(-1)!
      one.times.push(time)
      one.values.push(value)
      one.stale.push(stale)
    },
  })
  return out
}
const packOptions = (config: RemoteWrite, more: Partial<PackOptions> = {}): PackOptions => ({
  lanes: config.queue_config.max_shards,
  maxSamples: config.queue_config.max_samples_per_send,
  externalLabels: {},
  relabel: config.write_relabel_configs,
  ...more,
})

type Sent = {
  readonly message: 'write' | 'write2'
  readonly series: readonly SeriesSamples[]
  readonly headers: Readonly<Record<string, string>>
}

function stand(
  options: {
    config?: string
    directory?: string
    answer?: (sent: Sent) => PostOutcome | Promise<PostOutcome>
    pack?: Partial<PackOptions>
    more?: Partial<SenderDeps>
  } = {},
) {
  const clock = virtualClock()
  const lines: string[] = []
  const sent: Sent[] = []
  const post: PostBody = async ({ body, message, samples }, headers) => {
    const one = { message, series: seriesOfBody(body, message), headers }
    expect(one.series.flatMap(({ values }) => values)).toHaveLength(samples)
    sent.push(one)
    return (await options.answer?.(one)) ?? { kind: 'taken' }
  }
  const config = configOf(options.config)
  const sender = openSender({
    clock,
    log: createLog({ write: (line) => void lines.push(line), now: () => 0, level: 'debug' }),
    files,
    directory: options.directory ?? path.join(root, String(folders++)),
    name: 'there',
    config,
    packer: inlinePacker(packOptions(config, options.pack)),
    auth: () => ({}),
    post,
    newEpoch: () => 7n,
    random: () => 0.5,
    ...options.more,
  })
  sender.start()
  closers.push(() => sender.stop())
  return { clock, sender, sent, lines }
}
const bodyOf = (...values: number[]) =>
  encodeWriteRequest(values.map((value, i) => sample('m', { i: String(i) }, 1000 + value, value)))
const valuesOf = (sent: readonly Sent[]) =>
  sent.flatMap(({ series }) => series.flatMap(({ values }) => values)).sort((a, b) => a - b)

describe('sending on', () => {
  it('goes at the deadline, all that came together', async () => {
    const { clock, sender, sent } = stand({ config: 'queue_config: { max_shards: 1, batch_send_deadline: 5s }' })
    sender.offer(bodyOf(1, 2), 'write', 2)
    await clock.advance(2000)
    sender.offer(encodeWrite2([sample('m', { x: 'y' }, 5, 3)]), 'write2', 1)
    sender.own([['__name__', 'rule']], 6, 4, false)
    sender.own([['__name__', 'ended']], 6, 0, true)
    await clock.advance(2900)
    expect(sent).toEqual([])
    await clock.advance(200)
    expect(sent).toHaveLength(1)
    expect(valuesOf(sent).filter((one) => !Number.isNaN(one))).toEqual([1, 2, 3, 4])
    expect(sent[0]!.series.at(-1)).toMatchObject({ labels: [['__name__', 'ended']], stale: [true] })
    expect(sender.stats()).toEqual({ sent: 5, refused: 0, retries: 0, dropped: 0, waiting: 0 })
  })

  it('goes at once when there is enough of it', async () => {
    const { clock, sender, sent } = stand({ config: 'queue_config: { max_samples_per_send: 3, max_shards: 1 }' })
    sender.offer(bodyOf(1, 2), 'write', 2)
    await clock.advance(100)
    sender.offer(bodyOf(3, 4, 5), 'write', 3)
    await clock.advance(100)
    expect(sent.map(({ series }) => series.length)).toEqual([3, 2])
    expect(valuesOf(sent)).toEqual([1, 2, 3, 4, 5])
  })

  it('tries again what cannot be taken now, no sooner than asked, and sends no later samples of a series before it', async () => {
    let busy = true
    const { clock, sender, sent, lines } = stand({
      config: 'queue_config: { max_samples_per_send: 1, max_shards: 1, min_backoff: 1s, max_backoff: 8s }',
      answer: () => (busy ? { kind: 'again', words: 'HTTP 503: not now', waitMs: 20_000 } : { kind: 'taken' }),
    })
    sender.offer(bodyOf(1), 'write', 1)
    await clock.advance(10)
    sender.offer(bodyOf(2), 'write', 1)
    await clock.advance(19_000)
    expect(valuesOf(sent)).toEqual([1])
    busy = false
    await clock.advance(2000)
    expect(sent.map((one) => [valuesOf([one])[0], one.headers['retry-attempt']])).toEqual([
      [1, undefined],
      [1, '1'],
      [2, undefined],
    ])
    expect(sender.stats()).toMatchObject({ sent: 2, retries: 1, waiting: 0 })
    expect(lines.filter((line) => line.includes('HTTP 503: not now'))).toHaveLength(1)
  })

  it('waits longer from time to time while the other side is gone, up to the cap', async () => {
    const at: number[] = []
    const { clock, sender } = stand({
      config: 'queue_config: { max_samples_per_send: 1, max_shards: 1, min_backoff: 1s, max_backoff: 8s }',
      answer: () => {
        at.push(clock.now())
        return { kind: 'again', words: 'connection refused', waitMs: null }
      },
    })
    sender.offer(bodyOf(1), 'write', 1)
    await clock.advance(30_000)
    expect(at.slice(1).map((time, i) => time - at[i]!)).toEqual([1000, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000])
  })

  it('drops what is refused for good, counts it, and goes on', async () => {
    const { clock, sender, sent, lines } = stand({
      config: 'queue_config: { max_samples_per_send: 2, max_shards: 1 }',
      answer: ({ series }) =>
        series.some(({ values }) => values[0] === 1)
          ? { kind: 'refused', words: 'HTTP 400: out of order sample' }
          : { kind: 'taken' },
    })
    sender.offer(bodyOf(1, 2, 3), 'write', 3)
    await clock.advance(100)
    expect(sent).toHaveLength(2)
    expect(sender.stats()).toMatchObject({ sent: 1, refused: 2, retries: 0, waiting: 0 })
    expect(lines.join()).toContain('out of order sample')
  })

  it('adds labels of the server where a series has none of that name', async () => {
    const { clock, sender, sent } = stand({ pack: { externalLabels: { cluster: 'c1', i: 'outer' } } })
    sender.offer(encodeWriteRequest([sample('m', { i: 'own' }, 1, 1), sample('m', {}, 1, 2)]), 'write', 2)
    await clock.advance(6000)
    expect(sent.flatMap(({ series }) => series.map(({ labels }) => labels)).sort()).toEqual([
      [
        ['__name__', 'm'],
        ['cluster', 'c1'],
        ['i', 'outer'],
      ],
      [
        ['__name__', 'm'],
        ['cluster', 'c1'],
        ['i', 'own'],
      ],
    ])
  })

  it('leaves out and rewrites what the rules say', async () => {
    const { clock, sender, sent } = stand({
      config: `write_relabel_configs: [{ source_labels: [__name__], regex: 'go_.*', action: drop }, { source_labels: [i], target_label: j }, { regex: i, action: labeldrop }]`,
    })
    for (const time of [1, 2]) {
      sender.offer(encodeWriteRequest([sample('m', { i: '7' }, time, 1), sample('go_x', {}, time, 2)]), 'write', 2)
      sender.offer(encodeWrite2([sample('n', { i: '8' }, time, 3), sample('go_y', {}, time, 4)]), 'write2', 2)
    }
    await clock.advance(6000)
    expect(valuesOf(sent)).toEqual([1, 1, 3, 3])
    const labels = sent.flatMap(({ series }) => series.map((one) => Object.fromEntries(one.labels)))
    expect(new Set(labels.map((one) => JSON.stringify(one)))).toEqual(
      new Set(['{"__name__":"m","j":"7"}', '{"__name__":"n","j":"8"}']),
    )
    expect(sender.stats()).toMatchObject({ sent: 4, waiting: 0 })
  })

  it('speaks 2.0 where it is told to, and says what was not written', async () => {
    const { clock, sender, sent, lines } = stand({
      config: 'protobuf_message: io.prometheus.write.v2.Request, queue_config: { max_shards: 1 }',
      answer: () => ({ kind: 'taken', refused: 1, words: '2 of 3 written' }),
    })
    sender.offer(bodyOf(1, 2, 3), 'write', 3)
    await clock.advance(6000)
    expect(sent).toMatchObject([{ message: 'write2' }])
    expect(valuesOf(sent)).toEqual([1, 2, 3])
    expect(sender.stats()).toMatchObject({ sent: 2, refused: 1, waiting: 0 })
    expect(lines.join()).toContain('2 of 3 written')
  })

  it('falls back to 1.0 for good where 2.0 is not understood, and nothing is lost by it', async () => {
    const { clock, sender, sent, lines } = stand({
      config: 'protobuf_message: io.prometheus.write.v2.Request, queue_config: { max_samples_per_send: 2 }',
      answer: ({ message }) =>
        message === 'write2' ? { kind: 'unknown_message', words: 'HTTP 415' } : { kind: 'taken' },
    })
    sender.offer(bodyOf(1, 2, 3, 4, 5), 'write', 5)
    await clock.advance(6000)
    sender.offer(bodyOf(6), 'write', 1)
    await clock.advance(6000)
    expect(valuesOf(sent.filter(({ message }) => message === 'write'))).toEqual([1, 2, 3, 4, 5, 6])
    expect(sent.at(-1)!.message).toBe('write')
    expect(sender.stats()).toEqual({ sent: 6, refused: 0, retries: 0, dropped: 0, waiting: 0 })
    expect(lines.filter((line) => line.includes('does not take remote write 2.0'))).toHaveLength(1)
  })

  it('passes over a body that cannot be read, and says so', async () => {
    const { clock, sender, sent, lines } = stand()
    sender.offer(new Uint8Array([1, 2, 3]), 'write', 1)
    sender.offer(bodyOf(5), 'write', 1)
    await clock.advance(6000)
    expect(valuesOf(sent)).toEqual([5])
    expect(sender.stats()).toMatchObject({ sent: 1, dropped: 1, waiting: 0 })
    expect(lines.join()).toContain('cannot be read and is dropped')
  })

  it('goes on where it was after a restart', async () => {
    const directory = path.join(root, 'again')
    const first = stand({ directory, answer: () => ({ kind: 'again', words: 'gone', waitMs: null }) })
    first.sender.offer(bodyOf(1, 2), 'write', 2)
    await first.clock.advance(6000)
    first.sender.own([['__name__', 'late']], 1, 3, false)
    await first.sender.stop()
    closers.length = 0
    const second = stand({ directory })
    expect(second.sender.stats().waiting).toBe(2)
    await second.clock.advance(6000)
    expect(valuesOf(second.sent)).toEqual([1, 2, 3])
    await second.sender.stop()
    closers.length = 0
    const third = stand({ directory })
    await third.clock.advance(60_000)
    expect(third.sent).toEqual([])
  })

  it('keeps the newest when the queue is full, and counts the rest', async () => {
    let gone = true
    const { clock, sender, sent } = stand({
      config: 'queue_config: { max_bytes: 1048576, max_samples_per_send: 100000, max_shards: 1 }',
      answer: () => (gone ? { kind: 'again', words: 'gone', waitMs: null } : { kind: 'taken' }),
    })
    // Numbers that do not pack, so that each body has its weight.
    const count = 1000
    const heavy = (n: number) => {
      const numbers = Array.from({ length: count }, (_, i) => n * count + i)
      return encodeWriteRequest([{ labels: [['__name__', 'm']], times: numbers, values: numbers.map(Math.sqrt) }])
    }
    let offered = 0
    for (; offered < 150; offered++) sender.offer(heavy(offered), 'write', count)
    await clock.advance(60_000)
    const { dropped, waiting } = sender.stats()
    expect(dropped).toBeGreaterThan(10)
    expect(dropped + waiting).toBeGreaterThanOrEqual(offered)
    gone = false
    await clock.advance(120_000)
    expect(sender.stats().waiting).toBe(0)
    expect(valuesOf(sent).at(-1)).toBe(Math.sqrt(offered * count - 1))
  })

  it('that cannot write its queue says so and holds up nobody', async () => {
    const broken = {
      ...nodeFileLayer,
      open: () => {
        throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
      },
    }
    const { clock, sender, lines } = stand({ more: { files: broken as never } })
    for (let i = 0; i < 3; i++) sender.offer(bodyOf(i), 'write', 1)
    await clock.advance(10_000)
    expect(sender.stats()).toMatchObject({ dropped: 3, sent: 0 })
    expect(lines.filter((line) => line.includes('no space left'))).toHaveLength(1)
  })
})

describe('requests', () => {
  it('hold at most so many samples, and those of one series stay in one lane and in order', () => {
    const series = Array.from(
      { length: 40 },
      (_, n): SeriesSamples => ({
        labels: [
          ['__name__', 'm'],
          ['n', String(n % 20)],
        ],
        times: [n * 10, n * 10 + 1, n * 10 + 2],
        values: [n, n, n],
      }),
    )
    const pack = openPack({ lanes: 4, maxSamples: 7, externalLabels: {}, relabel: [] })
    const { lanes } = pack([{ kind: 'write', body: encodeWriteRequest(series) }], 'write')
    const home = new Map<string, number>()
    const last = new Map<string, number>()
    let count = 0
    for (const [lane, batches] of lanes.entries()) {
      for (const { body, samples } of batches) {
        expect(samples).toBeLessThanOrEqual(7)
        for (const { labels, times } of seriesOfBody(body, 'write')) {
          const key = JSON.stringify(labels)
          expect(home.get(key) ?? lane).toBe(lane)
          home.set(key, lane)
          for (const time of times) {
            expect(time).toBeGreaterThan(last.get(key) ?? -1)
            last.set(key, time)
            count++
          }
        }
      }
    }
    expect(count).toBe(120)
    expect(new Set(home.values()).size).toBeGreaterThan(1)
  })
})

describe('what goes out', () => {
  function someSeries(seed: number): readonly SeriesSamples[] {
    const source = random(seed)
    return Array.from({ length: source.integer(1, 30) }, () => {
      const times = Array.from({ length: source.integer(0, 100) }, () =>
        source.pick([0, 1, 127, 1_700_000_000_123, -5]),
      )
      const stale = times.map(() => source.uniform() < 0.1)
      return {
        labels: [
          ['__name__', source.pick(['up', '队列', 'x'.repeat(200)])],
          ['n', String(source.integer(0, 9))],
        ],
        times,
        values: stale.map((ended) =>
          ended ? Number.NaN : source.pick([0, -0, 1.5, Number.POSITIVE_INFINITY, 5e-324]),
        ),
        stale,
      }
    })
  }
  /** Samples of each series in their order, however they were cut. */
  const joined = (series: readonly SeriesSamples[]) => {
    const out = new Map<string, unknown[]>()
    for (const { labels, times, values, stale } of series) {
      const key = JSON.stringify(labels)
      const list = out.get(key) ?? []
      for (const [i, time] of times.entries()) list.push([time, values[i], stale?.[i] === true])
      if (list.length > 0) out.set(key, list)
    }
    return out
  }

  it.each(['write', 'write2'] as const)('is what came in, as %s, body after body', (message) => {
    const pack = openPack({ lanes: 3, maxSamples: 50, externalLabels: {}, relabel: [] })
    for (let seed = 1; seed <= 40; seed++) {
      const series = someSeries(seed)
      for (const [kind, body] of [
        ['write', encodeWriteRequest(series)],
        ['write2', encodeWrite2(series)],
      ] as const) {
        const { lanes, damaged } = pack([{ kind, body }], message)
        expect(damaged).toEqual([])
        const batches = lanes.flat()
        const read = batches.map(({ body: out }) => seriesOfBody(out, message))
        expect(joined(read.flat()), `seed ${seed}, ${kind}`).toEqual(joined(series))
        for (const [i, { samples }] of batches.entries()) {
          expect(samples).toBeLessThanOrEqual(50)
          expect(read[i]!.flatMap(({ times }) => times)).toHaveLength(samples)
        }
      }
    }
  })
})

describe('a thread that packs', () => {
  it('does what is done in place, and after it was ended another one does', async () => {
    const options: PackOptions = { lanes: 2, maxSamples: 3, externalLabels: { site: 's' }, relabel: [] }
    const packer = threadPacker(entry('server/remote/send-worker.ts'), options)
    closers.push(() => packer.stop())
    const bodies = [{ kind: 'write' as const, body: bodyOf(1, 2, 3, 4) }]
    const expected = await inlinePacker(options).pack(bodies, 'write2')
    expect(await packer.pack(bodies, 'write2')).toEqual(expected)
    expect(await packer.pack(bodies, 'write2')).toEqual(expected)
    const cut = expect(packer.pack(bodies, 'write')).rejects.toMatchObject({ code: 'remote_write.stopped' })
    await packer.stop()
    await cut
    expect(await packer.pack(bodies, 'write2')).toEqual(expected)
  })
})

describe('one request', () => {
  async function serve(listener: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    })
    return `http://127.0.0.1:${(server.address() as { port: number }).port}/write`
  }
  const attempt = (url: string, message: 'write' | 'write2' = 'write') =>
    openPost({ url, headers: { 'X-Scope-OrgID': 'fleet' }, timeoutMs: 5000, now: () => Date.UTC(2026, 0, 1) })(
      { body: new Uint8Array(bodyOf(1)), samples: 3, message },
      { authorization: 'Bearer t' },
      new AbortController().signal,
    )

  it.each([
    [200, {}, '', { kind: 'taken' }],
    [204, {}, '', { kind: 'taken' }],
    [400, {}, 'out of order', { kind: 'refused', words: 'HTTP 400: out of order' }],
    [401, {}, '', { kind: 'refused', words: 'HTTP 401' }],
    [404, {}, '', { kind: 'refused', words: 'HTTP 404' }],
    [302, { location: '/elsewhere' }, '', { kind: 'refused', words: 'HTTP 302' }],
    [429, { 'retry-after': '7' }, '', { kind: 'again', words: 'HTTP 429', waitMs: 7000 }],
    [
      503,
      { 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' },
      'busy',
      { kind: 'again', words: 'HTTP 503: busy', waitMs: 30_000 },
    ],
    [500, {}, '', { kind: 'again', words: 'HTTP 500', waitMs: null }],
  ] as const)('answered %d', async (status, headers, body, outcome) => {
    let asked: IncomingMessage['headers'] = {}
    const url = await serve((request, response) => {
      asked = request.headers
      request.resume()
      response.writeHead(status, headers).end(body)
    })
    expect(await attempt(url)).toEqual(outcome)
    expect(asked).toMatchObject({
      'x-scope-orgid': 'fleet',
      authorization: 'Bearer t',
      'content-encoding': 'snappy',
      'content-type': 'application/x-protobuf',
      'x-prometheus-remote-write-version': '0.1.0',
    })
  })

  it.each([
    ['all of it written', 204, '3', { kind: 'taken' }],
    ['some of it written', 200, '2', { kind: 'taken', refused: 1, words: '2 of 3 written' }],
    [
      'nothing said',
      204,
      undefined,
      { kind: 'unknown_message', words: 'HTTP 204 that says nothing of samples written' },
    ],
    ['nonsense said', 204, 'many', { kind: 'unknown_message', words: expect.anything() }],
    ['another message wanted', 415, undefined, { kind: 'unknown_message', words: 'HTTP 415' }],
    ['refused in part', 400, '1', { kind: 'taken', refused: 2, words: 'HTTP 400' }],
    ['refused', 400, undefined, { kind: 'refused', words: 'HTTP 400' }],
    ['busy', 503, '0', { kind: 'again', words: 'HTTP 503', waitMs: null }],
  ] as const)('of 2.0: %s', async (_what, status, said, outcome) => {
    let asked: IncomingMessage['headers'] = {}
    const url = await serve((request, response) => {
      asked = request.headers
      request.resume()
      if (said !== undefined) response.setHeader('x-prometheus-remote-write-samples-written', said)
      response.writeHead(status).end()
    })
    expect(await attempt(url, 'write2')).toEqual(outcome)
    expect(asked).toMatchObject({
      'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
      'x-prometheus-remote-write-version': '2.0.0',
    })
  })

  it('to nobody is tried again', async () => {
    expect(await attempt('http://127.0.0.1:1/write')).toMatchObject({ kind: 'again', waitMs: null })
  })

  it.each([
    ['5', 5000],
    ['100000', 300_000],
    ['Thu, 01 Jan 1970 00:00:02 GMT', 1000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', null],
    [null, null],
  ])('Retry-After %s is a wait of %s', (text, ms) => {
    expect(waitOf(text, 1000)).toBe(ms)
  })

  it('reaches another server of ours', async () => {
    await using world = await openWorld()
    const now = world.clock.now()
    const { sender } = stand({
      config: 'queue_config: { max_samples_per_send: 1 }',
      more: {
        clock: systemClock,
        post: openPost({
          url: `${world.url}/api/v1/write`,
          headers: {},
          timeoutMs: 5000,
          now: Date.now,
          origin: 'another',
        }),
      },
    })
    sender.offer(encodeWriteRequest([sample('m', { a: 'b' }, now, 7)]), 'write', 1)
    await expect.poll(() => sender.stats().sent, { timeout: 10_000 }).toBe(1)
    expect((await world.get('/api/v1/query', { query: 'm' })).text).toContain('"7"')
  })

  it.each([
    'prometheus.WriteRequest',
    'io.prometheus.write.v2.Request',
  ])('that comes back to its own server is refused, and so goes round no more (%s)', async (message) => {
    await using world = await openWorld()
    const url = `${world.url}/api/v1/write`
    const { sender, lines } = stand({
      config: `protobuf_message: ${message}, queue_config: { max_samples_per_send: 1 }`,
      more: { clock: systemClock, post: openPost({ url, headers: {}, timeoutMs: 5000, now: Date.now }) },
    })
    sender.offer(bodyOf(1), 'write', 1)
    await expect.poll(() => sender.stats().refused, { timeout: 10_000 }).toBe(1)
    expect(lines.join()).toContain('sent by this very server')
  })
})

describe('what the configuration may say', () => {
  const read = (text: string) => parseConfig({ file: 'server.yml', text, schema: remoteWrite })
  it.each([
    ['- {}', '[0].url: '],
    ['- { url: "ftp://a" }', '[0].url: '],
    ['- { url: "http://user:canary@a/" }', 'no user or password in the address: set basic_auth'],
    ['- { url: "http://a", write_relabel_configs: [{ action: hashmod }] }', '[0].write_relabel_configs[0].'],
    ['- { url: "http://a", headers: { Authorization: canary } }', 'none of authorization'],
    ['- { url: "http://a", protobuf_message: io.prometheus.write.v3.Request }', '[0].protobuf_message: '],
    ['- { url: "http://a", queue_config: { capacity: 5 } }', 'known to Prometheus, not supported here'],
    ['- { url: "http://a", queue_config: { min_backoff: 10s } }', 'no longer than max_backoff'],
    ['- { url: "http://a", name: x }\n- { url: "http://b", name: x }', 'there is another "x"'],
    ['- { url: "http://a", name: "../x" }', 'letters, digits, _ and - only'],
  ])('%j is refused', (text, words) => {
    expect(() => read(text)).toThrow(words)
    expect(() => read(text)).not.toThrow('canary')
  })
})
