// Remote write as senders meet it: content types, the answers that make a sender try again or give up, and what is written afterwards.

import { compress } from 'snappyjs'
import { describe, expect, it } from 'vitest'
import { InferwardError } from '../../../core/base/errors.ts'
import { encodeWriteRequest } from '../../../core/sample/remote-write.ts'
import type { Labels, SeriesSamples } from '../../../core/sample/sample.ts'
import { encodeWrite2 } from '../../../core/sample/write-2.ts'
import { ask, now, openWorld, type World } from '../../helpers/prometheus-world.ts'

const one = 'application/x-protobuf'
const two = 'application/x-protobuf;proto=io.prometheus.write.v2.Request'
const at = now * 1000
const series = (labels: Labels, ...points: (readonly [time: number, value: number])[]): SeriesSamples => ({
  labels,
  times: points.map(([time]) => time),
  values: points.map(([, value]) => value),
})
const up = (...points: (readonly [time: number, value: number])[]) =>
  series(
    [
      ['__name__', 'up'],
      ['job', 'a'],
    ],
    ...points,
  )

const write = (world: World, body: Uint8Array, headers: Record<string, string> = { 'content-type': one }) =>
  ask(world.url, '/api/v1/write', {
    method: 'POST',
    headers: { 'content-encoding': 'snappy', ...headers },
    body: Buffer.from(body),
  })
const value = async (world: World, query: string): Promise<unknown> => {
  const { data } = (await world.get('/api/v1/query', { query })).json() as unknown as {
    data: { result: { metric: unknown; value: [number, string] }[] }
  }
  return data.result.map((row) => [row.metric, row.value[1]])
}

/** Both versions of the protocol meet the same store. */
describe.each([
  ['1.0', one, encodeWriteRequest],
  ['2.0', two, encodeWrite2],
] as const)('remote write %s', (version, type, encode) => {
  const send = (world: World, ...rows: SeriesSamples[]) => write(world, encode(rows), { 'content-type': type })
  const written = (headers: Readonly<Record<string, unknown>>) =>
    ['samples', 'histograms', 'exemplars'].map((what) => headers[`x-prometheus-remote-write-${what}-written`])

  it('is answered 204, and the samples are there', async () => {
    await using world = await openWorld()
    const answer = await send(world, up([at - 1000, 1], [at, 2]))
    expect([answer.status, answer.text]).toEqual([204, ''])
    expect(written(answer.headers)).toEqual(version === '2.0' ? ['2', '0', '0'] : [undefined, undefined, undefined])
    expect(await value(world, 'up')).toEqual([[{ __name__: 'up', job: 'a' }, '2']])
  })

  it('takes the same samples again, as a sender that lost the answer sends them', async () => {
    await using world = await openWorld()
    for (let attempt = 0; attempt < 3; attempt++) expect((await send(world, up([at, 2]))).status).toBe(204)
    expect(await value(world, 'count_over_time(up[1m])')).toEqual([[{ job: 'a' }, '1']])
  })

  it.each([
    [
      'out of order',
      [at - 1000, 1],
      'out of order sample: series {__name__="up", job="a"}, timestamp ',
      'out_of_order',
    ],
    ['with another value at its time', [at, 3], 'duplicate sample for timestamp: series {', 'duplicate'],
    ['too old', [at - 86_400_000, 1], 'out of bounds: series {', 'out_of_bounds'],
    ['from far ahead', [at + 86_400_000, 1], 'out of bounds: series {', 'out_of_bounds'],
  ] as const)('with a sample %s is 400 with the first fault, and the rest is written', async (_what, point, words, reason) => {
    await using world = await openWorld()
    await send(world, up([at, 2]))
    const other = series([['__name__', 'other']], [at, 7])
    const answer = await send(world, up(point), other)
    expect(answer.status).toBe(400)
    expect(answer.text).toContain(words)
    expect(answer.text).toContain(`refused: 1 ${reason}`)
    if (version === '2.0') expect(written(answer.headers)).toEqual(['1', '0', '0'])
    expect(await value(world, 'other')).toEqual([[{ __name__: 'other' }, '7']])
  })

  it.each([
    ['without a metric name', [['job', 'a']]],
    [
      'with a name twice',
      [
        ['__name__', 'x'],
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    [
      'with an empty name',
      [
        ['', 'x'],
        ['__name__', 'x'],
      ],
    ],
    [
      'with a NUL in a name',
      [
        ['__name__', 'x'],
        ['a\0b', '1'],
      ],
    ],
  ] as const)('with labels %s is 400, and the rest is written', async (_what, labels) => {
    await using world = await openWorld()
    const answer = await send(world, series(labels, [at, 1]), up([at, 2]))
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('refused: 1 invalid_labels')])
    expect(answer.text).toContain('invalid labels: series ')
    expect(await value(world, 'up')).toEqual([[{ __name__: 'up', job: 'a' }, '2']])
  })

  it('sorts labels that come unsorted and leaves out empty ones, so that they are one series with the others', async () => {
    await using world = await openWorld()
    await send(
      world,
      series(
        [
          ['job', 'a'],
          ['empty', ''],
          ['__name__', 'up'],
        ],
        [at - 1000, 1],
      ),
    )
    expect((await send(world, up([at, 2]))).status).toBe(204)
    expect(await value(world, 'count_over_time(up[1m])')).toEqual([[{ job: 'a' }, '2']])
  })

  it('is 400 and writes nothing where the body is broken', async () => {
    await using world = await openWorld()
    const whole = encode([up([at, 2])])
    expect((await write(world, whole.subarray(0, whole.length - 3), { 'content-type': type })).status).toBe(400)
    expect(await value(world, 'up')).toEqual([])
  })

  it('is 503 while the store cannot take it, so that the sender tries again', async () => {
    const full = new InferwardError({ code: 'store.full', message: 'the write-ahead log is full', retryable: true })
    await using world = await openWorld({ wrap: (store) => ({ ...store, append: () => Promise.reject(full) }) })
    expect((await send(world, up([at, 2]))).status).toBe(503)
  })
})

