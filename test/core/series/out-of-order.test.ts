// Samples behind newer ones, beside a plain map of times: what is read in any window, and what is refused by which name.

import { describe, expect, it } from 'vitest'
import { openHead } from '../../../core/series/head.ts'
import type { Window } from '../../../core/series/seam.ts'
import { random } from '../../helpers/random.ts'

const minute = 60_000
const columns = (length: number): Window => ({
  times: new Float64Array(length),
  values: new Float64Array(length),
  stale: new Uint8Array(length),
})

describe('samples out of order', () => {
  it.each([1, 2, 3, 4])('lie where they belong, whatever they meet there (seed %i)', (seed) => {
    const source = random(seed)
    const head = openHead({ maxSeries: 10, retentionMs: 1e12, outOfOrderMs: 1e12 })
    const ref = head.series([['__name__', 'm']]) as number
    const model = new Map<number, { readonly value: number; readonly stale: boolean }>()
    const out = columns(10_000)
    let newest = 1e6
    for (let n = 0; n < 3000; n++) {
      // Mostly forward, else near the end, in the middle or in front of everything.
      const kind = source.uniform()
      if (kind < 0.5) newest += source.integer(1, 2000)
      const time =
        kind < 0.5 ? newest : kind < 0.75 ? newest - source.integer(0, 40_000) : source.integer(900_000, newest)
      const sample = { value: source.integer(0, 3), stale: source.uniform() < 0.02 }
      const known = model.get(time)
      const same = known?.stale === sample.stale && (sample.stale || known?.value === sample.value)
      expect(head.append(ref, time, sample.value, sample.stale)).toBe(known === undefined || same ? null : 'duplicate')
      if (known === undefined) model.set(time, sample)
      if (n % 37 !== 0) continue
      const t0 = source.integer(890_000, newest)
      const t1 = source.uniform() < 0.3 ? newest : t0 + source.integer(0, 500_000)
      const wanted = [...model].filter(([at]) => at > t0 && at <= t1).sort(([a], [b]) => a - b)
      const text = (at: number): string => `${out.times[at]} ${out.stale[at] === 1 ? 'stale' : out.values[at]}`
      const count = head.window(ref, t0, t1, out)
      expect(Array.from({ length: count }, (_, i) => text(i))).toEqual(
        wanted.map(([at, { value, stale }]) => `${at} ${stale ? 'stale' : value}`),
      )
      expect(head.latest(ref, t0, t1, out)).toBe(Math.min(1, wanted.length))
      if (wanted.length > 0) expect(out.times[0]).toBe(wanted.at(-1)![0])
    }
    expect(model.size).toBeGreaterThan(2000)
    // What a snapshot takes over, and what is given back.
    const again = openHead({ maxSeries: 10, retentionMs: 1e12, outOfOrderMs: 1e12 })
    const chunks: Uint8Array[] = []
    const open = columns(64)
    const count = head.dump(ref, Number.NEGATIVE_INFINITY, (chunk) => chunks.push(chunk.slice()), open)
    expect(again.restore([['__name__', 'm']], chunks, open, count)).toBeNull()
    expect(again.window(0, 0, newest, out)).toBe(model.size)
    expect(again.append(0, newest - 1, 7, false)).toBe(model.has(newest - 1) ? 'duplicate' : null)
    head.collect(newest - 50_000)
    expect(head.window(ref, newest - 50_000, newest, out)).toBe(
      [...model.keys()].filter((at) => at > newest - 50_000).length,
    )
  })

  it.each([
    // window, seconds behind the newest, value, what comes of it
    [0, 1, 5, 'out_of_order'],
    [0, 90 * 60, 5, 'out_of_bounds'],
    [10, 0, 5, 'duplicate'],
    [10, 0, 100, null],
    [10, 9 * 60, 5, null],
    [10, 10 * 60, 5, null],
    [10, 10 * 60 + 1, 5, 'too_old'],
    [10, 90 * 60, 5, 'too_old'],
    [10, 60, 40, null],
    [10, 60, 41, 'duplicate'],
  ])('a window of %i min and a sample %i s behind with value %i: %s', (window, behind, value, wanted) => {
    const head = openHead({ maxSeries: 2, retentionMs: 60 * minute, outOfOrderMs: window * minute })
    const ref = head.series([['__name__', 'm']]) as number
    const now = 1000 * minute
    head.append(ref, now - minute, 40, false)
    head.append(ref, now, 100, false)
    expect(head.append(ref, now - behind * 1000, value, false)).toBe(wanted)
  })

  it('of another series count from the newest of all, and none comes into what is closed', () => {
    const head = openHead({ maxSeries: 2, retentionMs: 60 * minute, outOfOrderMs: 10 * minute })
    const [a, b] = ['a', 'b'].map((name) => head.series([['__name__', name]]) as number) as [number, number]
    head.append(a, 100 * minute, 1, false)
    expect(head.append(b, 50 * minute, 1, false)).toBeNull() // newer than anything of its series
    expect(head.append(b, 49 * minute, 1, false)).toBe('too_old')
    expect(head.append(b, 95 * minute, 1, false)).toBeNull()
    expect(head.append(b, 91 * minute, 1, false)).toBeNull()
    head.close(92 * minute)
    expect(head.append(b, 91.5 * minute, 1, false)).toBe('too_old')
    expect(head.append(b, 93 * minute, 1, false)).toBeNull()
    head.allow(10 * minute)
    expect(head.append(a, 93 * minute, 1, false)).toBeNull()
    expect(head.append(a, 85 * minute, 1, false)).toBe('too_old')
  })

  it('are told to the observer, and counted where windows are kept', () => {
    const told: number[] = []
    const head = openHead(
      { maxSeries: 2, retentionMs: 60 * minute, outOfOrderMs: 10 * minute },
      { appended: (_ref, time) => told.push(time), created: () => {}, removed: () => {} },
    )
    const [a, b] = ['a', 'b'].map((name) => head.series([['__name__', name]]) as number) as [number, number]
    for (const time of [100, 103, 101]) head.append(a, time, time, false)
    head.append(b, 100, 1, false)
    expect(told).toEqual([100, 103, 101, 100])
    expect([head.bulk!.insertions, head.bulk!.insertionsOf(a), head.bulk!.insertionsOf(b)]).toEqual([1, 1, 0])
    head.append(a, 101, 101, false)
    expect(head.bulk!.insertions).toBe(1)
  })
})
