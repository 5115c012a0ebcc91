// Label sets under references: sets lie as numbers of their texts in one growing array and are found again by hash. A reference and its room are
// used again once the set is removed, so that series which come and go leave nothing behind.

import type { Labels } from '../sample/sample.ts'
import type { SeriesRef } from './seam.ts'
import { openSymbols, type Symbols } from './symbols.ts'

export type LabelSets = {
  readonly symbols: Symbols
  /** -1: not there. */
  find(labels: Labels): SeriesRef
  /** Sorted, unique, none empty, and not there yet. */
  add(labels: Labels): SeriesRef
  remove(ref: SeriesRef): void
  has(ref: SeriesRef): boolean
  labels(ref: SeriesRef): Labels
  /** Number of the value under the name with this number; -1 where the set has none. */
  valueId(ref: SeriesRef, nameId: number): number
  /** Calls for every label with the numbers of name and value. */
  each(ref: SeriesRef, visit: (nameId: number, valueId: number) => void): void
  readonly size: number
  /** References lie below this. */
  readonly bound: number
}

/** Label sets kept in readable form; making one takes about a microsecond. */
const readable = 50_000
const removed = 1

export function openLabelSets(): LabelSets {
  const symbols = openSymbols()
  let pairs = new Uint32Array(1024)
  let used = 0
  const freeRuns = new Map<number, number[]>()
  let starts = new Uint32Array(64)
  let counts = new Uint16Array(64)
  let hashes = new Uint32Array(64)
  const freeRefs: number[] = []
  /** Open addressing: 0 empty, 1 removed, else reference + 2. */
  let table = new Uint32Array(256)
  let filled = 0
  let live = 0
  let bound = 0
  let texts = new Map<SeriesRef, Labels>()

  const hashOf = (ids: ArrayLike<number>, from: number, length: number): number => {
    let hash = 0x811c9dc5
    for (let i = from; i < from + length; i++) {
      hash = Math.imul(hash ^ ids[i]!, 0x01000193)
      hash ^= hash >>> 15
    }
    return hash >>> 0
  }
  const same = (ref: SeriesRef, ids: ArrayLike<number>): boolean => {
    if (counts[ref]! * 2 !== ids.length) return false
    const start = starts[ref]!
    for (let i = 0; i < ids.length; i++) if (pairs[start + i] !== ids[i]) return false
    return true
  }
  const slotOf = (ids: ArrayLike<number>): number => {
    const hash = hashOf(ids, 0, ids.length)
    const mask = table.length - 1
    for (let slot = hash & mask; table[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = table[slot]!
      if (entry !== removed && hashes[entry - 2] === hash && same(entry - 2, ids)) return slot
    }
    return -1
  }
  const insert = (ref: SeriesRef): void => {
    const mask = table.length - 1
    let slot = hashes[ref]! & mask
    while (table[slot]! > removed) slot = (slot + 1) & mask
    if (table[slot] === 0) filled++
    table[slot] = ref + 2
  }
  /** Removed entries make searches long; a table too full of them is written anew. */
  const rehash = (): void => {
    const old = table
    table = new Uint32Array(live * 4 > old.length ? old.length * 2 : old.length)
    filled = 0
    for (const entry of old) if (entry > removed) insert(entry - 2)
  }
  const room = (length: number): number => {
    const reused = freeRuns.get(length)?.pop()
    if (reused !== undefined) return reused
    pairs = grown(pairs, used + length)
    used += length
    return used - length
  }

  return {
    symbols,
    find(labels) {
      const ids: number[] = []
      for (const [name, value] of labels) {
        const [nameId, valueId] = [symbols.find(name), symbols.find(value)]
        if (nameId < 0 || valueId < 0) return -1
        ids.push(nameId, valueId)
      }
      const slot = slotOf(ids)
      return slot < 0 ? -1 : table[slot]! - 2
    },
    add(labels) {
      const start = room(labels.length * 2)
      let at = start
      for (const [name, value] of labels) {
        pairs[at++] = symbols.take(name)
        pairs[at++] = symbols.take(value)
      }
      const ref = freeRefs.pop() ?? bound++
      starts = grown(starts, bound)
      counts = grown(counts, bound)
      hashes = grown(hashes, bound)
      starts[ref] = start
      counts[ref] = labels.length
      hashes[ref] = hashOf(pairs, start, labels.length * 2)
      live++
      if ((filled + 1) * 3 > table.length * 2) rehash()
      insert(ref)
      return ref
    },
    remove(ref) {
      const [start, length] = [starts[ref]!, counts[ref]! * 2]
      table[slotOf(pairs.subarray(start, start + length))] = removed
      for (let i = start; i < start + length; i++) symbols.release(pairs[i]!)
      const runs = freeRuns.get(length)
      if (runs === undefined) freeRuns.set(length, [start])
      else runs.push(start)
      counts[ref] = 0
      freeRefs.push(ref)
      texts.delete(ref)
      live--
    },
    has: (ref) => ref < bound && counts[ref] !== 0,
    labels(ref) {
      const known = texts.get(ref)
      if (known !== undefined) return known
      const start = starts[ref]!
      const labels = Array.from(
        { length: counts[ref]! },
        (_, i) => [symbols.text(pairs[start + 2 * i]!), symbols.text(pairs[start + 2 * i + 1]!)] as const,
      )
      if (texts.size >= readable) texts = new Map()
      texts.set(ref, labels)
      return labels
    },
    valueId(ref, nameId) {
      const start = starts[ref]!
      const end = start + counts[ref]! * 2
      for (let i = start; i < end; i += 2) if (pairs[i] === nameId) return pairs[i + 1]!
      return -1
    },
    each(ref, visit) {
      const start = starts[ref]!
      const end = start + counts[ref]! * 2
      for (let i = start; i < end; i += 2) visit(pairs[i]!, pairs[i + 1]!)
    },
    get size() {
      return live
    },
    get bound() {
      return bound
    },
  }
}

type Growable = Uint32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>

/** The array itself while it is long enough, else a longer copy. */
function grown<T extends Growable>(array: T, length: number): T {
  if (length <= array.length) return array
  const larger = new (array.constructor as new (length: number) => T)(Math.max(Math.ceil(array.length * 1.5), length))
  larger.set(array)
  return larger
}
