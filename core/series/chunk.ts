// Samples of one series as bytes and back (docs/formats/chunk.md). Invariant: decoding what was encoded gives the same times, values bit for bit
// and flags; decoding anything else gives null or some samples, never an exception and never a read past the input.

import { BitReader, BitWriter } from './bits.ts'
import type { Window } from './seam.ts'

export const maxChunkSamples = 256
const maxPacked = 32
const rawTimes = 255
const forms = { constant: 0, integers: 1, xor: 2 } as const
const staleFlag = 4

/** Room that `encodeChunk` may need for so many samples. */
export function chunkRoom(count: number): number {
  return 32 + count * 8 + Math.ceil(count / 8) + 16 + Math.ceil((count * 77) / 8)
}

/** Read without decoding it. */
export const firstTimeOf = (chunk: Uint8Array): number =>
  new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength).getFloat64(2, true)

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)
const writer = new BitWriter()
const reader = new BitReader()
const scaled = new Float64Array(maxChunkSamples)
const powers = Float64Array.from({ length: 10 }, (_, e) => 10 ** e)

/** Writes samples [from, from + count) of the columns (times rising) to `out` and answers how many bytes that took. */
export function encodeChunk(columns: Window, from: number, count: number, out: Uint8Array): number {
  const { times, values, stale } = columns
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength)
  out[0] = count - 1
  view.setFloat64(2, times[from]!, true)
  let at = count > 1 ? encodeTimes(times, from, count, view, 10) : 10

  let flags = 0
  for (let i = 0; i < count; i++) if (stale[from + i] === 1) flags = staleFlag
  if (flags !== 0) {
    out.fill(0, at, at + Math.ceil(count / 8))
    for (let i = 0; i < count; i++) if (stale[from + i] === 1) out[at + (i >> 3)]! |= 1 << (i & 7)
    at += Math.ceil(count / 8)
  }
  // A marker's value means nothing: repeating the one before it costs least.
  let last = 0
  for (let i = 0; i < count; i++) {
    if (stale[from + i] !== 1) last = values[from + i]!
    held[i] = last
  }
  const [form, end] = encodeValues(count, view, out, at)
  out[1] = flags | form
  return end
}
const held = new Float64Array(maxChunkSamples)

function encodeTimes(times: Float64Array, from: number, count: number, view: DataView, start: number): number {
  const first = times[from + 1]! - times[from]!
  let before = first
  let most = 0
  for (let i = 2; i < count; i++) {
    const delta = times[from + i]! - times[from + i - 1]!
    most = Math.max(most, zigzag(delta - before))
    before = delta
  }
  view.setFloat64(start, first, true)
  if (!(most < 2 ** maxPacked)) {
    view.setUint8(start + 8, rawTimes)
    for (let i = 1; i < count; i++) view.setFloat64(start + 1 + 8 * i, times[from + i]!, true)
    return start + 9 + 8 * (count - 1)
  }
  const width = widthOf(most)
  view.setUint8(start + 8, width)
  writer.start(bytesOf(view), start + 9)
  before = first
  for (let i = 2; i < count; i++) {
    const delta = times[from + i]! - times[from + i - 1]!
    writer.write(zigzag(delta - before), width)
    before = delta
  }
  return writer.finish()
}

function encodeValues(count: number, view: DataView, out: Uint8Array, start: number): [form: number, end: number] {
  let constant = true
  float[0] = held[0]!
  const [low, high] = [words[0]!, words[1]!]
  for (let i = 1; i < count && constant; i++) {
    float[0] = held[i]!
    constant = words[0] === low && words[1] === high
  }
  if (constant) {
    view.setFloat64(start, held[0]!, true)
    return [forms.constant, start + 8]
  }
  const exponent = exponentOf(count)
  if (exponent >= 0) {
    const end = encodeIntegers(exponent, count, view, out, start)
    if (end > 0) return [forms.integers, end]
  }
  return [forms.xor, encodeXor(count, view, out, start)]
}