describe('the two versions', () => {
  it('write the same series', async () => {
    await using world = await openWorld()
    for (let step = 0; step < 6; step++) {
      const [type, encode] = step % 2 === 0 ? ([one, encodeWriteRequest] as const) : ([two, encodeWrite2] as const)
      const rows = Array.from({ length: 50 }, (_, n) =>
        series(
          [
            ['__name__', 'm'],
            ['n', String(n)],
          ],
          [at - 60_000 + step * 1000, step],
        ),
      )
      expect((await write(world, encode(rows), { 'content-type': type })).status).toBe(204)
    }
    expect((await world.store.stats()).series).toBe(50)
    expect(await value(world, 'sum(count_over_time(m[2m]))')).toEqual([[{}, '300']])
  })

  it('a table of texts that comes again with other numbers behind it means the other series', async () => {
    await using world = await openWorld()
    // The same table each time, once named in one order and once in the other.
    const rows = (flip: boolean, time: number) =>
      encodeWrite2([
        series(
          [
            ['__name__', 'm'],
            ['x', 'p'],
            ['y', 'q'],
          ],
          [time, 1],
        ),
        series(
          [
            ['__name__', 'm'],
            ['x', flip ? 'q' : 'p'],
            ['y', flip ? 'p' : 'q'],
          ],
          [time + 1, 2],
        ),
      ])
    for (let step = 0; step < 4; step++)
      expect(
        (await write(world, rows(step % 2 === 1, at - 60_000 + step * 1000), { 'content-type': two })).status,
      ).toBe(204)
    expect(await value(world, 'sort(count_over_time(m[2m]))')).toEqual([
      [{ x: 'q', y: 'p' }, '2'],
      [{ x: 'p', y: 'q' }, '6'],
    ])
  })
})

describe('a series that the store gave up', () => {
  it('is a new one when it comes again, whoever else has its place by then', async () => {
    await using world = await openWorld({ limits: { retentionMs: 3_600_000 } })
    const send = async (name: string, time: number): Promise<void> => {
      const rows = [series([['__name__', name]], [time, 1]), series([['__name__', `${name}_b`]], [time, 2])]
      expect((await write(world, encodeWrite2(rows), { 'content-type': two })).status).toBe(204)
    }
    const start = at - 5 * 3_600_000
    for (let step = 0; step < 4; step++) await send('first', start + step * 1000)
    for (let step = 0; step < 4; step++) await send('second', at - 60_000 + step * 1000)
    await world.store.append(new Uint8Array(encodeWriteRequest([])).buffer)
    for (let step = 4; step < 8; step++) await send('first', at - 60_000 + step * 1000)
    expect(await value(world, 'count_over_time(first[2m])')).toEqual([[{}, '4']])
    expect(await value(world, 'count_over_time(second_b[2m])')).toEqual([[{}, '4']])
  })
})

describe('what senders may say of a body', () => {
  it.each([
    ['nothing at all', {}, 204],
    ['its type', { 'content-type': one }, 204],
    ['its message', { 'content-type': `${one};proto=prometheus.WriteRequest` }, 204],
    ['its message in quotes', { 'content-type': `${one}; proto="prometheus.WriteRequest"` }, 204],
    ['another message', { 'content-type': `${one};proto=io.prometheus.write.v3.Request` }, 415],
    ['a word of every object', { 'content-type': `${one};proto=constructor` }, 415],
    ['another type', { 'content-type': 'application/json' }, 415],
    ['another encoding', { 'content-type': one, 'content-encoding': 'gzip' }, 415],
    ['1.0 under the name of 2.0', { 'content-type': two }, 400],
  ])('%s', async (_what, headers, status) => {
    await using world = await openWorld()
    const answer = await write(world, encodeWriteRequest([up([at, 1])]), headers as Record<string, string>)
    expect(answer.status).toBe(status)
    if (status === 415) expect(answer.text).toMatch(/remote_write.unsupported.*Send /s)
    expect(await value(world, 'up')).toHaveLength(status === 204 ? 1 : 0)
  })

  it('a native histogram is refused by name, and the samples beside it are written', async () => {
    await using world = await openWorld()
    const label = (...parts: string[]) =>
      parts.flatMap((text, i) => [i === 0 ? 0x0a : 0x12, text.length, ...Buffer.from(text)])
    const named = label('__name__', 'h')
    const body = compress(Uint8Array.of(0x0a, named.length + 5, 0x0a, named.length, ...named, 0x22, 1, 0))
    const answer = await write(world, body)
    expect([answer.status, answer.text]).toEqual([
      400,
      expect.stringContaining('native histograms are not supported: series {__name__="h"}'),
    ])
  })

  it('a body of 100 MB is 413, and the server goes on', async () => {
    await using world = await openWorld()
    const answer = await write(world, Buffer.alloc(100 << 20)).catch((error: unknown) => error)
    // The connection may be closed before all of it is sent.
    expect(answer instanceof Error || (answer as { status: number }).status === 413).toBe(true)
    expect((await write(world, encodeWriteRequest([up([at, 1])]))).status).toBe(204)
  })
})
