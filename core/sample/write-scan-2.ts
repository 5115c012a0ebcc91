// Prometheus remote write 2.0: texts stand once in a table at the front, series name them by number. Read without a text for any series whose
// label bytes are known. A body whose form is broken tells nothing at all; one series with a bad label is told as having none.

import { InferwardError } from '../base/errors.ts'
import {
  decodeLabels,
  maxBodyBytes,
  maxDecodedBytes,
  maxSamples,
  maxSeries,
  staleHigh,
  staleLow,
} from './remote-write.ts'
import type { Labels } from './sample.ts'
import { uncompressBlock } from './snappy.ts'

export type Write2Visitor = {
  /** The table of texts as bytes [from, to); once, before any series. Not called for a table in pieces: then series have no bytes either. */
  symbols(view: DataView, from: number, to: number): void
  /** The next series: its label numbers as bytes [from, to), which mean something together with the table only; -1, -1 where they come in pieces. */
  series(view: DataView, from: number, to: number): void
  sample(time: number, value: number, stale: boolean): void
  /** Native histograms are not kept. */
  histogram(): void
}

/** Label bytes of a series as remote write 1.0 has them. Live until the next series. */
export type SpelledLabels = { readonly view: DataView; readonly length: number; decode(): Labels }

const keptBytes = 8 << 20
const maxSymbols = 1_000_000
const maxLabels = 128
const maxLabelBytes = 64 << 10
/** Times that a float holds exactly. */
const mostTime = 2 ** 53

const malformed = (message: string): InferwardError =>
  new InferwardError({ code: 'remote_write.malformed', message: `remote write 2.0 body: ${message}` })

export class Write2Scanner {
  private bytes: Uint8Array = new Uint8Array(0)
  private view: DataView = new DataView(new ArrayBuffer(0))
  private kept: Uint8Array = new Uint8Array(0)
  private at = 0
  private starts = new Uint32Array(1024)
  private lengths = new Uint32Array(1024)
  private count = 0
  private refs = new Uint32Array(2 * maxLabels)
  private refCount = 0
  private spelled = new Uint8Array(1024)
  private spelledView = new DataView(this.spelled.buffer)
  /** Bytes of the current series, for a second look at its labels. */
  private from = 0
  private to = 0
  /** Of the last time: its first and last four bytes, its length, what it says. */
  private front = 0
  private back = 0
  private timeLength = 0
  private lastTime = 0

  /** Throws `remote_write.malformed`. */
  scan(body: Uint8Array, visitor: Write2Visitor): void {
    if (body.length > maxBodyBytes) throw malformed(`${body.length} bytes, at most ${maxBodyBytes}`)
    const bytes = uncompressBlock(body, maxDecodedBytes, (length) => this.memory(length))
    if (bytes === null) throw malformed('not a snappy block, or one that is too large')
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    try {
      const table = this.check()
      if (table !== null) visitor.symbols(this.view, table.from, table.to)
      this.tell(visitor, table !== null)
    } finally {
      this.bytes = new Uint8Array(0)
      this.count = 0
    }
  }

  /** One piece of memory for body after body, unless it is a large one. */
  private memory(length: number): Uint8Array {
    if (length > keptBytes) return new Uint8Array(length)
    if (length > this.kept.length)
      this.kept = new Uint8Array(Math.min(keptBytes, Math.max(length, this.kept.length * 2)))
    return this.kept.subarray(0, length)
  }

  /** Within `series` only: its labels, or null where they name texts that are not there. */
  labels(): SpelledLabels | null {
    if (!this.gather()) return null
    let used = 0
    for (let i = 0; i < this.refCount; i += 2) {
      const [name, value] = [this.refs[i]!, this.refs[i + 1]!]
      if (name >= this.count || value >= this.count) return null
      const [nameLength, valueLength] = [this.lengths[name]!, this.lengths[value]!]
      if (nameLength > maxLabelBytes || valueLength > maxLabelBytes) return null
      const inner = 2 + varintLength(nameLength) + nameLength + varintLength(valueLength) + valueLength
      this.room(used + inner + 6)
      const out = this.spelled
      out[used++] = 0x0a
      used = varint(out, used, inner)
      out[used++] = 0x0a
      used = this.copy(name, varint(out, used, nameLength))
      out[used++] = 0x12
      used = this.copy(value, varint(out, used, valueLength))
    }
    return {
      view: this.spelledView,
      length: used,
      decode: () => decodeLabels(this.spelled, 0, used),
    }
  }

