// Rows of one request of remote write, 1.0 or 2.0, into memory that grows: a series is its label bytes, or its label numbers, and its samples.

import { compress } from 'snappyjs'
import { staleHigh, staleLow } from '../../core/sample/remote-write.ts'

export type SendMessage = 'write' | 'write2'
/** Samples of one series; [from, to) of them are meant. */
export type Column = {
  readonly times: Float64Array
  readonly values: Float64Array
  readonly stale: Uint8Array
}

/** Tag, length, a value, a time. */
const mostSampleBytes = 24

class Sink {
  bytes = new Uint8Array(1 << 12)
  view = new DataView(this.bytes.buffer)
  used = 0

  room(more: number): void {
    if (this.used + more <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.used + more))
    larger.set(this.bytes.subarray(0, this.used))
    this.bytes = larger
    this.view = new DataView(larger.buffer)
  }
  varint(value: number): void {
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.bytes[this.used++] = (rest % 128) | 0x80
    this.bytes[this.used++] = rest
  }
  set(part: Uint8Array): void {
    this.bytes.set(part, this.used)
    this.used += part.length
  }
}

export class SendRows {
  private rows = new Sink()
  private table = new Sink()
  private samples = 0
  /** Number of a text within this request, and which request that is of. */
  private numbers = new Uint32Array(256)
  private stamps = new Uint32Array(256)
  private stamp = 0
  private count = 0
  private refs = new Sink()
  private readonly text = new TextEncoder()
  readonly message: SendMessage

  constructor(message: SendMessage) {
    this.message = message
    this.begin()
  }

  get length(): number {
    return this.samples
  }

  /** `labels`: as 1.0 has them; `symbols`: the numbers of their texts, `texts` by number, for 2.0. */
  add(
    labels: Uint8Array,
    symbols: Uint32Array,
    texts: readonly string[],
    column: Column,
    from: number,
    to: number,
  ): void {
    const front = this.message === 'write' ? labels : this.refsOf(symbols, texts)
    const { rows } = this
    let length = front.length
    for (let i = from; i < to; i++) length += 12 + timeLength(column.times[i]!)
    rows.room(16 + front.length + (to - from) * mostSampleBytes)
    rows.bytes[rows.used++] = this.message === 'write' ? 0x0a : 0x2a
    rows.varint(length)
    rows.set(front)
    for (let i = from; i < to; i++) this.sample(column.times[i]!, column.values[i]!, column.stale[i] === 1)
    this.samples += to - from
  }

  /** The request in snappy; then the next one begins. */
  finish(): { readonly body: Uint8Array<ArrayBuffer>; readonly samples: number } {
    const whole = new Uint8Array(this.table.used + this.rows.used)
    whole.set(this.table.bytes.subarray(0, this.table.used))
    whole.set(this.rows.bytes.subarray(0, this.rows.used), this.table.used)
    const { samples } = this
    this.begin()
    return { body: new Uint8Array(compress(whole)), samples }
  }

  private begin(): void {
    this.rows.used = 0
    this.table.used = 0
    this.samples = 0
    this.count = 0
    this.stamp++
    // The first text is the empty one.
    if (this.message === 'write2') this.put('')
  }

  private sample(time: number, value: number, stale: boolean): void {
    const { rows } = this
    rows.bytes[rows.used++] = 0x12
    rows.bytes[rows.used++] = 10 + timeLength(time)
    rows.bytes[rows.used++] = 0x09
    if (stale) {
      rows.view.setUint32(rows.used, staleLow, true)
      rows.view.setUint32(rows.used + 4, staleHigh, true)
    } else rows.view.setFloat64(rows.used, value, true)
    rows.used += 8
    rows.bytes[rows.used++] = 0x10
    if (time >= 0) return rows.varint(time)
    let rest = BigInt.asUintN(64, BigInt(time))
    for (; rest >= 0x80n; rest >>= 7n) rows.bytes[rows.used++] = Number(rest & 0x7fn) | 0x80
    rows.bytes[rows.used++] = Number(rest)
  }

  /** Label numbers of this request, with tag and length. */
  private refsOf(symbols: Uint32Array, texts: readonly string[]): Uint8Array {
    const refs = this.refs
    refs.used = 0
    refs.room(8 + symbols.length * 5)
    for (let i = 0; i < symbols.length; i++) refs.varint(this.number(symbols[i]!, texts))
    const body = refs.bytes.slice(0, refs.used)
    refs.used = 0
    refs.bytes[refs.used++] = 0x0a
    refs.varint(body.length)
    refs.set(body)
    return refs.bytes.subarray(0, refs.used)
  }

  private number(symbol: number, texts: readonly string[]): number {
    if (symbol >= this.numbers.length) {
      this.numbers = doubled(this.numbers, symbol)
      this.stamps = doubled(this.stamps, symbol)
    }
    if (this.stamps[symbol] !== this.stamp) {
      this.stamps[symbol] = this.stamp
      this.numbers[symbol] = this.put(texts[symbol]!)
    }
    return this.numbers[symbol]!
  }

  private put(text: string): number {
    const bytes = this.text.encode(text)
    const { table } = this
    table.room(8 + bytes.length)
    table.bytes[table.used++] = 0x22
    table.varint(bytes.length)
    table.set(bytes)
    return this.count++
  }
}

function timeLength(time: number): number {
  if (time < 0) return 10
  let length = 1
  for (let rest = time; rest >= 0x80; rest = Math.floor(rest / 128)) length++
  return length
}

function doubled(array: Uint32Array<ArrayBuffer>, index: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(array.length * 2, index + 1))
  larger.set(array)
  return larger
}
