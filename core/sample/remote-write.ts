// Prometheus remote write 1.0, encoded and decoded by hand: protobuf WriteRequest inside a snappy block. Hostile input is safe: every length
// is checked against the bytes that are there, sizes are bounded before anything is decompressed, and a fault is one kind of error.

import { compress } from 'snappyjs'
import { InferwardError } from '../base/errors.ts'
import type { Labels, SeriesSamples } from './sample.ts'
import { uncompressBlock } from './snappy.ts'

export const maxBodyBytes = 32 << 20
export const maxDecodedBytes = 128 << 20
const maxLabels = 128
const maxLabelBytes = 64 << 10
/** A body of empty samples compresses a hundredfold: without these bounds six megabytes would keep a core busy for minutes. */
export const maxSeries = 1_000_000
export const maxSamples = 5_000_000

/** Prometheus' mark for "this series ended": one NaN among all the others. */
export const staleHigh = 0x7ff00000
export const staleLow = 0x00000002

export type WriteVisitor = {
  /** A series begins; its samples follow. Labels come as sent: check them. */
  series(labels: Labels): void
  sample(time: number, value: number, stale: boolean): void
  /** A native histogram, which nobody keeps. */
  histogram?(): void
}

function malformed(message: string): InferwardError {
  return new InferwardError({ code: 'remote_write.malformed', message: `remote write body: ${message}` })
}

export function encodeWriteRequest(series: readonly SeriesSamples[]): Uint8Array {
  return compress(encodeProtobuf(series))
}

function encodeProtobuf(series: readonly SeriesSamples[]): Uint8Array {
  const out = new Writer()
  const inner = new Writer()
  const small = new Writer()
  const text = new TextEncoder()
  for (const one of series) {
    inner.reset()
    for (const [name, value] of one.labels) {
      small.reset()
      small.bytes(1, text.encode(name))
      small.bytes(2, text.encode(value))
      inner.bytes(1, small.view())
    }
    one.times.forEach((time, index) => {
      small.reset()
      small.double(1, one.values[index]!, one.stale?.[index] === true)
      small.varintField(2, time)
      inner.bytes(2, small.view())
    })
    out.bytes(1, inner.view())
  }
  return out.view().slice()
}

/** Labels of the bytes of a series that WriteScanner showed. */
export function decodeLabels(bytes: Uint8Array, from: number, to: number): Labels {
  const reader = new Reader(bytes, from, to)
  const labels: [string, string][] = []
  while (!reader.done) {
    reader.varint()
    if (labels.length >= maxLabels) throw malformed(`more than ${maxLabels} labels on a series`)
    labels.push(decodeLabel(reader.message()))
  }
  return labels
}

export function decodeWriteRequest(body: Uint8Array, visitor: WriteVisitor): void {
  if (body.length > maxBodyBytes) throw malformed(`${body.length} bytes, at most ${maxBodyBytes}`)
  const bytes = uncompressBlock(body, maxDecodedBytes)
  if (bytes === null) throw malformed('not a snappy block, or one that is too large')
  const reader = new Reader(bytes, 0, bytes.length)
  const budget = { series: 0, samples: 0 }
  while (!reader.done) {
    const tag = reader.varint()
    if (tag === 0x0a) {
      if (++budget.series > maxSeries) throw malformed(`more than ${maxSeries} series`)
      decodeSeries(reader.message(), visitor, budget)
    } else reader.skip(tag & 7)
  }
}

/** Two passes: labels may come behind samples, and keeping the samples aside would cost memory by the hundredfold. */
function decodeSeries(reader: Reader, visitor: WriteVisitor, budget: { samples: number }): void {
  const labels: [string, string][] = []
  const again = reader.clone()
  while (!reader.done) {
    const tag = reader.varint()
    if (tag === 0x0a) {
      if (labels.length >= maxLabels) throw malformed(`more than ${maxLabels} labels on a series`)
      labels.push(decodeLabel(reader.message()))
    } else reader.skip(tag & 7)
  }
  visitor.series(labels)
  while (!again.done) {
    const outer = again.varint()
    if (outer !== 0x12) {
      if (outer === 0x22) visitor.histogram?.()
      again.skip(outer & 7)
      continue
    }
    if (++budget.samples > maxSamples) throw malformed(`more than ${maxSamples} samples`)
    const one = again.message()
    let value = 0
    let stale = false
    let time = 0
    while (!one.done) {
      const tag = one.varint()
      if (tag === 0x09) ({ value, stale } = one.double())
      else if (tag === 0x10) time = one.signedVarint()
      else one.skip(tag & 7)
    }
    visitor.sample(time, value, stale)
  }
}

