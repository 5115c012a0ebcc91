import { describe, expect, it } from 'vitest'
import { openHead } from '../../../core/series/head.ts'
import type { Labels } from '../../../core/series/seam.ts'

const named = (name: string, more: Record<string, string> = {}): Labels =>
  Object.entries({ __name__: name, ...more }).sort(([a], [b]) => (a < b ? -1 : 1))
const forever = { maxSeries: 100, retentionMs: Number.POSITIVE_INFINITY }
const cell = { times: new Float64Array(4), values: new Float64Array(4), stale: new Uint8Array(4) }

describe('the head', () => {
  it.each([
    ['no name', [['host', 'a']]],
    [
      'an empty name',
      [
        ['', 'a'],
        ['__name__', 'up'],
      ],
    ],
    [
      'an empty value',
      [
        ['__name__', 'up'],
        ['host', ''],
      ],
    ],
    [
      'labels out of order',
      [
        ['host', 'a'],
        ['__name__', 'up'],
      ],
    ],
    [
      'a name twice',
      [
        ['__name__', 'up'],
        ['host', 'a'],
        ['host', 'b'],
      ],
    ],
  ] as [string, [string, string][]][])('refuses a series with %s', (_title, labels) => {
    expect(openHead(forever).series(labels)).toBe('invalid_labels')
  })

  it('gives the same reference for the same labels, and refuses more series than it may hold', () => {
    const head = openHead({ ...forever, maxSeries: 2 })
    const a = head.series(named('a'))
    expect(head.series(named('a'))).toBe(a)
    expect(head.series(named('b'))).not.toBe(a)
    expect(head.series(named('c'))).toBe('series_limit')
    expect(head.size).toBe(2)
  })

  it('forgets what is older than its retention, tells it, and has room again', () => {
    const told: string[] = []
    const head = openHead(
      { maxSeries: 2, retentionMs: 1000 },
      {
        created: (ref, labels) => void told.push(`created ${ref} ${labels[0]![1]}`),
        removed: (ref) => void told.push(`removed ${ref}`),
        appended: (ref, time) => void told.push(`sample ${ref} ${time}`),
      },
    )
    const [a, b] = [head.series(named('a')), head.series(named('b'))] as [number, number]
    head.append(a, 100, 1, false)
    head.append(b, 1050, 1, false)
    expect(head.collect()).toBe(0)
    head.append(b, 1200, 1, false)
    const generation = head.generation
    expect(head.collect()).toBe(1)
    expect(head.generation).not.toBe(generation)
    expect(head.select([{ name: '__name__', op: '=', value: 'a' }])).toHaveLength(0)
    expect(head.append(b, 150, 1, false)).toBe('out_of_bounds')
    expect(typeof head.series(named('c'))).toBe('number')
    expect(told).toEqual([
      'created 0 a',
      'created 1 b',
      'sample 0 100',
      'sample 1 1050',
      'sample 1 1200',
      'removed 0',
      'created 0 c',
    ])
    // The reference is used again, and nothing of the series before it shows.
    expect(head.latest(0, 0, 5000, cell)).toBe(0)
  })

  it('tells labels and values, of all series or of some', () => {
    const head = openHead(forever)
    head.series(named('up', { host: 'a', gpu: '1' }))
    head.series(named('up', { host: 'b' }))
    head.series(named('down', { rack: 'x' }))
    const up = [{ name: '__name__', op: '=' as const, value: 'up' }]
    expect(head.labelNames([])).toEqual(['__name__', 'gpu', 'host', 'rack'])
    expect(head.labelNames(up)).toEqual(['__name__', 'gpu', 'host'])
    expect(head.labelValues('host', up)).toEqual(['a', 'b'])
    expect(head.labelValues('__name__', [])).toEqual(['down', 'up'])
  })

  it('reads windows that are open on the left', () => {
    const head = openHead(forever)
    const ref = head.series(named('a')) as number
    for (const time of [10, 20, 30]) head.append(ref, time, time, false)
    expect(head.window(ref, 10, 30, cell)).toBe(2)
    expect([...cell.times.subarray(0, 2)]).toEqual([20, 30])
    expect(head.latest(ref, 20, 29, cell)).toBe(0)
    expect(head.latest(ref, 19, 29, cell)).toBe(1)
    expect([head.minTime, head.maxTime]).toEqual([10, 30])
  })
})