/** Least e for which every value times 10^e is an integer that gives the value back; -1 where there is none up to 6. */
function exponentOf(count: number): number {
  for (let e = 0; e <= 6; e++) {
    const power = powers[e]!
    let exact = true
    for (let i = 0; i < count; i++) {
      const value = held[i]!
      const integer = Math.round(value * power)
      if (Math.abs(integer) > 2 ** 52 || integer / power !== value || Object.is(value, -0)) {
        exact = false
        // Most series with no short decimal form show it at once: what fails with 6 digits fails with fewer.
        if (e === 0 && !shortDecimal(value)) return -1
        break
      }
      scaled[i] = integer
    }
    if (exact) return e
  }
  return -1
}

function shortDecimal(value: number): boolean {
  return Math.abs(value) < 2 ** 52 / 1e6 && Math.round(value * 1e6) / 1e6 === value
}

function encodeIntegers(exponent: number, count: number, view: DataView, out: Uint8Array, start: number): number {
  let first = 0
  let second = 0
  for (let i = 1; i < count; i++) {
    const delta = scaled[i]! - scaled[i - 1]!
    first = Math.max(first, zigzag(delta))
    if (i > 1) second = Math.max(second, zigzag(delta - (scaled[i - 1]! - scaled[i - 2]!)))
  }
  const order = count > 2 && widthOf(second) * (count - 2) + 64 < widthOf(first) * (count - 1) ? 2 : 1
  const most = order === 2 ? second : first
  if (!(most < 2 ** maxPacked)) return -1
  const width = widthOf(most)
  out[start] = exponent
  out[start + 1] = order
  view.setFloat64(start + 2, scaled[0]!, true)
  let at = start + 10
  if (order === 2) {
    view.setFloat64(at, scaled[1]! - scaled[0]!, true)
    at += 8
  }
  out[at] = width
  writer.start(out, at + 1)
  for (let i = order; i < count; i++) {
    const delta = scaled[i]! - scaled[i - 1]!
    writer.write(zigzag(order === 2 ? delta - (scaled[i - 1]! - scaled[i - 2]!) : delta), width)
  }
  return writer.finish()
}

function encodeXor(count: number, view: DataView, out: Uint8Array, start: number): number {
  view.setFloat64(start, held[0]!, true)
  writer.start(out, start + 8)
  float[0] = held[0]!
  let [lowBefore, highBefore] = [words[0]!, words[1]!]
  let leading = -1
  let length = 0
  for (let i = 1; i < count; i++) {
    float[0] = held[i]!
    const [low, high] = [words[0]!, words[1]!]
    const xorLow = (low ^ lowBefore) >>> 0
    const xorHigh = (high ^ highBefore) >>> 0
    lowBefore = low
    highBefore = high
    if (xorLow === 0 && xorHigh === 0) {
      writer.write(0, 1)
      continue
    }
    const zeros = Math.min(31, xorHigh === 0 ? 32 + Math.clz32(xorLow) : Math.clz32(xorHigh))
    const trailing = xorLow === 0 ? 32 + trailingZeros(xorHigh) : trailingZeros(xorLow)
    if (leading >= 0 && zeros >= leading && trailing >= 64 - leading - length) {
      writer.write(1, 2)
    } else {
      leading = zeros
      length = 64 - zeros - trailing
      writer.write(3 | (leading << 2) | ((length - 1) << 7), 13)
    }
    writeShifted(xorLow, xorHigh, 64 - leading - length, length)
  }
  return writer.finish()
}

/** The `length` bits of high:low that begin at bit `shift`. */
function writeShifted(low: number, high: number, shift: number, length: number): void {
  const upper = shift === 0 ? high : shift < 32 ? high >>> shift : 0
  const lower =
    shift === 0 ? low : shift < 32 ? ((low >>> shift) | (high << (32 - shift))) >>> 0 : high >>> (shift - 32)
  if (length > 32) {
    writer.write(upper, length - 32)
    writer.write(lower, 32)
  } else writer.write(lower, length)
}