function decodeLabel(reader: Reader): [string, string] {
  let name = ''
  let value = ''
  while (!reader.done) {
    const tag = reader.varint()
    if (tag === 0x0a) name = reader.text()
    else if (tag === 0x12) value = reader.text()
    else reader.skip(tag & 7)
  }
  return [name, value]
}

const decoder = new TextDecoder('utf-8', { fatal: true })

class Reader {
  private readonly buffer: Uint8Array
  private readonly view: DataView
  private at: number
  private readonly end: number

  constructor(
    buffer: Uint8Array,
    at: number,
    end: number,
    view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength),
  ) {
    this.buffer = buffer
    this.view = view
    this.at = at
    this.end = end
  }
  clone(): Reader {
    return new Reader(this.buffer, this.at, this.end, this.view)
  }
  get done(): boolean {
    return this.at >= this.end
  }
  varint(): number {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= this.end) throw malformed('cut short')
      const byte = this.buffer[this.at++]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw malformed('a number is too long')
  }
  /** int64: negative numbers are written as their 64-bit complement. */
  signedVarint(): number {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.at >= this.end) throw malformed('cut short')
      const byte = this.buffer[this.at++]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number(BigInt.asIntN(64, value))
    }
    throw malformed('a number is too long')
  }
  double(): { value: number; stale: boolean } {
    if (this.at + 8 > this.end) throw malformed('cut short')
    const low = this.view.getUint32(this.at, true)
    const high = this.view.getUint32(this.at + 4, true)
    const value = this.view.getFloat64(this.at, true)
    this.at += 8
    return { value, stale: high === staleHigh && low === staleLow }
  }
  message(): Reader {
    const length = this.varint()
    if (length > this.end - this.at) throw malformed('cut short')
    const inner = new Reader(this.buffer, this.at, this.at + length, this.view)
    this.at += length
    return inner
  }
  text(): string {
    const length = this.varint()
    if (length > this.end - this.at) throw malformed('cut short')
    if (length > maxLabelBytes) throw malformed(`a label of ${length} bytes`)
    const part = this.buffer.subarray(this.at, this.at + length)
    this.at += length
    try {
      return decoder.decode(part)
    } catch (error) {
      throw new InferwardError({
        code: 'remote_write.malformed',
        message: 'remote write body: a label is not UTF-8',
        cause: error,
      })
    }
  }
  skip(wire: number): void {
    if (wire === 0) this.varint()
    else if (wire === 1) this.at += 8
    else if (wire === 2) this.message()
    else if (wire === 5) this.at += 4
    else throw malformed(`wire type ${wire}`)
    if (this.at > this.end) throw malformed('cut short')
  }
}

/** Protobuf fields into a buffer that grows. */
export class Writer {
  private buffer = new Uint8Array(256)
  private used = 0

  reset(): void {
    this.used = 0
  }
  view(): Uint8Array {
    return this.buffer.subarray(0, this.used)
  }
  bytes(field: number, value: Uint8Array): void {
    this.varint(field * 8 + 2)
    this.varint(value.length)
    this.room(value.length)
    this.buffer.set(value, this.used)
    this.used += value.length
  }
  double(field: number, value: number, stale: boolean): void {
    this.varint(field * 8 + 1)
    this.room(8)
    const view = new DataView(this.buffer.buffer)
    if (stale) {
      view.setUint32(this.used, staleLow, true)
      view.setUint32(this.used + 4, staleHigh, true)
    } else view.setFloat64(this.used, value, true)
    this.used += 8
  }
  varintField(field: number, value: number): void {
    this.varint(field * 8)
    if (value >= 0) return this.varint(value)
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest >= 0x80n; rest >>= 7n) this.byte(Number(rest & 0x7fn) | 0x80)
    this.byte(Number(rest))
  }
  varint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.byte((rest % 128) | 0x80)
      rest = Math.floor(rest / 128)
    }
    this.byte(rest)
  }
  private byte(value: number): void {
    this.room(1)
    this.buffer[this.used++] = value
  }
  private room(bytes: number): void {
    if (this.used + bytes <= this.buffer.length) return
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.used + bytes))
    larger.set(this.view())
    this.buffer = larger
  }
}
