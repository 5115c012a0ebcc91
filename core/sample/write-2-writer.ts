// Bodies of remote write 2.0 for one sender that says the same series again and again: labels are numbered once, so that a body costs a copy for
// each sample. The table of texts stays as it is while no series is new, which is what a receiver knows it by.

import { staleHigh, staleLow, Writer } from './remote-write.ts'
import type { Labels } from './sample.ts'
import { literalBlock } from './snappy.ts'

/** Longest row without its labels: tags, lengths, a value, a time. */
const rowRoom = 40

export class Write2Writer {
  private readonly text = new TextEncoder()
  private readonly small = new Writer()
  private table = new Writer()
  private numbers = new Map<string, number>()
  /** Label numbers of all series, one after another: tag, length, numbers. */
  private fronts = new Uint8Array(1 << 12)
  private frontsUsed = 0
  private starts: number[] = []
  private rows = new Uint8Array(1 << 14)
  private view = new DataView(this.rows.buffer)
  private used = 0
  private time = new Uint8Array(10)
  private timeLength = 0
  private timeOf = Number.NaN

  constructor() {
    this.number('')
  }

  /** Number of a new series; from 0 on. */
  define(labels: Labels): number {
    this.small.reset()
    for (const [name, value] of labels) {
      this.small.varint(this.number(name))
      this.small.varint(this.number(value))
    }
    const refs = this.small.view().slice()
    this.small.reset()
    this.small.bytes(1, refs)
    const front = this.small.view()
    if (this.frontsUsed + front.length > this.fronts.length) {
      const larger = new Uint8Array(Math.max(this.fronts.length * 2, this.frontsUsed + front.length))
      larger.set(this.fronts.subarray(0, this.frontsUsed))
      this.fronts = larger
    }
    this.fronts.set(front, this.frontsUsed)
    this.starts.push(this.frontsUsed)
    this.frontsUsed += front.length
    return this.starts.length - 1
  }

  sample(series: number, time: number, value: number, stale = false): void {
    if (time !== this.timeOf) this.keepTime(time)
    const from = this.starts[series]!
    const to = this.starts[series + 1] ?? this.frontsUsed
    const length = to - from
    if (this.used + length + rowRoom > this.rows.length) this.grow(length)
    const { rows, fronts } = this
    const sampleLength = 10 + this.timeLength
    let at = this.used
    rows[at++] = 0x2a
    let rest = length + 2 + sampleLength
    for (; rest >= 0x80; rest >>>= 7) rows[at++] = (rest & 0x7f) | 0x80
    rows[at++] = rest
    // A call costs more than a short run of bytes.
    if (length > 64) {
      rows.set(fronts.subarray(from, to), at)
      at += length
    } else for (let i = from; i < to; i++) rows[at++] = fronts[i]!
    rows[at++] = 0x12
    rows[at++] = sampleLength
    rows[at++] = 0x09
    if (stale) {
      this.view.setUint32(at, staleLow, true)
      this.view.setUint32(at + 4, staleHigh, true)
    } else this.view.setFloat64(at, value, true)
    at += 8
    rows[at++] = 0x10
    for (let i = 0; i < this.timeLength; i++) rows[at++] = this.time[i]!
    this.used = at
  }

  /** A body of all samples since the last one. `room` may give memory to use, which the body is then part of. */
  finish(room?: (bytes: number) => Uint8Array): Uint8Array {
    const table = this.table.view()
    const body = literalBlock([table, this.rows.subarray(0, this.used)], room)
    this.used = 0
    return body
  }

  /** Gives up the samples since the last body. */
  discard(): void {
    this.used = 0
  }

  private number(text: string): number {
    const known = this.numbers.get(text)
    if (known !== undefined) return known
    this.table.bytes(4, this.text.encode(text))
    this.numbers.set(text, this.numbers.size)
    return this.numbers.size - 1
  }

  private keepTime(time: number): void {
    this.small.reset()
    this.small.varintField(2, time)
    const bytes = this.small.view()
    this.time.set(bytes.subarray(1))
    this.timeLength = bytes.length - 1
    this.timeOf = time
  }

  private grow(length: number): void {
    const larger = new Uint8Array(Math.max(this.rows.length * 2, this.used + length + rowRoom))
    larger.set(this.rows.subarray(0, this.used))
    this.rows = larger
    this.view = new DataView(larger.buffer)
  }
}
