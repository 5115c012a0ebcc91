// A sample behind newer ones of its series: into the ring where it belongs there, else into the chunk of its time, which is written anew. Invariant: times
// of a series rise strictly, and every chunk lies before the ring.

import { type Block, ringSize } from './block.ts'
import { chunkRoom, decodeChunk, encodeChunk } from './chunk.ts'
import type { ChunkPages } from './chunk-pages.ts'
import type { Window } from './seam.ts'

/** A chunk that would be longer becomes two. */
const splitAbove = 128

/** `same`: it was there already. */
export type Inserted = 'inserted' | 'same' | 'duplicate'

/** `seal` moves the oldest open samples of a full ring into a chunk. */
export function openInsertion(pages: ChunkPages, seal: (block: Block, slot: number) => void) {
  const columns: Window = { times: new Float64Array(257), values: new Float64Array(257), stale: new Uint8Array(257) }
  const encoded = new Uint8Array(chunkRoom(256))

  const known = (sameValue: boolean, wasStale: boolean, stale: boolean): Inserted =>
    wasStale === stale && (stale || sameValue) ? 'same' : 'duplicate'

  const intoRing = (block: Block, slot: number, time: number, value: number, stale: boolean): Inserted => {
    const base = slot * ringSize
    const sealed = block.sealed[slot]!
    const count = block.counts[slot]!
    let at = count
    while (at > sealed && block.times[base + ((at - 1) % ringSize)]! > time) at--
    if (at > sealed) {
      const place = (at - 1) % ringSize
      if (block.times[base + place] === time)
        return known(Object.is(block.values[base + place], value), ((block.stale[slot]! >>> place) & 1) === 1, stale)
    }
    for (let sample = count; sample > at; sample--) {
      const [from, to] = [(sample - 1) % ringSize, sample % ringSize]
      block.times[base + to] = block.times[base + from]!
      block.values[base + to] = block.values[base + from]!
      mark(block, slot, to, ((block.stale[slot]! >>> from) & 1) === 1)
    }
    const place = at % ringSize
    block.times[base + place] = time
    block.values[base + place] = value
    mark(block, slot, place, stale)
    block.counts[slot] = count + 1
    // In front of the first open sample nobody looks: there a fall is taken for granted.
    let fell = count
    while (fell > sealed && block.values[base + (fell % ringSize)]! >= block.values[base + ((fell - 1) % ringSize)]!)
      fell--
    block.fell[slot] = fell
    return 'inserted'
  }

  /** `newer`: the chunk in front of it, 0 where there is none. */
  const intoChunk = (
    block: Block,
    slot: number,
    address: number,
    newer: number,
    time: number,
    value: number,
    stale: boolean,
  ): Inserted => {
    const { times, values, stale: flags } = columns
    const count = decodeChunk(pages.chunk(address), columns, 0)!
    let at = count
    while (at > 0 && times[at - 1]! > time) at--
    if (at > 0 && times[at - 1] === time) return known(Object.is(values[at - 1], value), flags[at - 1] === 1, stale)
    times.copyWithin(at + 1, at, count)
    values.copyWithin(at + 1, at, count)
    flags.copyWithin(at + 1, at, count)
    times[at] = time
    values[at] = value
    flags[at] = stale ? 1 : 0
    let top = pages.older(address)
    pages.free(address)
    const total = count + 1
    const cut = total > splitAbove ? total >> 1 : total
    top = pages.store(encoded, encodeChunk(columns, 0, cut, encoded), top)
    if (cut < total) top = pages.store(encoded, encodeChunk(columns, cut, total - cut, encoded), top)
    if (newer === 0) block.newest[slot] = top
    else pages.setOlder(newer, top)
    return 'inserted'
  }

  return (block: Block, slot: number, time: number, value: number, stale: boolean): Inserted => {
    const first = (): number => block.times[slot * ringSize + (block.sealed[slot]! % ringSize)]!
    const open = block.counts[slot]! - block.sealed[slot]!
    if (open === ringSize && (time > first() || block.newest[slot] === 0)) seal(block, slot)
    const inRing = block.newest[slot] === 0 || (block.counts[slot]! > block.sealed[slot]! && time >= first())
    if (inRing) return intoRing(block, slot, time, value, stale)
    let newer = 0
    let address = block.newest[slot]!
    while (pages.firstTime(address) > time && pages.older(address) !== 0) {
      newer = address
      address = pages.older(address)
    }
    return intoChunk(block, slot, address, newer, time, value, stale)
  }
}

function mark(block: Block, slot: number, place: number, stale: boolean): void {
  if (stale) block.stale[slot]! |= 1 << place
  else block.stale[slot]! &= ~(1 << place)
}
