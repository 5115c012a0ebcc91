// The 64-bit hash of a label set by which limit_ratio samples: xxHash64, seed 0, over names and values each with its length before it, so that
// the same series are chosen as Prometheus chooses. Source: the xxHash specification; encoding as in Prometheus' labels.

import type { Labels } from '../series/seam.ts'

const mask = 0xffffffffffffffffn
const [p1, p2, p3, p4, p5] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
]
const encoder = new TextEncoder()

const turn = (value: bigint, bits: bigint): bigint => ((value << bits) | (value >> (64n - bits))) & mask
const times = (a: bigint, b: bigint): bigint => (a * b) & mask
const round = (sum: bigint, input: bigint): bigint => times(turn((sum + times(input, p2)) & mask, 31n), p1)
const merge = (hash: bigint, sum: bigint): bigint => (times(hash ^ round(0n, sum), p1) + p4) & mask

export function xxHash64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  let hash = p5
  if (bytes.length >= 32) {
    let [a, b, c, d] = [(p1 + p2) & mask, p2, 0n, (mask + 1n - p1) & mask]
    for (; at + 32 <= bytes.length; at += 32) {
      a = round(a, view.getBigUint64(at, true))
      b = round(b, view.getBigUint64(at + 8, true))
      c = round(c, view.getBigUint64(at + 16, true))
      d = round(d, view.getBigUint64(at + 24, true))
    }
    hash = (turn(a, 1n) + turn(b, 7n) + turn(c, 12n) + turn(d, 18n)) & mask
    for (const sum of [a, b, c, d]) hash = merge(hash, sum)
  }
  hash = (hash + BigInt(bytes.length)) & mask
  for (; at + 8 <= bytes.length; at += 8) {
    hash = (times(turn(hash ^ round(0n, view.getBigUint64(at, true)), 27n), p1) + p4) & mask
  }
  if (at + 4 <= bytes.length) {
    hash = (times(turn(hash ^ times(BigInt(view.getUint32(at, true)), p1), 23n), p2) + p3) & mask
    at += 4
  }
  for (; at < bytes.length; at++) hash = times(turn(hash ^ times(BigInt(bytes[at]!), p5), 11n), p1)
  hash = times(hash ^ (hash >> 33n), p2)
  hash = times(hash ^ (hash >> 29n), p3)
  return hash ^ (hash >> 32n)
}

/** In [0, 1): the hash as a share of the largest one. */
export function labelShare(labels: Labels): number {
  const parts: number[] = []
  for (const text of labels.flat()) {
    const bytes = encoder.encode(text)
    // One byte holds a length below 255, else three follow it.
    if (bytes.length < 255) parts.push(bytes.length)
    else parts.push(255, bytes.length & 0xff, (bytes.length >> 8) & 0xff, (bytes.length >> 16) & 0xff)
    for (const byte of bytes) parts.push(byte)
  }
  return Number(xxHash64(Uint8Array.from(parts))) / 2 ** 64
}
