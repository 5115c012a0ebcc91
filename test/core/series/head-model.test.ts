// The head beside a plain list: what is refused by name, windows at their borders, what grows old, and matchers.

import { describe, expect, it } from 'vitest'
import { type Head, openHead } from '../../../core/series/head.ts'
import type { Matcher } from '../../../core/series/seam.ts'
import { cpuMs } from '../../helpers/cpu-time.ts'
import { random } from '../../helpers/random.ts'

const name = (value: string, ...more: [string, string][]) => [['__name__', value] as const, ...more]
const columns = (length: number) => ({
  times: new Float64Array(length),
  values: new Float64Array(length),
  stale: new Uint8Array(length),
})
function made(head: Head, labels: readonly (readonly [string, string])[]): number {
  const ref = head.series(labels)
  if (typeof ref !== 'number') throw new Error(`refused: ${ref}`)
  return ref
}
const read = (head: Head, ref: number, t0: number, t1: number, room = 10_000): number[] => {
  const out = columns(room)
  const count = head.window(ref, t0, t1, out)
  return [...out.times.subarray(0, Math.min(count, room))]
}

describe('a series', () => {
  it('is the same for the same labels, and another for any other', () => {
    const head = openHead({ maxSeries: 10, retentionMs: 1_000_000 })
    const a = made(head, name('m', ['a', '1']))
    expect(made(head, name('m', ['a', '1']))).toBe(a)
    expect(made(head, name('m', ['a', '2']))).not.toBe(a)
    expect(made(head, name('m', ['a', '1'], ['b', 'x']))).not.toBe(a)
    expect(made(head, name('m", "a'))).not.toBe(a)
    expect(head.labels(a)).toEqual(name('m', ['a', '1']))
    expect(head.size).toBe(4)
  })

  it.each([
    ['without a name', [['a', '1']]],
    ['with an empty name', [['__name__', '']]],
    [
      'with labels out of order',
      [
        ['b', '1'],
        ['__name__', 'm'],
      ],
    ],
    [
      'with a label twice',
      [
        ['__name__', 'm'],
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    [
      'with a label without a name',
      [
        ['', 'x'],
        ['__name__', 'm'],
      ],
    ],
    [
      'with an empty value',
      [
        ['__name__', 'm'],
        ['a', ''],
      ],
    ],
    ['of nothing', []],
  ] as const)('%s is refused', (_name, labels) => {
    const head = openHead({ maxSeries: 10, retentionMs: 1_000_000 })
    expect(head.series(labels)).toBe('invalid_labels')
    expect(head.size).toBe(0)
  })

  it('past the limit is refused by name, and those that are known go on', () => {
    const head = openHead({ maxSeries: 2, retentionMs: 1_000_000 })
    const a = made(head, name('a'))
    made(head, name('b'))
    expect(head.series(name('c'))).toBe('series_limit')
    expect(head.series(name('a'))).toBe(a)
    expect(head.append(a, 1, 1, false)).toBeNull()
  })

  it('takes samples in order of time only', () => {
    const head = openHead({ maxSeries: 2, retentionMs: 1_000_000 })
    const ref = made(head, name('a'))
    const other = made(head, name('b'))
    expect(head.append(ref, 100, 1, false)).toBeNull()
    expect(head.append(ref, 100, 1, false)).toBeNull() // the very same sample again: nothing to do
    expect(head.append(ref, 100, 2, false)).toBe('duplicate')
    expect(head.append(ref, 99, 1, false)).toBe('out_of_order')
    expect(head.append(other, 50, 1, false)).toBeNull()
    expect(head.append(ref, 101, 1, true)).toBeNull()
    expect(read(head, ref, 0, 1000)).toEqual([100, 101])
    expect([head.minTime, head.maxTime]).toEqual([50, 101])
  })
})

describe('a window', () => {
  it('is open on the left and closed on the right', () => {
    const head = openHead({ maxSeries: 1, retentionMs: 1_000_000 })
    const ref = made(head, name('a'))
    for (const time of [10, 20, 30]) head.append(ref, time, time, false)
    expect(read(head, ref, 10, 30)).toEqual([20, 30])
    expect(read(head, ref, 9, 29)).toEqual([10, 20])
    expect(read(head, ref, 30, 100)).toEqual([])
    expect(read(head, ref, -5, 9)).toEqual([])
    expect(read(head, ref, 20, 20)).toEqual([])
    expect(read(head, ref, 30, 10)).toEqual([])
    expect(read(head, ref, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)).toEqual([10, 20, 30])
  })

  it('that is wider than the columns gives the newest and tells how many there are', () => {
    const head = openHead({ maxSeries: 1, retentionMs: 1_000_000 })
    const ref = made(head, name('a'))
    for (let time = 1; time <= 10; time++) head.append(ref, time, time * 2, time === 9)
    const out = columns(3)
    expect(head.window(ref, 0, 10, out)).toBe(10)
    expect([[...out.times], [...out.values], [...out.stale]]).toEqual([
      [8, 9, 10],
      [16, 18, 20],
      [0, 1, 0],
    ])
    expect(head.window(ref, 0, 10, columns(0))).toBe(10)
  })

  const seed = Date.now() >>> 0
  it(`gives what a plain list would, while old samples are given back (seed ${seed})`, () => {
    const { integer } = random(seed)
    for (const retentionMs of [1, 10, 300, 1_000_000]) {
      const head = openHead({ maxSeries: 3, retentionMs })
      const lists = new Map<string, number[]>()
      let newest = 0
      for (let step = 0; step < 1500; step++) {
        const key = ['a', 'b', 'c'][integer(0, 2)]!
        const ref = made(head, name(key))
        const list = lists.get(key) ?? []
        lists.set(key, list)
        const time = Math.max(list.at(-1) ?? 0, newest - retentionMs) + integer(1, 5)
        expect(head.append(ref, time, -time, time % 7 === 0)).toBeNull()
        list.push(time)
        newest = Math.max(newest, time)
        const words = `seed ${seed}, ${retentionMs} ms, step ${step}`
        // Nothing inside the retention may be missing; what is older may still be there until it is collected.
        const [t0, t1] = [newest - integer(0, Math.min(retentionMs, newest + 5)), integer(newest - 20, newest + 5)]
        const expected = list.filter((at) => at > t0 && at <= t1)
        expect(read(head, ref, t0, t1), words).toEqual(expected)
        const one = columns(1)
        expect(head.latest(ref, t0, t1, one), words).toBe(expected.length === 0 ? 0 : 1)
        if (expected.length > 0)
          expect([one.times[0], one.values[0], one.stale[0]], words).toEqual([
            expected.at(-1),
            -expected.at(-1)!,
            expected.at(-1)! % 7 === 0 ? 1 : 0,
          ])
        if (step % 50 !== 49) continue
        head.collect()
        for (const [kept, times] of lists) if (times.at(-1)! < newest - retentionMs) lists.delete(kept)
        expect(head.size, words).toBe(lists.size)
      }
      expect(head.append(made(head, name('a')), newest - retentionMs - 1, 0, false)).toBe('out_of_bounds')
    }
  })
})

describe('matchers', () => {
  const head = openHead({ maxSeries: 10, retentionMs: 1_000_000 })
  for (const labels of [
    name('up', ['host', 'h1']),
    name('up', ['host', 'h2']),
    name('up'),
    name('down', ['host', 'h1']),
    name('über', ['host', '文\nb']),
  ])
    made(head, labels)
  const on = (op: Matcher['op'], value: string, label = 'host'): Matcher => ({ name: label, op, value })
  it.each([
    [[on('=', 'up', '__name__')], [0, 1, 2]],
    [[on('=', 'nothing', '__name__')], []],
    [[on('!=', 'up', '__name__')], [3, 4]],
    [[on('=~', 'u.*|down', '__name__')], [0, 1, 2, 3]],
    [[on('=', 'h1')], [0, 3]],
    [[on('=', '')], [2]],
    [[on('!=', '')], [0, 1, 3, 4]],
    [[on('=~', '')], [2]],
    [[on('=~', 'h')], []],
    [[on('=~', 'h.')], [0, 1, 3]],
    [[on('=~', 'h1|h2')], [0, 1, 3]],
    [[on('!~', 'h.')], [2, 4]],
    [[on('!~', '.+')], [2]],
    [[on('=~', '(?s)文.b')], [4]],
    [[on('=', 'up', '__name__'), on('=~', 'h.'), on('!=', 'h1')], [1]],
    [[on('=', 'x', 'constructor')], []],
  ] as const)('%j select %j', (matchers, refs) => {
    expect([...head.select(matchers)].sort()).toEqual(refs)
  })

  it('name labels and values, sorted, each once, without the empty', () => {
    expect(head.labelNames([])).toEqual(['__name__', 'host'])
    expect(head.labelNames([on('=', 'up', '__name__'), on('=', '')])).toEqual(['__name__'])
    expect(head.labelValues('host', [on('=', 'up', '__name__')])).toEqual(['h1', 'h2'])
    expect(head.labelValues('nothing', [])).toEqual([])
  })

  it('take an expression that would keep another engine busy for years', () => {
    const one = openHead({ maxSeries: 1, retentionMs: 1_000_000 })
    made(one, name('m', ['v', 'a'.repeat(5000)]))
    const begun = cpuMs()
    expect(one.select([on('=~', '(a|a)*(a|a)*b', 'v')])).toHaveLength(0)
    expect(cpuMs() - begun).toBeLessThan(5000)
  })

  it('of a new series change the generation, of a known one they do not', () => {
    const one = openHead({ maxSeries: 5, retentionMs: 1_000_000 })
    const before = one.generation
    made(one, name('m'))
    const after = one.generation
    made(one, name('m'))
    expect(after).toBeGreaterThan(before)
    expect(one.generation).toBe(after)
  })
})
