// The quick way through a remote-write body: for every series the place of its label bytes and then its samples, without an object for any of them.
// A body in another order than senders use, or with anything odd in it, is left to the careful way (remote-write.ts), which also says what is wrong.

import { maxBodyBytes, maxDecodedBytes, maxSamples, maxSeries, staleHigh, staleLow } from './remote-write.ts'
import { uncompressBlock } from './snappy.ts'

export type ScanVisitor = {
  /** Label bytes of the next series: [from, to) of `bytes` and of `view`, which live until the scan returns. */
  series(bytes: Uint8Array, view: DataView, from: number, to: number): void
  sample(time: number, value: number, stale: boolean): void
}

export type Scanned = 'done' | 'careful'

/** Larger bodies are rare, and their memory goes back at once. */
const keptBytes = 8 << 20
/** Times that a float holds exactly; beyond them lies no year that anybody samples. */
const mostTime = 2 ** 53

export class WriteScanner {
  private bytes: Uint8Array = new Uint8Array(0)
  private view: DataView = new DataView(new ArrayBuffer(0))
  private kept: Uint8Array = new Uint8Array(0)
  private at = 0
  private end = 0
  /** What the last varint could not be read for. */
  private bad = false

  /** Nothing is told to the visitor before the whole body is known to be plain. */
  scan(body: Uint8Array, visitor: ScanVisitor): Scanned {
    if (body.length > maxBodyBytes) return 'careful'
    const bytes = uncompressBlock(body, maxDecodedBytes, (length) => this.room(length))
    if (bytes === null) return 'careful'
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (!this.plain()) return 'careful'
    this.tell(visitor)
    this.bytes = new Uint8Array(0)
    return 'done'
  }

  /** One piece of memory for body after body: fresh ones would keep the collector of garbage busier than the scan. */
  private room(length: number): Uint8Array {
    if (length > keptBytes) return new Uint8Array(length)
    if (length > this.kept.length)
      this.kept = new Uint8Array(Math.min(keptBytes, Math.max(length, this.kept.length * 2)))
    return this.kept.subarray(0, length)
  }

  private start(): void {
    this.at = 0
    this.end = this.bytes.length
    this.bad = false
  }

  /** Every series is labels, then samples of a value and a time; every length fits. */
  private plain(): boolean {
    this.start()
    const { bytes } = this
    let series = 0
    let samples = 0
    while (this.at < this.end) {
      if (bytes[this.at++] !== 0x0a || ++series > maxSeries) return false
      const length = this.varint()
      const to = this.at + length
      if (this.bad || to > this.end) return false
      while (this.at < to && bytes[this.at] === 0x0a) {
        this.at++
        const size = this.varint()
        this.at += size
        if (this.bad || this.at > to) return false
      }
      while (this.at < to) {
        if (bytes[this.at++] !== 0x12 || ++samples > maxSamples) return false
        const size = this.varint()
        const last = this.at + size
        // A value (9 bytes), then a time of one to eight bytes: larger ones and negative ones are read the careful way.
        if (this.bad || last > to || size < 11 || size > 18) return false
        if (bytes[this.at] !== 0x09 || bytes[this.at + 9] !== 0x10) return false
        for (let i = this.at + 10; i < last - 1; i++) if (bytes[i]! < 0x80) return false
        if (bytes[last - 1]! >= 0x80) return false
        this.at = last
      }
    }
    return true
  }

  private tell(visitor: ScanVisitor): void {
    this.start()
    const bytes = this.bytes
    const view = this.view
    while (this.at < this.end) {
      this.at++
      const to = this.varint() + this.at
      const from = this.at
      while (this.at < to && bytes[this.at] === 0x0a) {
        this.at++
        const size = this.varint()
        this.at += size
      }
      visitor.series(bytes, view, from, this.at)
      while (this.at < to) {
        this.at++
        const last = this.varint() + this.at
        const value = this.at + 1
        const stale = view.getUint32(value, true) === staleLow && view.getUint32(value + 4, true) === staleHigh
        visitor.sample(this.time(this.at + 10, last), view.getFloat64(value, true), stale)
        this.at = last
      }
    }
  }

  /** Up to 56 bits; the upper half by multiplication, since shifts end at 32. */
  private time(from: number, to: number): number {
    const { bytes } = this
    let low = 0
    let high = 0
    let at = from
    for (let shift = 0; at < to && shift < 28; shift += 7) low |= (bytes[at++]! & 0x7f) << shift
    for (let shift = 0; at < to; shift += 7) high |= (bytes[at++]! & 0x7f) << shift
    const time = high * 2 ** 28 + low
    return time < mostTime ? time : mostTime
  }

  /** A length: at most four bytes, since a body is shorter than 2^28. */
  private varint(): number {
    const { bytes } = this
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[this.at++]
      if (byte === undefined) break
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    this.bad = true
    return 0
  }
}
