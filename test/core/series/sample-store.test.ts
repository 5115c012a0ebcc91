import { describe, expect, it } from 'vitest'
import { openSampleStore } from '../../../core/series/sample-store.ts'
import type { Window } from '../../../core/series/seam.ts'
import { random } from '../../helpers/random.ts'

const columns = (length: number): Window => ({
  times: new Float64Array(length),
  values: new Float64Array(length),
  stale: new Uint8Array(length),
})

type Sample = { readonly time: number; readonly value: number; readonly stale: boolean }
const read = (out: Window, count: number): Sample[] =>
  Array.from({ length: count }, (_, i) => ({
    time: out.times[i]!,
    value: out.stale[i] === 1 ? 0 : out.values[i]!,
    stale: out.stale[i] === 1,
  }))

describe('samples of many series', () => {
  it('agree with plain lists over appends, windows, cuts and drops', () => {
    const source = random(11)
    const store = openSampleStore()
    const lists = new Map<number, Sample[]>()
    const out = columns(4096)
    for (let turn = 0; turn < 60_000; turn++) {
      const ref = source.pick([0, 1, 2, 1023, 1024, 5000])
      const list = lists.get(ref) ?? []
      lists.set(ref, list)
      const last = list.at(-1)?.time ?? 0
      const stale = source.uniform() < 0.02
      const next: Sample = {
        time: last + source.integer(1, 20_000),
        value: stale ? 0 : Math.round(source.normal() * 100),
        stale,
      }
      expect(store.append(ref, next.time, next.value, next.stale)).toBeNull()
      list.push(next)
      if (source.uniform() < 0.0002) {
        store.drop(ref)
        lists.delete(ref)
      } else if (turn % 97 === 0) {
        const t0 = source.uniform() * (next.time + 1000)
        const t1 = t0 + source.uniform() * (next.time + 1000 - t0)
        const wanted = list.filter((one) => one.time > t0 && one.time <= t1)
        expect(read(out, store.window(ref, t0, t1, out))).toEqual(wanted)
        expect(read(out, store.latest(ref, t0, t1, out))).toEqual(wanted.slice(-1))
        const short = columns(5)
        expect(store.window(ref, t0, t1, short)).toBe(wanted.length)
        expect(read(short, Math.min(5, wanted.length))).toEqual(wanted.slice(-5))
      }
    }
  }, 20_000)

  it('refuses what is older, and another value at the same time; the same sample again is nothing new', () => {
    const store = openSampleStore()
    expect(store.append(0, 10, 1, false)).toBeNull()
    expect(store.append(0, 9, 1, false)).toBe('out_of_order')
    expect(store.append(0, 10, 2, false)).toBe('duplicate')
    expect(store.append(0, 10, 0, true)).toBe('duplicate')
    expect(store.append(0, 10, 1, false)).toBeNull()
    expect(store.window(0, 0, 100, columns(9))).toBe(1)
    expect(store.lastTime(0)).toBe(10)
    expect(store.lastTime(1)).toBe(Number.NEGATIVE_INFINITY)
  })

  it('gives old chunks back, and the rest stays readable', () => {
    const store = openSampleStore()
    for (let i = 1; i <= 1000; i++) store.append(3, i * 1000, Math.sin(i), false)
    const before = store.chunkBytes
    store.truncate(3, 700_000)
    expect(store.chunkBytes).toBeLessThan(before / 2)
    const out = columns(2000)
    const kept = store.window(3, 0, 2_000_000, out)
    expect(kept).toBeGreaterThanOrEqual(300)
    expect(kept).toBeLessThan(300 + 256)
    expect(read(out, kept).map((one) => one.value)).toEqual(
      Array.from({ length: kept }, (_, i) => Math.sin(1000 - kept + 1 + i)),
    )
    for (let i = 1001; i <= 1100; i++) expect(store.append(3, i * 1000, i, false)).toBeNull()
    expect(store.latest(3, 0, 2_000_000, out)).toBe(1)
    expect(out.values[0]).toBe(1100)
  })

  it('uses the memory of dropped series again', () => {
    const store = openSampleStore()
    const fill = (): void => {
      for (let ref = 0; ref < 500; ref++) for (let i = 1; i <= 200; i++) store.append(ref, i, Math.sin(i * ref), false)
    }
    fill()
    const reserved = store.reservedBytes
    for (let round = 0; round < 5; round++) {
      for (let ref = 0; ref < 500; ref++) store.drop(ref)
      expect(store.chunkBytes).toBe(0)
      fill()
    }
    expect(store.reservedBytes).toBe(reserved)
  })

  it('keeps twenty minutes at 15 s in about a kilobyte a series', () => {
    const store = openSampleStore()
    const series = 4096
    for (let i = 0; i < 80; i++) {
      for (let ref = 0; ref < series; ref++) {
        const value = ref % 3 === 0 ? 40 + 20 * Math.sin((i * 7 + ref) / 41) : 1000 * ref + 30 * i
        store.append(ref, 1_700_000_000_000 + i * 15_000, value, false)
      }
    }
    expect(store.reservedBytes / series).toBeLessThan(1100)
  })
})
