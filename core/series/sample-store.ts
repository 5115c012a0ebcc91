// Samples of all series: the newest 24 to 32 of each in an open ring of plain numbers, the older ones sealed into chunks, newest first. Chunks of
// equal size merge like the tiers of a log, so that a series costs few headers and sealing stays cheap. Times of a series rise strictly.

import { type Block, newBlock, ringSize, seriesPerBlock } from './block.ts'
import { type BulkSamples, openBulk } from './bulk.ts'
import { chunkRoom, decodeChunk, encodeChunk } from './chunk.ts'
import { openChunkPages } from './chunk-pages.ts'
import { openInsertion } from './insertion.ts'
import type { AppendRefusal, BulkReader, SeriesRef, Window } from './seam.ts'

/** What stays open covers five minutes of samples 15 s apart: the commonest window is read without a chunk. */
const sealSize = 8
/** So many chunks of a size become one. */
const tierSize = 4
/** Chunks stop merging here: reading a few samples should not decode hundreds. */
const mergedSize = 128

export type SampleStore = {
  /** Null: taken. `duplicate` only where the value differs; the very same sample again is taken and changes nothing. */
  append(ref: SeriesRef, time: number, value: number, stale: boolean): AppendRefusal | null
  /** A sample that `append` refuses as out of order; null: taken, or there already. */
  insert(ref: SeriesRef, time: number, value: number, stale: boolean): 'duplicate' | null
  window(ref: SeriesRef, t0: number, t1: number, out: Window): number
  latest(ref: SeriesRef, t0: number, t1: number, out: Window): number
  /** Time of the newest sample; -Infinity where there is none. */
  lastTime(ref: SeriesRef): number
  /** Forgets all samples of a series. */
  drop(ref: SeriesRef): void
  /** Gives back chunks that end before `time`; a series keeps its ring. */
  truncate(ref: SeriesRef, time: number): void
  /** Calls for every chunk that may hold samples later than `after`, oldest first, then fills `open` (32 long): how many open samples there are. */
  dump(ref: SeriesRef, after: number, visit: (chunk: Uint8Array) => void, open: Window): number
  /** Puts chunks, oldest first, behind a series that has no samples yet; its open samples are appended afterwards. */
  restore(ref: SeriesRef, chunks: readonly Uint8Array[]): void
  readonly bulk: BulkSamples & Pick<BulkReader, 'insertions' | 'insertionsOf'>
  readonly chunks: number
  readonly chunkBytes: number
  readonly reservedBytes: number
}