  /** Every length fits and every number ends; notes where the texts lie. The table as one piece, or null. */
  private check(): { from: number; to: number } | null {
    const { bytes } = this
    const end = bytes.length
    let [from, to, whole] = [0, 0, true]
    let series = 0
    const budget = { samples: 0 }
    this.at = 0
    this.count = 0
    while (this.at < end) {
      const begin = this.at
      const tag = this.number(end)
      const field = tag >>> 3
      if (tag === 0x22) {
        const length = this.length(end)
        if (this.count >= maxSymbols) throw malformed(`more than ${maxSymbols} symbols`)
        this.symbol(this.at, length)
        this.at += length
        if (this.count === 1) from = begin
        else if (begin !== to) whole = false
        to = this.at
      } else if (tag === 0x2a) {
        if (++series > maxSeries) throw malformed(`more than ${maxSeries} series`)
        const length = this.length(end)
        this.checkSeries(this.at + length, budget)
      } else if (field < 4) throw malformed('a body of remote write 1.0 under the name of 2.0')
      else this.skip(tag & 7, end)
    }
    if (this.count > 0 && this.lengths[0] !== 0) throw malformed('the first symbol is not the empty text')
    return whole && this.count > 0 ? { from, to } : null
  }

  private checkSeries(end: number, budget: { samples: number }): void {
    while (this.at < end) {
      const behind = this.plainEnd(end)
      if (behind > 0) {
        if (++budget.samples > maxSamples) throw malformed(`more than ${maxSamples} samples`)
        this.at = behind
        continue
      }
      const tag = this.number(end)
      if (tag !== 0x12) {
        this.skip(tag & 7, end)
        continue
      }
      if (++budget.samples > maxSamples) throw malformed(`more than ${maxSamples} samples`)
      const last = this.length(end) + this.at
      while (this.at < last) this.skip(this.number(last) & 7, last)
    }
  }

  /** Where the sample here ends, if it is as all senders write one: a value, then a time from 1970 on and of at most 56 bits. Else 0. */
  private plainEnd(end: number): number {
    const { bytes, at } = this
    const size = bytes[at + 1]!
    const last = at + 2 + size
    if (bytes[at] !== 0x12 || size < 11 || size > 18 || last > end) return 0
    if (bytes[at + 2] !== 0x09 || bytes[at + 11] !== 0x10 || bytes[last - 1]! >= 0x80) return 0
    for (let i = at + 12; i < last - 1; i++) if (bytes[i]! < 0x80) return 0
    return last
  }

  /** The time of a plain sample; mostly that of the sample before it. */
  private plainTime(from: number, to: number): number {
    const { bytes, view } = this
    if (to - from < 4) {
      let value = 0
      for (let at = to - 1; at >= from; at--) value = value * 128 + (bytes[at]! & 0x7f)
      return value
    }
    const front = view.getInt32(from)
    const back = view.getInt32(to - 4)
    if (front === this.front && back === this.back && to - from === this.timeLength) return this.lastTime
    let value = 0
    for (let at = to - 1; at >= from; at--) value = value * 128 + (bytes[at]! & 0x7f)
    this.front = front
    this.back = back
    this.timeLength = to - from
    this.lastTime = Math.min(value, mostTime)
    return this.lastTime
  }

  private tell(visitor: Write2Visitor, whole: boolean): void {
    const { view } = this
    const end = this.bytes.length
    this.at = 0
    while (this.at < end) {
      const tag = this.number(end)
      if (tag !== 0x2a) {
        this.skip(tag & 7, end)
        continue
      }
      const to = this.length(end) + this.at
      this.from = this.at
      this.to = to
      const key = whole ? this.refBytes() : null
      visitor.series(view, key?.from ?? -1, key?.to ?? -1)
      this.at = key === null ? this.from : key.to
      while (this.at < to) {
        const { at } = this
        const behind = this.plainEnd(to)
        if (behind > 0) {
          const value = view.getFloat64(at + 3, true)
          const stale = Number.isNaN(value) && this.isStale(at + 3)
          this.at = behind
          visitor.sample(this.plainTime(at + 12, behind), value, stale)
          continue
        }
        const inner = this.number(to)
        if (inner === 0x12) this.sample(this.length(to) + this.at, visitor)
        else {
          if (inner === 0x1a) visitor.histogram()
          this.skip(inner & 7, to)
        }
      }
    }
  }

  /** The label numbers where senders put them: first, packed, and nowhere else before the samples. */
  private refBytes(): { from: number; to: number } | null {
    if (this.bytes[this.at] !== 0x0a) return null
    this.at++
    const length = this.length(this.to)
    const [from, to] = [this.at, this.at + length]
    // More of them behind, packed or not, and this is not all.
    return to < this.to && (this.bytes[to] === 0x0a || this.bytes[to] === 0x08) ? null : { from, to }
  }

