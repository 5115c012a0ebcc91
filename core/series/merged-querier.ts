// The head and the blocks behind it as one Querier. Samples up to the seam come from blocks, later ones from the head, so that none comes twice. A
// series that the head knows keeps the head's reference; one that only blocks know gets a number above all of those, good for one Querier.

import type { BlockQuerier } from './block-querier.ts'
import type { Head } from './head.ts'
import type { Labels, Querier, SeriesRef, Window } from './seam.ts'

/** References from here on are not the head's. */
const firstExtra = 2 ** 31
const [unknown, absent] = [-2, -1]
/** Series between two looks at the time. */
const stride = 32

type Part = { readonly block: BlockQuerier; readonly ref: SeriesRef }

/** Keeps, between Queriers, which series of a block is which of the head's. */
export type Merging = {
  /** `blocks` oldest first. Samples at or before `seam` are taken from them. */
  querier(blocks: readonly BlockQuerier[], seam: number): Querier
  /** Finds out beforehand which series of the blocks is which of the head's, so that a Querier of them has nothing to find out in one go. */
  prepare(blocks: readonly BlockQuerier[], pause: () => Promise<void>): Promise<void>
}

export function openMerging(head: Head): Merging {
  const mapped = new WeakMap<BlockQuerier, { readonly generation: number; readonly refs: Float64Array }>()
  const refsOf = (block: BlockQuerier): Float64Array => {
    let known = mapped.get(block)
    if (known?.generation !== head.generation) {
      known = { generation: head.generation, refs: new Float64Array(block.size).fill(unknown) }
      mapped.set(block, known)
    }
    return known.refs
  }
  return {
    querier: (blocks, seam) => merged(head, blocks, seam, refsOf),
    async prepare(blocks, pause) {
      for (const block of blocks) {
        // Where series come and go all the time, the rest is found out when it is asked for.
        const refs = refsOf(block)
        for (let ref = 0; ref < block.size && refsOf(block) === refs; ref++) {
          if (refs[ref] === unknown) refs[ref] = head.find(block.labels(ref))
          if (ref % stride === stride - 1) await pause()
        }
      }
    },
  }
}

function merged(
  head: Head,
  blocks: readonly BlockQuerier[],
  seam: number,
  refsOf: (block: BlockQuerier) => Float64Array,
): Querier {
  /** Where a series lies in blocks, oldest first. */
  const parts = new Map<SeriesRef, Part[]>()
  const extras = new Map<string, SeriesRef>()
  const extraLabels: Labels[] = []
  const seen = blocks.map(() => new Map<SeriesRef, SeriesRef>())
  let scratch: Window = columnsOf(1024)

  const extra = (labels: Labels): SeriesRef => {
    const key = JSON.stringify(labels)
    let ref = extras.get(key)
    if (ref === undefined) {
      ref = firstExtra + extraLabels.length
      extras.set(key, ref)
      extraLabels.push(labels)
    }
    return ref
  }
  const refOf = (number: number, inBlock: SeriesRef): SeriesRef => {
    const known = seen[number]!.get(inBlock)
    if (known !== undefined) return known
    const block = blocks[number]!
    const refs = refsOf(block)
    let ref = refs[inBlock]!
    if (ref === unknown) {
      ref = head.find(block.labels(inBlock))
      refs[inBlock] = ref
    }
    if (ref === absent) ref = extra(block.labels(inBlock))
    seen[number]!.set(inBlock, ref)
    const list = parts.get(ref)
    if (list === undefined) parts.set(ref, [{ block, ref: inBlock }])
    else {
      list.push({ block, ref: inBlock })
      list.sort((a, b) => a.block.maxTime - b.block.maxTime)
    }
    return ref
  }
  /** Samples of (t0, t1] to the scratch columns; how many there are. */
  const gather = (ref: SeriesRef, t0: number, t1: number): number => {
    let count = 0
    const take = (source: Querier, at: SeriesRef, from: number, to: number): void => {
      if (from >= to) return
      for (;;) {
        const rest = count === 0 ? scratch : tail(scratch, count)
        const found = source.window(at, from, to, rest)
        if (found <= rest.times.length) {
          count += found
          return
        }
        const larger = columnsOf(Math.max(scratch.times.length * 2, count + found))
        larger.times.set(scratch.times.subarray(0, count))
        larger.values.set(scratch.values.subarray(0, count))
        larger.stale.set(scratch.stale.subarray(0, count))
        scratch = larger
      }
    }
    for (const part of parts.get(ref) ?? [])
      take(part.block, part.ref, Math.max(t0, part.block.minTime), Math.min(t1, seam, part.block.maxTime))
    if (ref < firstExtra) take(head, ref, Math.max(t0, seam), t1)
    return count
  }

  return {
    select(matchers) {
      const known = head.select(matchers)
      const out = new Set<SeriesRef>()
      blocks.forEach((block, number) => {
        for (const inBlock of block.select(matchers)) {
          const ref = refOf(number, inBlock)
          if (ref >= firstExtra) out.add(ref)
        }
      })
      if (out.size === 0) return known
      return Uint32Array.from([...known, ...out])
    },
    labels: (ref) => (ref < firstExtra ? head.labels(ref) : extraLabels[ref - firstExtra]!),
    window(ref, t0, t1, out) {
      if (t0 >= seam) return ref < firstExtra ? head.window(ref, t0, t1, out) : 0
      const count = gather(ref, t0, t1)
      const from = Math.max(0, count - out.times.length)
      out.times.set(scratch.times.subarray(from, count))
      out.values.set(scratch.values.subarray(from, count))
      out.stale.set(scratch.stale.subarray(from, count))
      return count
    },
    latest(ref, t0, t1, out) {
      if (ref < firstExtra && t1 > seam && head.latest(ref, Math.max(t0, seam), t1, out) === 1) return 1
      for (const part of (parts.get(ref) ?? []).toReversed()) {
        const [from, to] = [Math.max(t0, part.block.minTime), Math.min(t1, seam, part.block.maxTime)]
        if (from < to && part.block.latest(part.ref, from, to, out) === 1) return 1
      }
      return 0
    },
    generation: head.generation,
    labelNames: (matchers) => union([head, ...blocks], (one) => one.labelNames(matchers)),
    labelValues: (name, matchers) => union([head, ...blocks], (one) => one.labelValues(name, matchers)),
    get minTime() {
      return Math.min(head.minTime, ...blocks.map((block) => block.minTime))
    },
    maxTime: head.maxTime,
  }
}

function union(queriers: readonly Querier[], texts: (querier: Querier) => readonly string[]): readonly string[] {
  return [...new Set(queriers.flatMap(texts))].sort()
}

function tail(columns: Window, from: number): Window {
  return {
    times: columns.times.subarray(from),
    values: columns.values.subarray(from),
    stale: columns.stale.subarray(from),
  }
}

function columnsOf(length: number): Window {
  return { times: new Float64Array(length), values: new Float64Array(length), stale: new Uint8Array(length) }
}
