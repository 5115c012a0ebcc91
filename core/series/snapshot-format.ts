// Bytes of head snapshots (docs/formats/head-snapshot.md). Pure. Invariant: decoding what was encoded gives the same series; a section that fails
// its check gives null, and what is inside a sound section is read without reading past it.

import { crc32 } from 'node:zlib'
import type { Labels, Window } from './seam.ts'

const magic = Uint8Array.of(0x49, 0x57, 0x48, 0x45, 0x44, 0, 0, 1) // IWHED, version 1
export const snapshotHeadBytes = 36
export const sectionHeadBytes = 8
const kinds = { series: 1, end: 2 } as const
const utf8 = new TextEncoder()

export type SnapshotHead = {
  readonly epoch: bigint
  /** Sequence of the log to replay from. */
  readonly sequence: number
  /** Samples up to here lie in blocks. */
  readonly closed: number
}

export function encodeSnapshotHead(head: SnapshotHead): Uint8Array {
  const bytes = new Uint8Array(snapshotHeadBytes)
  const view = new DataView(bytes.buffer)
  bytes.set(magic)
  view.setBigUint64(8, head.epoch, true)
  view.setBigUint64(16, BigInt(head.sequence), true)
  view.setFloat64(24, head.closed, true)
  view.setUint32(32, crc32(bytes.subarray(0, 32)), true)
  return bytes
}

export function decodeSnapshotHead(bytes: Uint8Array): SnapshotHead | null {
  if (bytes.length < snapshotHeadBytes || !magic.every((byte, index) => bytes[index] === byte)) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  if (view.getUint32(32, true) !== crc32(bytes.subarray(0, 32))) return null
  return {
    epoch: view.getBigUint64(8, true),
    sequence: Number(view.getBigUint64(16, true)),
    closed: view.getFloat64(24, true),
  }
}

/** Gathers series into sections. */
export class SectionWriter {
  private readonly ids = new Map<string, number>()
  private readonly texts: Uint8Array[] = []
  private bytes = new Uint8Array(1 << 20)
  private view = new DataView(this.bytes.buffer)
  private used = 0
  private series = 0
  /** Over the whole file. */
  count = 0

  /** Bytes of series that wait for `take`. */
  get waiting(): number {
    return this.used
  }

  add(labels: Labels, chunks: readonly Uint8Array[], open: Window, openCount: number): void {
    let need = 2 + labels.length * 8 + 2 + 1 + openCount * 17
    for (const chunk of chunks) need += 2 + chunk.length
    this.room(need)
    this.u16(labels.length)
    for (const [name, value] of labels) {
      this.u32(this.idOf(name))
      this.u32(this.idOf(value))
    }
    this.u16(chunks.length)
    for (const chunk of chunks) {
      this.u16(chunk.length)
      this.bytes.set(chunk, this.used)
      this.used += chunk.length
    }
    this.bytes[this.used++] = openCount
    for (let i = 0; i < openCount; i++) {
      this.view.setFloat64(this.used, open.times[i]!, true)
      this.view.setFloat64(this.used + 8, open.values[i]!, true)
      this.bytes[this.used + 16] = open.stale[i]!
      this.used += 17
    }
    this.series++
    this.count++
  }

  /** The section of what was added since the last one. */
  take(): Uint8Array {
    const textBytes = this.texts.reduce((sum, text) => sum + 4 + text.length, 0)
    const payload = new Uint8Array(1 + 4 + textBytes + 4 + this.used)
    const view = new DataView(payload.buffer)
    payload[0] = kinds.series
    view.setUint32(1, this.texts.length, true)
    let at = 5
    for (const text of this.texts) {
      view.setUint32(at, text.length, true)
      payload.set(text, at + 4)
      at += 4 + text.length
    }
    view.setUint32(at, this.series, true)
    payload.set(this.bytes.subarray(0, this.used), at + 4)
    this.texts.length = 0
    this.used = 0
    this.series = 0
    return section(payload)
  }

  end(): Uint8Array {
    const payload = new Uint8Array(5)
    payload[0] = kinds.end
    new DataView(payload.buffer).setUint32(1, this.count, true)
    return section(payload)
  }

  private idOf(text: string): number {
    let id = this.ids.get(text)
    if (id === undefined) {
      id = this.ids.size
      this.ids.set(text, id)
      this.texts.push(utf8.encode(text))
    }
    return id
  }
  private u16(value: number): void {
    this.view.setUint16(this.used, value, true)
    this.used += 2
  }
  private u32(value: number): void {
    this.view.setUint32(this.used, value, true)
    this.used += 4
  }
  private room(need: number): void {
    if (this.used + need <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.used + need))
    larger.set(this.bytes.subarray(0, this.used))
    this.bytes = larger
    this.view = new DataView(larger.buffer)
  }
}

function section(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(sectionHeadBytes + payload.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, payload.length, true)
  view.setUint32(4, crc32(payload), true)
  bytes.set(payload, sectionHeadBytes)
  return bytes
}

/** Number of series that an end section states; null for any other section. */
export function endOf(payload: Uint8Array): number | null {
  if (payload[0] !== kinds.end || payload.length !== 5) return null
  return new DataView(payload.buffer, payload.byteOffset).getUint32(1, true)
}

export type SeriesVisitor = (labels: Labels, chunks: readonly Uint8Array[], open: Window, count: number) => void

/** Calls for every series of a sound section. `texts` grows with the file. Throws a RangeError where a sound check sum covers nonsense. */
export function readSection(payload: Uint8Array, texts: string[], visit: SeriesVisitor): void {
  if (payload[0] !== kinds.series) return
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const decoder = new TextDecoder()
  let at = 5
  for (let left = view.getUint32(1, true); left > 0; left--) {
    const length = view.getUint32(at, true)
    texts.push(decoder.decode(payload.subarray(at + 4, at + 4 + length)))
    at += 4 + length
  }
  const open: Window = { times: new Float64Array(255), values: new Float64Array(255), stale: new Uint8Array(255) }
  const textOf = (id: number): string => {
    const text = texts[id]
    if (text === undefined) throw new RangeError(`text ${id} of ${texts.length}`)
    return text
  }
  let series = view.getUint32(at, true)
  for (at += 4; series > 0; series--) {
    const labels: [string, string][] = []
    const labelCount = view.getUint16(at, true)
    at += 2
    for (let i = 0; i < labelCount; i++, at += 8)
      labels.push([textOf(view.getUint32(at, true)), textOf(view.getUint32(at + 4, true))])
    const chunks: Uint8Array[] = []
    const chunkCount = view.getUint16(at, true)
    at += 2
    for (let i = 0; i < chunkCount; i++) {
      const length = view.getUint16(at, true)
      chunks.push(payload.subarray(at + 2, at + 2 + length))
      at += 2 + length
    }
    const openCount = view.getUint8(at++)
    for (let i = 0; i < openCount; i++, at += 17) {
      open.times[i] = view.getFloat64(at, true)
      open.values[i] = view.getFloat64(at + 8, true)
      open.stale[i] = view.getUint8(at + 16)
    }
    visit(labels, chunks, open, openCount)
  }
}
