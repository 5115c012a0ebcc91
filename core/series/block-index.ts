// The index of a block as bytes (docs/formats/block.md). Reading makes no copy: every section is an array over the file's bytes. Invariant: bytes
// that fail a check give words, never a wrong answer.

import { crc32 } from 'node:zlib'
import type { LabelSets } from './label-sets.ts'

const magic = Uint8Array.of(0x49, 0x57, 0x49, 0x44, 0x58, 0, 0, 1) // IWIDX, version 1
const sectionCount = 14
const tableAt = 16
const entryBytes = 24

export type BlockIndex = {
  readonly textStarts: Uint32Array
  readonly textBytes: Uint8Array
  readonly labelStarts: Uint32Array
  readonly labels: Uint32Array
  readonly chunkStarts: Uint32Array
  readonly chunkFirst: Float64Array
  readonly chunkLast: Float64Array
  readonly chunkOffsets: Float64Array
  readonly chunkLengths: Uint32Array
  readonly names: Uint32Array
  readonly nameStarts: Uint32Array
  readonly values: Uint32Array
  readonly valueStarts: Uint32Array
  readonly postings: Uint32Array
}
export type ChunkColumns = Pick<
  BlockIndex,
  'chunkStarts' | 'chunkFirst' | 'chunkLast' | 'chunkOffsets' | 'chunkLengths'
>

const layout = [
  ['textStarts', Uint32Array],
  ['textBytes', Uint8Array],
  ['labelStarts', Uint32Array],
  ['labels', Uint32Array],
  ['chunkStarts', Uint32Array],
  ['chunkFirst', Float64Array],
  ['chunkLast', Float64Array],
  ['chunkOffsets', Float64Array],
  ['chunkLengths', Uint32Array],
  ['names', Uint32Array],
  ['nameStarts', Uint32Array],
  ['values', Uint32Array],
  ['valueStarts', Uint32Array],
  ['postings', Uint32Array],
] as const

/** Labels of the series 0 … size − 1 as an index without chunks. */
export function buildIndex(sets: LabelSets): Omit<BlockIndex, keyof ChunkColumns> {
  const used = new Set<number>()
  let labelCount = 0
  for (let series = 0; series < sets.bound; series++) {
    sets.each(series, (nameId, valueId) => {
      used.add(nameId)
      used.add(valueId)
      labelCount++
    })
  }
  const utf8 = new TextEncoder()
  const texts = [...used].map((id) => ({ id, bytes: utf8.encode(sets.symbols.text(id)) }))
  texts.sort((a, b) => compareBytes(a.bytes, b.bytes))
  const numbers = new Map(texts.map(({ id }, number) => [id, number]))
  const textStarts = new Uint32Array(texts.length + 1)
  texts.forEach(({ bytes }, number) => {
    textStarts[number + 1] = textStarts[number]! + bytes.length
  })
  const textBytes = new Uint8Array(textStarts[texts.length]!)
  for (const [number, { bytes }] of texts.entries()) textBytes.set(bytes, textStarts[number])

  const labelStarts = new Uint32Array(sets.bound + 1)
  const labels = new Uint32Array(labelCount * 2)
  const byName = new Map<number, Map<number, number[]>>()
  let at = 0
  for (let series = 0; series < sets.bound; series++) {
    sets.each(series, (nameId, valueId) => {
      const [name, value] = [numbers.get(nameId)!, numbers.get(valueId)!]
      labels[at++] = name
      labels[at++] = value
      let values = byName.get(name)
      if (values === undefined) {
        values = new Map()
        byName.set(name, values)
      }
      const list = values.get(value)
      if (list === undefined) values.set(value, [series])
      else list.push(series)
    })
    labelStarts[series + 1] = at / 2
  }
  const rising = (keys: Iterable<number>): Uint32Array => Uint32Array.from(keys).sort()
  const names = rising(byName.keys())
  const valueCount = [...byName.values()].reduce((sum, values) => sum + values.size, 0)
  const nameStarts = new Uint32Array(names.length + 1)
  const values = new Uint32Array(valueCount)
  const valueStarts = new Uint32Array(valueCount + 1)
  const postings = new Uint32Array(labelCount)
  let [value, posting] = [0, 0]
  for (let n = 0; n < names.length; n++) {
    const lists = byName.get(names[n]!)!
    for (const number of rising(lists.keys())) {
      const list = lists.get(number)!
      values[value++] = number
      postings.set(list, posting)
      posting += list.length
      valueStarts[value] = posting
    }
    nameStarts[n + 1] = value
  }
  return { textStarts, textBytes, labelStarts, labels, names, nameStarts, values, valueStarts, postings }
}

/** Parts of the file, to be written one after another. */
export function encodeIndex(index: BlockIndex): readonly Uint8Array[] {
  const head = new Uint8Array(tableAt + sectionCount * entryBytes + 4)
  const view = new DataView(head.buffer)
  head.set(magic)
  view.setUint32(8, sectionCount, true)
  const parts: Uint8Array[] = [head]
  let offset = aligned(head.length)
  parts.push(new Uint8Array(offset - head.length))
  layout.forEach(([name], number) => {
    const array = index[name]
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
    const at = tableAt + number * entryBytes
    view.setBigUint64(at, BigInt(offset), true)
    view.setBigUint64(at + 8, BigInt(bytes.length), true)
    view.setUint32(at + 16, crc32(bytes), true)
    const end = aligned(offset + bytes.length)
    parts.push(bytes, new Uint8Array(end - offset - bytes.length))
    offset = end
  })
  view.setUint32(head.length - 4, crc32(head.subarray(0, head.length - 4)), true)
  return parts
}

/** Arrays over `bytes`, or what is wrong with them. */
export function decodeIndex(bytes: Uint8Array): BlockIndex | string {
  const headBytes = tableAt + sectionCount * entryBytes + 4
  if (bytes.length < headBytes || !magic.every((byte, i) => bytes[i] === byte)) return 'it is no index'
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(headBytes - 4, true) !== crc32(bytes.subarray(0, headBytes - 4))) return 'its table is damaged'
  const out: Record<string, unknown> = {}
  for (const [number, [name, kind]] of layout.entries()) {
    const at = tableAt + number * entryBytes
    const offset = Number(view.getBigUint64(at, true))
    const length = Number(view.getBigUint64(at + 8, true))
    if (offset + length > bytes.length || (bytes.byteOffset + offset) % 8 !== 0) return 'it is cut'
    if (crc32(bytes.subarray(offset, offset + length)) !== view.getUint32(at + 16, true))
      return `its section ${number} is damaged`
    out[name] = new kind(bytes.buffer as ArrayBuffer, bytes.byteOffset + offset, length / kind.BYTES_PER_ELEMENT)
  }
  return out as BlockIndex
}

/** Below 0, 0, above 0: as the bytes sort. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

const aligned = (offset: number): number => Math.ceil(offset / 8) * 8
