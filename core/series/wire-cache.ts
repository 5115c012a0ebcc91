// From the bytes of a label set, as a sender writes them, to the series: a sender repeats itself, so that after the first time nobody has to make
// texts of them. The bytes themselves are kept and compared, so that no two sets are ever mistaken for one another.

import type { SeriesRef } from './seam.ts'

export type WireCache = {
  /** Series of the label bytes [from, to), or -1. A view reads words, which takes a third of the time of reading bytes. */
  find(bytes: DataView, from: number, to: number): SeriesRef
  /** Remembers what `find` has just missed. */
  add(bytes: DataView, from: number, to: number, ref: SeriesRef): void
  /** The series went: its reference will mean another one. */
  removed(ref: SeriesRef): void
  readonly bytes: number
}

/** Past this the cache begins anew: senders change over weeks, and what they once sent need not be kept. */
const defaultMostBytes = 128 << 20
const none = 0

export function openWireCache(mostBytes = defaultMostBytes): WireCache {
  let arena = new Uint8Array(1 << 16)
  let words = new DataView(arena.buffer)
  let used = 0
  /** Entry numbers from 1 on, open addressing. */
  let table = new Uint32Array(1 << 10)
  let hashes = new Uint32Array(256)
  let starts = new Uint32Array(256)
  let lengths = new Uint32Array(256)
  let refs = new Int32Array(256)
  let count = 0
  /** Latest entry of a series; a series may be written in several ways, and its others are found by the chain. */
  let entryOf = new Uint32Array(256)
  let chain = new Uint32Array(256)
  /** The entry that came behind this one the last time: a sender sends the same series in the same order, and a guess that holds needs no hash. */
  let follows = new Uint32Array(256)
  let last = none

  const clear = (): void => {
    table.fill(none)
    entryOf.fill(none)
    follows.fill(none)
    last = none
    count = 0
    used = 0
  }
  const insert = (entry: number): void => {
    const mask = table.length - 1
    let slot = hashes[entry]! & mask
    while (table[slot] !== none) slot = (slot + 1) & mask
    table[slot] = entry
  }

  return {
    find(bytes, from, to) {
      const guess = follows[last]!
      if (guess !== none && lengths[guess] === to - from && same(words, starts[guess]!, bytes, from, to - from)) {
        last = guess
        return refs[guess]!
      }
      const hash = hashOf(bytes, from, to)
      const mask = table.length - 1
      for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
        const entry = table[slot]!
        if (entry === none) return -1
        if (hashes[entry] !== hash || lengths[entry] !== to - from) continue
        const start = starts[entry]!
        if (!same(words, start, bytes, from, to - from)) continue
        follows[last] = entry
        last = entry
        return refs[entry]!
      }
    },
    add(bytes, from, to, ref) {
      const length = to - from
      if (used + length > mostBytes) clear()
      if (used + length > arena.length) {
        const larger = new Uint8Array(Math.max(Math.ceil(arena.length * 1.5), used + length))
        larger.set(arena.subarray(0, used))
        arena = larger
        words = new DataView(arena.buffer)
      }
      const hash = hashOf(bytes, from, to)
      // A removed series leaves its entry: the same bytes take it over.
      const mask = table.length - 1
      for (let slot = hash & mask; table[slot] !== none; slot = (slot + 1) & mask) {
        const entry = table[slot]!
        if (hashes[entry] !== hash || lengths[entry] !== length) continue
        if (!same(words, starts[entry]!, bytes, from, length)) continue
        refs[entry] = ref
        link(entry, ref)
        return
      }
      const entry = ++count
      hashes = grown(hashes, entry + 1)
      starts = grown(starts, entry + 1)
      lengths = grown(lengths, entry + 1)
      refs = grown(refs, entry + 1)
      chain = grown(chain, entry + 1)
      follows = grown(follows, entry + 1)
      follows[last] = entry
      last = entry
      hashes[entry] = hash
      starts[entry] = used
      lengths[entry] = length
      refs[entry] = ref
      arena.set(new Uint8Array(bytes.buffer, bytes.byteOffset + from, length), used)
      used += length
      link(entry, ref)
      if ((count + 1) * 2 > table.length) {
        table = new Uint32Array(table.length * 2)
        for (let one = 1; one <= count; one++) insert(one)
      } else insert(entry)
    },
    removed(ref) {
      if (ref >= entryOf.length) return
      for (let entry = entryOf[ref]!; entry !== none; entry = chain[entry]!) if (refs[entry] === ref) refs[entry] = -1
      entryOf[ref] = none
    },
    get bytes() {
      return arena.length + 4 * (table.length + hashes.length * 4 + chain.length + follows.length + entryOf.length)
    },
  }

  function link(entry: number, ref: SeriesRef): void {
    entryOf = grown(entryOf, ref + 1)
    chain[entry] = entryOf[ref]!
    entryOf[ref] = entry
  }
}

/** Two lanes of four bytes at a time. */
function hashOf(bytes: DataView, from: number, to: number): number {
  let a = 0x811c9dc5 ^ (to - from)
  let b = 0x85ebca6b
  let at = from
  for (; at + 8 <= to; at += 8) {
    a = Math.imul(a ^ bytes.getInt32(at, true), 0x9e3779b1)
    b = Math.imul(b ^ bytes.getInt32(at + 4, true), 0x85ebca77)
    a ^= a >>> 15
    b ^= b >>> 13
  }
  for (; at < to; at++) a = Math.imul(a ^ bytes.getUint8(at), 0x01000193)
  const hash = Math.imul(a ^ b ^ (a >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}

function same(arena: DataView, start: number, bytes: DataView, from: number, length: number): boolean {
  let i = 0
  for (; i + 4 <= length; i += 4) if (arena.getInt32(start + i) !== bytes.getInt32(from + i)) return false
  for (; i < length; i++) if (arena.getUint8(start + i) !== bytes.getUint8(from + i)) return false
  return true
}

function grown<T extends Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(array: T, length: number): T {
  if (length <= array.length) return array
  const larger = new (array.constructor as new (length: number) => T)(Math.max(Math.ceil(array.length * 1.5), length))
  larger.set(array)
  return larger
}
