// Reads one block: its index in memory, its chunks from the file when they are asked for. References are the numbers of the series in the block. A
// chunk that fails its check is left out and told, never an error and never a wrong sample.

import { crc32 } from 'node:zlib'
import type { FileHandle } from '../base/file-layer.ts'
import { type BlockIndex, compareBytes } from './block-index.ts'
import type { BlockMeta } from './block-meta.ts'
import type { BlockPages } from './block-pages.ts'
import { decodeChunk, maxChunkSamples } from './chunk.ts'
import { matcherTest } from './matcher-test.ts'
import type { Labels, Matcher, Querier, SeriesRef, Window } from './seam.ts'

export type BlockChunk = { readonly bytes: Uint8Array; readonly first: number; readonly last: number }
export type BlockQuerier = Querier & {
  readonly size: number
  /** Calls for every sound chunk of the series, oldest first. */
  chunks(ref: SeriesRef, visit: (chunk: BlockChunk) => void): void
}

const reading: Window = {
  times: new Float64Array(maxChunkSamples),
  values: new Float64Array(maxChunkSamples),
  stale: new Uint8Array(maxChunkSamples),
}
const utf8 = new TextEncoder()

export function blockQuerier(deps: {
  readonly meta: BlockMeta
  readonly index: BlockIndex
  readonly file: FileHandle
  readonly pages: BlockPages
  readonly onDamage: () => void
}): BlockQuerier {
  const { index, meta } = deps
  const size = index.labelStarts.length - 1
  const texts: (string | undefined)[] = new Array(index.textStarts.length - 1)
  const decoder = new TextDecoder()

  const bytesOf = (id: number): Uint8Array => index.textBytes.subarray(index.textStarts[id]!, index.textStarts[id + 1]!)
  const text = (id: number): string => (texts[id] ??= decoder.decode(bytesOf(id)))
  /** -1: not in this block. */
  const find = (wanted: string): number => {
    const bytes = utf8.encode(wanted)
    let [low, high] = [0, texts.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareBytes(bytesOf(middle), bytes) < 0) low = middle + 1
      else high = middle
    }
    return low < texts.length && compareBytes(bytesOf(low), bytes) === 0 ? low : -1
  }
  /** Values of a name, as the stretch [from, to) of `index.values`. */
  const valuesOf = (name: string): readonly [number, number] => {
    const id = find(name)
    const at = id < 0 ? -1 : placeOf(index.names, 0, index.names.length, id)
    return at < 0 ? [0, 0] : [index.nameStarts[at]!, index.nameStarts[at + 1]!]
  }
  const posting = (value: number): Uint32Array =>
    index.postings.subarray(index.valueStarts[value]!, index.valueStarts[value + 1]!)

  /** The fewest postings that hold every series the matchers can mean; null: all series. */
  const candidates = (matchers: readonly Matcher[], tests: readonly Test[]): readonly Uint32Array[] | null => {
    let best: readonly Uint32Array[] | null = null
    let fewest = size
    matchers.forEach((matcher, number) => {
      const test = tests[number]!
      // What an absent label satisfies narrows nothing.
      if (test('')) return
      const [from, to] = valuesOf(matcher.name)
      const found: Uint32Array[] = []
      if (matcher.op === '=') {
        const id = find(matcher.value)
        const at = id < 0 ? -1 : placeOf(index.values, from, to, id)
        if (at >= 0) found.push(posting(at))
      } else for (let at = from; at < to; at++) if (test(text(index.values[at]!))) found.push(posting(at))
      const count = found.reduce((sum, list) => sum + list.length, 0)
      if (best !== null && count >= fewest) return
      best = found
      fewest = count
    })
    return best
  }
  const valueId = (ref: SeriesRef, nameId: number): number => {
    for (let at = index.labelStarts[ref]!; at < index.labelStarts[ref + 1]!; at++)
      if (index.labels[2 * at] === nameId) return index.labels[2 * at + 1]!
    return -1
  }
  /** Asks each distinct value once. */
  const check = (matcher: Matcher, test: Test): ((ref: SeriesRef) => boolean) => {
    const nameId = find(matcher.name)
    const answers = new Map<number, boolean>()
    return (ref) => {
      const id = nameId < 0 ? -1 : valueId(ref, nameId)
      let answer = answers.get(id)
      if (answer === undefined) {
        answer = test(id < 0 ? '' : text(id))
        answers.set(id, answer)
      }
      return answer
    }
  }

  const labels = (ref: SeriesRef): Labels => {
    const from = index.labelStarts[ref]!
    return Array.from(
      { length: index.labelStarts[ref + 1]! - from },
      (_, i) => [text(index.labels[2 * (from + i)]!), text(index.labels[2 * (from + i) + 1]!)] as const,
    )
  }
  /** Bytes of a chunk after its check; null, and told, where it fails. */
  const chunkBytes = (chunk: number): Uint8Array | null => {
    const length = index.chunkLengths[chunk]!
    let bytes: Uint8Array
    try {
      bytes = deps.pages.read(deps.file, index.chunkOffsets[chunk]!, 4 + length)
    } catch {
      bytes = new Uint8Array() // a device that fails, as a chunk that is not there
    }
    if (bytes.length === 4 + length) {
      const body = bytes.subarray(4)
      if (new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === crc32(body)) return body
    }
    deps.onDamage()
    return null
  }

  /** Samples of (t0, t1] without the first `skip`, as far as they fit; how many there are in all. */
  const fill = (ref: SeriesRef, t0: number, t1: number, out: Window, skip: number): number => {
    const end = skip + out.times.length
    let total = 0
    for (let chunk = index.chunkStarts[ref]!; chunk < index.chunkStarts[ref + 1]!; chunk++) {
      if (index.chunkLast[chunk]! <= t0) continue
      if (index.chunkFirst[chunk]! > t1) break
      const bytes = chunkBytes(chunk)
      const count = bytes === null ? 0 : (decodeChunk(bytes, reading, 0) ?? 0)
      for (let i = 0; i < count; i++) {
        if (reading.times[i]! <= t0 || reading.times[i]! > t1) continue
        if (total >= skip && total < end) copy(i, out, total - skip)
        total++
      }
    }
    return total
  }

  const select = (matchers: readonly Matcher[]): Uint32Array => {
    const tests = matchers.map(matcherTest)
    const lists = candidates(matchers, tests)
    const checks = matchers.map((matcher, number) => check(matcher, tests[number]!))
    const out: number[] = []
    for (const list of lists ?? [Uint32Array.from({ length: size }, (_, ref) => ref)])
      for (const ref of list) if (checks.every((one) => one(ref))) out.push(ref)
    return Uint32Array.from(out)
  }

  return {
    size,
    select,
    labels,
    window(ref, t0, t1, out) {
      const total = fill(ref, t0, t1, out, 0)
      if (total > out.times.length) fill(ref, t0, t1, out, total - out.times.length)
      return total
    },
    latest(ref, t0, t1, out) {
      for (let chunk = index.chunkStarts[ref + 1]! - 1; chunk >= index.chunkStarts[ref]!; chunk--) {
        if (index.chunkFirst[chunk]! > t1) continue
        if (index.chunkLast[chunk]! <= t0) return 0
        const bytes = chunkBytes(chunk)
        let at = bytes === null ? -1 : (decodeChunk(bytes, reading, 0) ?? 0) - 1
        while (at >= 0 && reading.times[at]! > t1) at--
        if (at < 0) continue
        if (reading.times[at]! <= t0) return 0
        copy(at, out, 0)
        return 1
      }
      return 0
    },
    chunks(ref, visit) {
      for (let chunk = index.chunkStarts[ref]!; chunk < index.chunkStarts[ref + 1]!; chunk++) {
        const bytes = chunkBytes(chunk)
        if (bytes !== null) visit({ bytes, first: index.chunkFirst[chunk]!, last: index.chunkLast[chunk]! })
      }
    },
    generation: 0,
    labelNames(matchers) {
      if (matchers.length === 0) return Array.from(index.names, text).sort()
      const names = new Set<string>()
      for (const ref of select(matchers)) for (const [name] of labels(ref)) names.add(name)
      return [...names].sort()
    },
    labelValues(name, matchers) {
      if (matchers.length === 0) return Array.from(index.values.subarray(...valuesOf(name)), text).sort()
      const nameId = find(name)
      const ids = new Set<number>()
      if (nameId >= 0) for (const ref of select(matchers)) ids.add(valueId(ref, nameId))
      ids.delete(-1)
      return Array.from(ids, text).sort()
    },
    minTime: meta.minTime,
    maxTime: meta.maxTime,
  }
}

type Test = (value: string) => boolean

function copy(from: number, out: Window, to: number): void {
  out.times[to] = reading.times[from]!
  out.values[to] = reading.values[from]!
  out.stale[to] = reading.stale[from]!
}

/** Where `wanted` stands in the rising stretch [from, to); -1: not there. */
function placeOf(rising: Uint32Array, from: number, to: number, wanted: number): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rising[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return low < to && rising[low] === wanted ? low : -1
}