export function openSampleStore(): SampleStore {
  const blocks: Block[] = []
  const pages = openChunkPages()
  const columns = (length: number): Window => ({
    times: new Float64Array(length),
    values: new Float64Array(length),
    stale: new Uint8Array(length),
  })
  const sealing = columns(mergedSize)
  const reading = columns(256)
  const encoded = new Uint8Array(chunkRoom(mergedSize))

  const blockOf = (ref: SeriesRef): Block => {
    const index = Math.floor(ref / seriesPerBlock)
    while (blocks.length <= index) blocks.push(newBlock())
    return blocks[index]!
  }

  /** Moves the oldest open samples into a chunk, and merges it with older ones of its size: four of a tier become one of the next. */
  const seal = (block: Block, slot: number): void => {
    const base = slot * ringSize
    const from = block.sealed[slot]!
    // Written from the end, so that what is older has room in front.
    let start = mergedSize - sealSize
    for (let i = 0; i < sealSize; i++) {
      const place = (from + i) % ringSize
      sealing.times[start + i] = block.times[base + place]!
      sealing.values[start + i] = block.values[base + place]!
      sealing.stale[start + i] = (block.stale[slot]! >>> place) & 1
    }
    let older = block.newest[slot]!
    for (let count = sealSize; count < mergedSize && hasMates(older, count); count *= tierSize) {
      for (let mate = 1; mate < tierSize; mate++) {
        start -= count
        decodeChunk(pages.chunk(older), sealing, start)
        const merged = older
        older = pages.older(merged)
        pages.free(merged)
      }
    }
    const length = encodeChunk(sealing, start, mergedSize - start, encoded)
    block.newest[slot] = pages.store(encoded, length, older)
    block.sealed[slot] = from + sealSize
  }

  /** Does a chunk of `count` samples have enough of its size behind it to make one of the next tier? */
  const hasMates = (newest: number, count: number): boolean => {
    let address = newest
    for (let mate = 1; mate < tierSize; mate++) {
      if (address === 0 || pages.samples(address) !== count) return false
      address = pages.older(address)
    }
    return true
  }

  /** First open sample later than `time`, as a count. */
  const openAfter = (block: Block, slot: number, time: number): number => {
    let [low, high] = [block.sealed[slot]!, block.counts[slot]!]
    const base = slot * ringSize
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (block.times[base + (middle % ringSize)]! <= time) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Chunks that may hold samples of (t0, t1], oldest first. */
  const chunksOf = (block: Block, slot: number, t0: number, t1: number): readonly number[] => {
    const found: number[] = []
    for (let address = block.newest[slot]!; address !== 0; address = pages.older(address)) {
      const first = pages.firstTime(address)
      if (first <= t1) found.push(address)
      if (first <= t0) break
    }
    return found.reverse()
  }

  const copyOpen = (block: Block, slot: number, sample: number, out: Window, to: number): void => {
    const place = sample % ringSize
    out.times[to] = block.times[slot * ringSize + place]!
    out.values[to] = block.values[slot * ringSize + place]!
    out.stale[to] = (block.stale[slot]! >>> place) & 1
  }

  /** Samples of (t0, t1] without the first `skip`, as far as they fit; how many there are in all. */
  const fill = (block: Block, slot: number, t0: number, t1: number, out: Window, skip: number): number => {
    const [first, last] = [openAfter(block, slot, t0), openAfter(block, slot, t1)]
    const end = skip + out.times.length
    let total = 0
    // What lies in the ring needs no chunk unless the window begins before it.
    if (first === block.sealed[slot]! && block.newest[slot] !== 0) {
      for (const address of chunksOf(block, slot, t0, t1)) {
        const count = decodeChunk(pages.chunk(address), reading, 0)!
        for (let i = 0; i < count; i++) {
          if (reading.times[i]! <= t0 || reading.times[i]! > t1) continue
          if (total >= skip && total < end) {
            out.times[total - skip] = reading.times[i]!
            out.values[total - skip] = reading.values[i]!
            out.stale[total - skip] = reading.stale[i]!
          }
          total++
        }
      }
    }
    for (let sample = first; sample < last; sample++, total++) {
      if (total >= skip && total < end) copyOpen(block, slot, sample, out, total - skip)
    }
    return total
  }

  const insertion = openInsertion(pages, seal)
  let insertions = 0
  const bulk = openBulk(blocks, fill)

  return {
    insert(ref, time, value, stale) {
      const block = blockOf(ref)
      const slot = ref % seriesPerBlock
      const done = insertion(block, slot, time, value, stale)
      if (done === 'duplicate') return done
      if (done === 'inserted') {
        block.inserted[slot]!++
        insertions++
      }
      return null
    },
    append(ref, time, value, stale) {
      const block = blockOf(ref)
      const slot = ref % seriesPerBlock
      const count = block.counts[slot]!
      const base = slot * ringSize
      if (count > 0) {
        const last = (count - 1) % ringSize
        const newest = block.times[base + last]!
        if (time < newest) return 'out_of_order'
        if (time === newest) {
          const same = ((block.stale[slot]! >>> last) & 1) === (stale ? 1 : 0)
          return same && (stale || Object.is(block.values[base + last], value)) ? null : 'duplicate'
        }
      }
      if (count - block.sealed[slot]! === ringSize) seal(block, slot)
      const place = count % ringSize
      // Where the one before lies in a chunk, nobody looks: a fall is taken for granted.
      if (count === block.sealed[slot] || !(value >= block.values[base + ((count - 1) % ringSize)]!)) {
        block.fell[slot] = count
      }
      block.times[base + place] = time
      block.values[base + place] = value
      if (stale) block.stale[slot]! |= 1 << place
      else block.stale[slot]! &= ~(1 << place)
      block.counts[slot] = count + 1
      return null
    },
    window(ref, t0, t1, out) {
      const block = blockOf(ref)
      const slot = ref % seriesPerBlock
      const total = fill(block, slot, t0, t1, out, 0)
      // Too many: the newest are wanted, and only now is it known where they begin.
      if (total > out.times.length) fill(block, slot, t0, t1, out, total - out.times.length)
      return total
    },
    latest(ref, t0, t1, out) {
      const block = blockOf(ref)
      const slot = ref % seriesPerBlock
      const last = openAfter(block, slot, t1) - 1
      if (last >= block.sealed[slot]!) {
        if (block.times[slot * ringSize + (last % ringSize)]! <= t0) return 0
        copyOpen(block, slot, last, out, 0)
        return 1
      }
      for (let address = block.newest[slot]!; address !== 0; address = pages.older(address)) {
        if (pages.firstTime(address) > t1) continue
        const count = decodeChunk(pages.chunk(address), reading, 0)!
        let at = count - 1
        while (reading.times[at]! > t1) at--
        if (reading.times[at]! <= t0) return 0
        out.times[0] = reading.times[at]!
        out.values[0] = reading.values[at]!
        out.stale[0] = reading.stale[at]!
        return 1
      }
      return 0
    },
    lastTime(ref) {
      const block = blockOf(ref)
      const slot = ref % seriesPerBlock
      const count = block.counts[slot]!
      return count === 0 ? Number.NEGATIVE_INFINITY : block.times[slot * ringSize + ((count - 1) % ringSize)]!
    },
    drop(ref) {
      const block = blockOf(ref)
      const slot = ref % seriesPerBlock
      for (let address = block.newest[slot]!; address !== 0; ) {
        const older = pages.older(address)
        pages.free(address)
        address = older
      }
      block.newest[slot] = 0
      block.counts[slot] = 0
      block.sealed[slot] = 0
      block.stale[slot] = 0
      block.fell[slot] = 0
    },
    truncate(ref, time) {
      const block = blockOf(ref)
      const slot = ref % seriesPerBlock
      let address = block.newest[slot]!
      let newer = 0
      // A chunk ends before the next one begins: it may go when the next one begins early enough.
      let next =
        block.sealed[slot]! < block.counts[slot]! ? block.times[slot * ringSize + (block.sealed[slot]! % ringSize)]! : 0
      while (address !== 0 && next > time) {
        next = pages.firstTime(address)
        newer = address
        address = pages.older(address)
      }
      if (address === 0) return
      if (newer === 0) block.newest[slot] = 0
      else pages.setOlder(newer, 0)
      while (address !== 0) {
        const older = pages.older(address)
        pages.free(address)
        address = older
      }
    },
    dump(ref, after, visit, open) {
      const block = blockOf(ref)
      const slot = ref % seriesPerBlock
      for (const address of chunksOf(block, slot, after, Number.POSITIVE_INFINITY)) visit(pages.chunk(address))
      const from = block.sealed[slot]!
      const count = block.counts[slot]! - from
      for (let i = 0; i < count; i++) copyOpen(block, slot, from + i, open, i)
      return count
    },
    restore(ref, chunks) {
      const block = blockOf(ref)
      const slot = ref % seriesPerBlock
      for (const chunk of chunks) {
        block.newest[slot] = pages.store(chunk, chunk.length, block.newest[slot]!)
        block.counts[slot] = block.counts[slot]! + chunk[0]! + 1
      }
      const count = block.counts[slot]!
      block.sealed[slot] = count
      // Any sample is later than this: which ones may follow is known by those that are appended first.
      if (count > 0) block.times[slot * ringSize + ((count - 1) % ringSize)] = Number.NEGATIVE_INFINITY
    },
    bulk: {
      ...bulk,
      get copied() {
        return bulk.copied
      },
      get insertions() {
        return insertions
      },
      insertionsOf: (ref) => blocks[ref >>> 10]?.inserted[ref & (seriesPerBlock - 1)] ?? 0,
    },
    get chunks() {
      return pages.count
    },
    get chunkBytes() {
      return pages.usedBytes
    },
    get reservedBytes() {
      const perBlock = seriesPerBlock * (ringSize * 16 + 4 + 16 + 4 + 4 + 4)
      return pages.reservedBytes + blocks.length * perBlock
    },
  }
}