  private sample(end: number, visitor: Write2Visitor): void {
    let [value, time, stale] = [0, 0, false]
    while (this.at < end) {
      const tag = this.number(end)
      if (tag === 0x09) {
        value = this.view.getFloat64(this.at, true)
        stale = this.isStale(this.at)
        this.at += 8
      } else if (tag === 0x10) time = this.time()
      else this.skip(tag & 7, end)
    }
    visitor.sample(time, value, stale)
  }

  private isStale(at: number): boolean {
    return this.view.getUint32(at, true) === staleLow && this.view.getUint32(at + 4, true) === staleHigh
  }

  /** All label numbers of the series into `refs`; false: too many, one without its partner, one that does not end. */
  private gather(): boolean {
    const back = this.at
    this.refCount = 0
    this.at = this.from
    let fits = true
    while (this.at < this.to && fits) {
      const tag = this.number(this.to)
      if (tag === 0x0a) {
        const to = this.length(this.to) + this.at
        while (this.at < to && fits) fits = this.ref(to)
      } else if (tag === 0x08) fits = this.ref(this.to)
      else this.skip(tag & 7, this.to)
    }
    this.at = back
    return fits && this.refCount % 2 === 0
  }

  private ref(end: number): boolean {
    let [value, scale] = [0, 1]
    while (this.at < end && scale < 2 ** 35) {
      const byte = this.bytes[this.at++]!
      value += (byte & 0x7f) * scale
      scale *= 128
      if (byte >= 0x80) continue
      if (this.refCount === this.refs.length || value > maxSymbols) return false
      this.refs[this.refCount++] = value
      return true
    }
    return false
  }

  private symbol(at: number, length: number): void {
    if (this.count === this.starts.length) {
      this.starts = doubled(this.starts)
      this.lengths = doubled(this.lengths)
    }
    this.starts[this.count] = at
    this.lengths[this.count++] = length
  }

  private room(length: number): void {
    if (length <= this.spelled.length) return
    const larger = new Uint8Array(length * 2)
    larger.set(this.spelled)
    this.spelled = larger
    this.spelledView = new DataView(larger.buffer)
  }

  private copy(symbol: number, at: number): number {
    const { bytes, spelled } = this
    const from = this.starts[symbol]!
    const length = this.lengths[symbol]!
    // A call costs more than a short run of bytes.
    if (length > 48) spelled.set(bytes.subarray(from, from + length), at)
    else for (let i = 0; i < length; i++) spelled[at + i] = bytes[from + i]!
    return at + length
  }

  private length(end: number): number {
    const length = this.number(end)
    if (length > end - this.at) throw malformed('cut short')
    return length
  }

  /** Exact up to 2^53; what lies above fits nowhere anyway. */
  private number(end: number): number {
    const { bytes } = this
    if (this.at < end && bytes[this.at]! < 0x80) return bytes[this.at++]!
    let value = 0
    let scale = 1
    for (let count = 0; count < 10; count++, scale *= 128) {
      if (this.at >= end) throw malformed('cut short')
      const byte = bytes[this.at++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw malformed('a number is too long')
  }

  /** int64 in two's complement, known to end; past the exact range it is the nearest end of it. */
  private time(): number {
    const { bytes } = this
    let [low, high, scale] = [0, 0, 1]
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[this.at++]!
      if (shift < 28) low |= (byte & 0x7f) << shift
      else {
        high += (byte & 0x7f) * scale
        scale *= 128
      }
      if (byte < 0x80) break
    }
    high %= 2 ** 36
    if (high < 2 ** 35) return Math.min(high * 2 ** 28 + low, mostTime)
    return Math.max(-((2 ** 36 - 1 - high) * 2 ** 28 + (2 ** 28 - low)), -mostTime)
  }

  private skip(wire: number, end: number): void {
    if (wire === 0) this.number(end)
    else if (wire === 1) this.at += 8
    else if (wire === 2) {
      // Not in one line: the length moves the place that it is added to.
      const length = this.length(end)
      this.at += length
    } else if (wire === 5) this.at += 4
    else throw malformed(`wire type ${wire}`)
    if (this.at > end) throw malformed('cut short')
  }
}

function doubled(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2)
  larger.set(array)
  return larger
}

function varint(out: Uint8Array, from: number, value: number): number {
  let at = from
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) out[at++] = (rest % 128) | 0x80
  out[at++] = rest
  return at
}

function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length++
  return length
}
