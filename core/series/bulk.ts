// Reading many series in one call, straight from their rings: no object per series and no copy while a window lies in the ring. What does not is
// copied from the chunks. Gives what `window` gives, without stale markers.

import { type Block, ringSize, seriesPerBlock } from './block.ts'
import type { BulkReader, Run, Window } from './seam.ts'

export type BulkSamples = Pick<BulkReader, 'newest' | 'edges' | 'run' | 'copied'>

/** Samples of (t0, t1] without the first `skip`, as far as they fit; how many there are in all. */
type Fill = (block: Block, slot: number, t0: number, t1: number, out: Window, skip: number) => number

const mask = ringSize - 1

export function openBulk(blocks: readonly Block[], fill: Fill): BulkSamples {
  let scratch = columns(256)
  /** Bounds of the window last found in a ring, as counts of samples ever appended. */
  let lo = 0
  let hi = 0
  let copied = 0

  /** False where the ring alone cannot tell, or holds stale markers. */
  const inRing = (block: Block, slot: number, t0: number, t1: number): boolean => {
    if (block.stale[slot] !== 0) return false
    const { times } = block
    const base = slot * ringSize
    const sealed = block.sealed[slot]! | 0
    const count = block.counts[slot]! | 0
    const length = hi - lo
    hi = count
    while (hi > sealed && times[base + ((hi - 1) & mask)]! > t1) hi--
    // Neighbours are sampled alike: where the window of the one before began, this one's begins as a rule.
    lo = hi - length
    if (lo < sealed) lo = sealed
    while (lo < hi && times[base + (lo & mask)]! <= t0) lo++
    while (lo > sealed && times[base + ((lo - 1) & mask)]! > t0) lo--
    return lo > sealed || block.newest[slot] === 0
  }

  /** Into the scratch, stale markers taken out; how many. */
  const copy = (block: Block, slot: number, t0: number, t1: number): number => {
    copied++
    let total = fill(block, slot, t0, t1, scratch, 0)
    if (total > scratch.times.length) {
      scratch = columns(2 ** Math.ceil(Math.log2(total)))
      total = fill(block, slot, t0, t1, scratch, 0)
    }
    const { times, values, stale } = scratch
    let kept = 0
    for (let i = 0; i < total; i++) {
      if (stale[i] === 1) continue
      times[kept] = times[i]!
      values[kept++] = values[i]!
    }
    return kept
  }

  return {
    newest(refs, t0, t1, values, live) {
      let found = 0
      for (let row = 0; row < refs.length; row++) {
        const ref = refs[row]!
        const block = blocks[ref >>> 10]
        if (block === undefined) continue
        const slot = ref & (seriesPerBlock - 1)
        const base = slot * ringSize
        const sealed = block.sealed[slot]! | 0
        let at = (block.counts[slot]! | 0) - 1
        while (at >= sealed && block.times[base + (at & mask)]! > t1) at--
        if (at >= sealed) {
          const place = at & mask
          if (block.times[base + place]! <= t0 || ((block.stale[slot]! >>> place) & 1) === 1) continue
          values[row] = block.values[base + place]!
        } else {
          if (block.newest[slot] === 0) continue
          const total = fill(block, slot, t0, t1, scratch, 0)
          if (total === 0) continue
          if (total > scratch.times.length) {
            copy(block, slot, t0, t1)
            fill(block, slot, t0, t1, scratch, 0)
          }
          if (scratch.stale[total - 1] === 1) continue
          values[row] = scratch.values[total - 1]!
        }
        live[found++] = row
      }
      return found
    },
    edges(refs, t0, t1, out) {
      const { counts, firstTimes, firstValues, lastTimes, lastValues, falls } = out
      for (let row = 0; row < refs.length; row++) {
        const ref = refs[row]!
        const block = blocks[ref >>> 10]
        if (block === undefined) {
          counts[row] = 0
          continue
        }
        const slot = ref & (seriesPerBlock - 1)
        if (inRing(block, slot, t0, t1)) {
          counts[row] = hi - lo
          const first = slot * ringSize + (lo & mask)
          const last = slot * ringSize + ((hi - 1) & mask)
          firstTimes[row] = block.times[first]!
          firstValues[row] = block.values[first]!
          lastTimes[row] = block.times[last]!
          lastValues[row] = block.values[last]!
          falls[row] = block.fell[slot]! > lo ? 1 : 0
          continue
        }
        const kept = copy(block, slot, t0, t1)
        counts[row] = kept
        firstTimes[row] = scratch.times[0]!
        firstValues[row] = scratch.values[0]!
        if (kept > 0) {
          lastTimes[row] = scratch.times[kept - 1]!
          lastValues[row] = scratch.values[kept - 1]!
        }
        let falling = 0
        for (let i = 1; i < kept; i++) if (scratch.values[i]! < scratch.values[i - 1]!) falling = 1
        falls[row] = falling
      }
    },
    run(ref, t0, t1, out: Run) {
      const block = blocks[ref >>> 10]
      out.count = 0
      if (block === undefined) return
      const slot = ref & (seriesPerBlock - 1)
      if (inRing(block, slot, t0, t1)) {
        out.times = block.times
        out.values = block.values
        out.base = slot * ringSize
        out.mask = mask
        out.from = lo & mask
        out.count = hi - lo
        return
      }
      out.count = copy(block, slot, t0, t1)
      out.times = scratch.times
      out.values = scratch.values
      out.base = 0
      out.mask = scratch.times.length - 1
      out.from = 0
    },
    get copied() {
      return copied
    },
  }
}

/** A power of two long, so that a mask can stand for its length. */
function columns(length: number): Window {
  return { times: new Float64Array(length), values: new Float64Array(length), stale: new Uint8Array(length) }
}
