// Bulk reads beside the plain window of each series: over jittery times, gaps, falls, stale markers, chunks behind the ring and windows that end in
// the past.

import { describe, expect, it } from 'vitest'
import { openHead } from '../../../core/series/head.ts'
import type { Edges, Run, Window } from '../../../core/series/seam.ts'
import { randomFrom } from '../promql/random-query.ts'

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const nothing: Run = { times: new Float64Array(0), values: new Float64Array(0), base: 0, mask: 0, from: 0, count: 0 }

function live(head: ReturnType<typeof openHead>, ref: number, t0: number, t1: number) {
  const out: Window = { times: new Float64Array(1000), values: new Float64Array(1000), stale: new Uint8Array(1000) }
  const count = head.window(ref, t0, t1, out)
  const samples: [time: number, value: number][] = []
  for (let i = 0; i < count; i++) if (out.stale[i] === 0) samples.push([out.times[i]!, out.values[i]!])
  return { samples, ended: count > 0 && out.stale[count - 1] === 1 }
}

describe(`bulk reads (FUZZ_SEED=${seed})`, () => {
  it('give what the windows of the series give', () => {
    const random = randomFrom(seed)
    const below = (limit: number): number => Math.floor(random() * limit)
    let [fallen, unknown] = [0, 0]
    for (let round = 0; round < 30; round++) {
      const unbounded = Number.POSITIVE_INFINITY
      const outOfOrderMs = round % 2 === 0 ? 0 : unbounded
      const head = openHead({ maxSeries: 100, retentionMs: unbounded, outOfOrderMs })
      const refs = Uint32Array.from({ length: 12 }, (_, i) => head.series([['__name__', `m${i}`]]) as number)
      for (const ref of refs) {
        let time = below(1000)
        let value = 0
        const falling = random() < 0.4
        const length = below(4) === 0 ? below(20) : below(400)
        for (let i = 0; i < length; i++) {
          time += 1 + below(random() < 0.05 ? 5000 : 30)
          value = falling && random() < 0.05 ? below(3) : random() < 0.01 ? Number.NaN : (value || 0) + below(5)
          head.append(ref, time, value, random() < 0.004)
          if (random() < 0.1) head.append(ref, below(time + 1), below(9), random() < 0.02)
        }
      }
      for (let look = 0; look < 30; look++) {
        const t1 = below(9000)
        const t0 = t1 - below(look % 2 === 0 ? 600 : 9000)
        const edges: Edges = {
          counts: new Int32Array(refs.length),
          firstTimes: new Float64Array(refs.length),
          firstValues: new Float64Array(refs.length),
          lastTimes: new Float64Array(refs.length),
          lastValues: new Float64Array(refs.length),
          falls: new Uint8Array(refs.length),
        }
        head.bulk!.edges(refs, t0, t1, edges)
        const values = new Float64Array(refs.length)
        const rows = new Int32Array(refs.length)
        const newest = [...rows.subarray(0, head.bulk!.newest(refs, t0, t1, values, rows))]
        const run = { ...nothing }
        refs.forEach((ref, row) => {
          const { samples, ended } = live(head, ref, t0, t1)
          head.bulk!.run(ref, t0, t1, run)
          const { times, values: held, base, mask, from, count } = run
          expect(
            Array.from({ length: count }, (_, i) => {
              const at = base + ((from + i) & mask)
              return [times[at], held[at]]
            }),
          ).toEqual(samples)
          expect(edges.counts[row]).toBe(samples.length)
          if (samples.length > 0) {
            expect([edges.firstTimes[row], edges.firstValues[row]]).toEqual(samples[0])
            expect([edges.lastTimes[row], edges.lastValues[row]]).toEqual(samples.at(-1))
          }
          const falls = samples.some(([, value], i) => i > 0 && value < samples[i - 1]![1])
          if (falls) expect(edges.falls[row]).toBe(1)
          fallen += falls ? 1 : 0
          unknown += !falls && edges.falls[row] === 1 ? 1 : 0
          expect(newest.includes(row)).toBe(samples.length > 0 && !ended)
          if (newest.includes(row)) expect(values[row]).toBe(samples.at(-1)![1])
        })
      }
    }
    expect(fallen).toBeGreaterThan(50)
    // What only may have fallen is looked at again, which costs; it is the exception.
    expect(unknown).toBeLessThan(30 * 30 * 12 * 0.15)
  })

  it('stamp a selector by the series that it can mean', () => {
    const head = openHead({ maxSeries: 10, retentionMs: 1000 })
    const named = [{ name: '__name__', op: '=', value: 'up' }] as const
    const broad = [{ name: 'job', op: '=~', value: 'a.*' }] as const
    head.append(head.series([['__name__', 'up']]) as number, 0, 1, false)
    const [first, firstBroad] = [head.bulk!.stamp(named), head.bulk!.stamp(broad)]
    head.append(head.series([['__name__', 'other']]) as number, 5000, 1, false)
    expect(head.bulk!.stamp(named)).toBe(first)
    expect(head.bulk!.stamp(broad)).not.toBe(firstBroad)
    expect(head.collect()).toBe(1)
    const gone = head.bulk!.stamp(named)
    expect(gone).not.toBe(first)
    head.series([['__name__', 'up']])
    expect(head.bulk!.stamp(named)).not.toBe(first)
    expect(head.bulk!.stamp(named)).not.toBe(gone)
  })
})
