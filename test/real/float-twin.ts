// Copies a GGUF file with every weight widened to F32: the same model to the last bit, on which the peer computes in floats. On F16 and
// Q8_0 files the peer also rounds its activations to those types, which is its own error, not the model's.
// Reads sound files only (ours and those our tests write); the engine's parser is the one that doubts.

import { readFileSync, writeFileSync } from 'node:fs'
import { type GgufTensor, type GgufValue, halfToFloat, type TensorType, writeGguf } from '../helpers/gguf-writer.ts'

const valueBytes: readonly (number | null)[] = [1, 1, 2, 2, 4, 4, 4, 1, null, null, 8, 8, 8]
const typeNames = new Map<number, TensorType>([
  [0, 'F32'],
  [1, 'F16'],
  [8, 'Q8_0'],
])

export function writeFloatTwin(from: string, to: string): void {
  const file = readFileSync(from)
  let at = 8
  const take = (bytes: number): number => {
    at += bytes
    return at - bytes
  }
  const u32 = (): number => file.readUInt32LE(take(4))
  const u64 = (): number => Number(file.readBigUInt64LE(take(8)))
  const text = (): string => {
    const length = u64()
    return file.toString('utf8', take(length), at)
  }
  const skipValue = (type: number): void => {
    const fixed = valueBytes[type]
    if (fixed === undefined) throw new Error(`${from}: value type ${type}`)
    if (fixed !== null) at += fixed
    else if (type === 8) text()
    else {
      const element = u32()
      const count = u64()
      const bytes = valueBytes[element]
      if (typeof bytes === 'number') at += bytes * count
      else for (let i = 0; i < count; i++) skipValue(element)
    }
  }
  const tensorCount = u64()
  const keyCount = u64()
  const keys = new Map<string, GgufValue>()
  for (let i = 0; i < keyCount; i++) {
    const key = text()
    const start = at
    skipValue(u32())
    keys.set(key, { raw: file.subarray(start, at) })
  }
  const entries = Array.from({ length: tensorCount }, () => {
    const name = text()
    const dims = Array.from({ length: u32() }, u64)
    return { name, dims, type: u32(), offset: u64() }
  })
  const begin = Math.ceil(at / 32) * 32
  const tensors = entries.map(({ name, dims, type, offset }): GgufTensor => {
    const stored = typeNames.get(type)
    if (stored === undefined) throw new Error(`${from}: tensor ${name} has type ${type}`)
    const count = dims.reduce((a, b) => a * b, 1)
    return { name, dims, type: 'F32', values: decode(file.subarray(begin + offset), stored, count) }
  })
  writeFileSync(to, writeGguf({ keys, tensors }).bytes)
}

function decode(bytes: Buffer, type: TensorType, count: number): Float32Array {
  const out = new Float32Array(count)
  for (let i = 0; i < count; i++) {
    if (type === 'F32') out[i] = bytes.readFloatLE(i * 4)
    else if (type === 'F16') out[i] = halfToFloat(bytes.readUInt16LE(i * 2))
    else {
      const block = Math.floor(i / 32) * 34
      out[i] = halfToFloat(bytes.readUInt16LE(block)) * bytes.readInt8(block + 2 + (i % 32))
    }
  }
  return out
}