/** Samples to `out` from index `at` on; how many, or null when the bytes are no chunk or `out` is too short. */
export function decodeChunk(bytes: Uint8Array, out: Window, at: number): number | null {
  const count = bytes[0]! + 1
  if (bytes.length < 10 || at + count > out.times.length) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { times, values, stale } = out
  times[at] = view.getFloat64(2, true)
  let next = count > 1 ? decodeTimes(view, bytes, times, at, count) : 10
  if (next < 0) return null
  if ((bytes[1]! & staleFlag) !== 0) {
    if (next + Math.ceil(count / 8) > bytes.length) return null
    for (let i = 0; i < count; i++) stale[at + i] = (bytes[next + (i >> 3)]! >> (i & 7)) & 1
    next += Math.ceil(count / 8)
  } else stale.fill(0, at, at + count)
  if (next + 8 > bytes.length) return null
  switch (bytes[1]! & 3) {
    case forms.constant:
      values.fill(view.getFloat64(next, true), at, at + count)
      return count
    case forms.integers:
      return decodeIntegers(view, bytes, values, at, count, next) ? count : null
    case forms.xor:
      return decodeXor(view, bytes, values, at, count, next) ? count : null
    default:
      return null
  }
}

function decodeTimes(view: DataView, bytes: Uint8Array, times: Float64Array, at: number, count: number): number {
  if (bytes.length < 19) return -1
  const width = bytes[18]!
  if (width === rawTimes) {
    const end = 19 + 8 * (count - 1)
    if (end > bytes.length) return -1
    for (let i = 1; i < count; i++) times[at + i] = view.getFloat64(11 + 8 * i, true)
    return end
  }
  if (width > maxPacked) return -1
  let delta = view.getFloat64(10, true)
  let time = times[at]! + delta
  times[at + 1] = time
  reader.start(bytes, 19)
  for (let i = 2; i < count; i++) {
    delta += unzigzag(reader.read(width))
    time += delta
    times[at + i] = time
  }
  return reader.end <= bytes.length ? reader.end : -1
}

function decodeIntegers(
  view: DataView,
  bytes: Uint8Array,
  values: Float64Array,
  at: number,
  count: number,
  start: number,
): boolean {
  const power = powers[bytes[start]!]
  const order = bytes[start + 1]!
  const widthAt = start + (order === 2 ? 18 : 10)
  if (power === undefined || (order !== 1 && order !== 2) || widthAt >= bytes.length) return false
  const width = bytes[widthAt]!
  if (width > maxPacked) return false
  let integer = view.getFloat64(start + 2, true)
  let delta = order === 2 ? view.getFloat64(start + 10, true) : 0
  values[at] = integer / power
  if (order === 2 && count > 1) {
    integer += delta
    values[at + 1] = integer / power
  }
  reader.start(bytes, widthAt + 1)
  for (let i = order; i < count; i++) {
    const read = unzigzag(reader.read(width))
    delta = order === 2 ? delta + read : read
    integer += delta
    values[at + i] = integer / power
  }
  return reader.end <= bytes.length
}

function decodeXor(
  view: DataView,
  bytes: Uint8Array,
  values: Float64Array,
  at: number,
  count: number,
  start: number,
): boolean {
  float[0] = view.getFloat64(start, true)
  let [low, high] = [words[0]!, words[1]!]
  values[at] = float[0]!
  reader.start(bytes, start + 8)
  let leading = 0
  let length = 0
  for (let i = 1; i < count; i++) {
    if (reader.read(1) === 1) {
      if (reader.read(1) === 1) {
        leading = reader.read(5)
        length = reader.read(6) + 1
      }
      const shift = 64 - leading - length
      if (length === 0 || shift < 0) return false
      const upper = length > 32 ? reader.read(length - 32) : 0
      const lower = reader.read(Math.min(32, length))
      low = (low ^ (shift === 0 ? lower : shift < 32 ? lower << shift : 0)) >>> 0
      high =
        (high ^
          (shift === 0 ? upper : shift < 32 ? (upper << shift) | (lower >>> (32 - shift)) : lower << (shift - 32))) >>>
        0
    }
    words[0] = low
    words[1] = high
    values[at + i] = float[0]!
  }
  return reader.end <= bytes.length
}

const zigzag = (value: number): number => (value >= 0 ? value * 2 : -value * 2 - 1)
const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2)
const widthOf = (most: number): number => (most === 0 ? 0 : 32 - Math.clz32(most))
const trailingZeros = (word: number): number => 31 - Math.clz32(word & -word)
const bytesOf = (view: DataView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
