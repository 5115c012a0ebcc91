// Snappy blocks, decoding only (docs of the format: a length, then literals and copies). Written for hostile input: whatever comes in,
// decoding answers with bytes or null within time linear in input and output, and never allocates more than the input can stand for.

/** One copy of three bytes gives at most 64. */
const mostPerByte = 22

/** Decoded length that a block claims, and where its body begins; null when there is none or it cannot be true. */
function claimed(block: Uint8Array): { readonly length: number; readonly at: number } | null {
  let length = 0
  for (let at = 0; at < 5 && at < block.length; at++) {
    length += (block[at]! & 0x7f) * 2 ** (7 * at)
    if (block[at]! < 0x80) return length <= block.length * mostPerByte + 64 ? { length, at: at + 1 } : null
  }
  return null
}

/** The bytes of a block, or null when it is malformed or longer than `maxBytes`. `room` may give memory to use, which the answer is then part of. */
export function uncompressBlock(
  block: Uint8Array,
  maxBytes: number,
  room: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
): Uint8Array | null {
  const head = claimed(block)
  if (head === null || head.length > maxBytes) return null
  const out = room(head.length)
  // Four bytes at a time wherever what is written beyond the end is written again: a third of the time of single ones.
  const words = new DataView(out.buffer, out.byteOffset, out.byteLength)
  const source = new DataView(block.buffer, block.byteOffset, block.byteLength)
  let at = head.at
  let filled = 0
  while (at < block.length) {
    const tag = block[at++]!
    const kind = tag & 3
    if (kind === 0) {
      let length = tag >>> 2
      if (length >= 60) {
        const bytes = length - 59
        if (at + bytes > block.length) return null
        length = littleEndian(block, at, bytes)
        at += bytes
      }
      length++
      if (length > block.length - at || length > out.length - filled) return null
      // A call costs more than a short run of bytes.
      if (length > 64) {
        out.set(block.subarray(at, at + length), filled)
        at += length
        filled += length
      } else if (at + length + 3 <= block.length && filled + length + 3 <= out.length) {
        for (let i = 0; i < length; i += 4) words.setInt32(filled + i, source.getInt32(at + i, true), true)
        at += length
        filled += length
      } else for (const end = at + length; at < end; ) out[filled++] = block[at++]!
      continue
    }
    const extra = kind === 3 ? 4 : kind
    if (at + extra > block.length) return null
    let length = (tag >>> 2) + 1
    let offset: number
    if (kind === 1) {
      length = ((tag >>> 2) & 7) + 4
      offset = (tag >>> 5) * 256 + block[at]!
    } else if (kind === 2) offset = block[at]! + block[at + 1]! * 256
    else offset = littleEndian(block, at, 4)
    at += extra
    if (offset === 0 || offset > filled || length > out.length - filled) return null
    const from = filled - offset
    // A copy may reach into what it writes itself: then it repeats, and a word must not be read before it is written.
    if (offset >= 4 && filled + length + 3 <= out.length) {
      for (let i = 0; i < length; i += 4) words.setInt32(filled + i, words.getInt32(from + i, true), true)
      filled += length
    } else for (let i = from; i < from + length; i++) out[filled++] = out[i]!
  }
  return filled === out.length ? out : null
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let index = 0; index < count; index++) value += bytes[at + index]! * 256 ** index
  return value
}

/** Most bytes of one literal whose length takes four bytes, and more than any body has. */
const mostLiteral = 2 ** 32 - 1

/** A block that holds these bytes as they are, one part after another: for what is written once and read at once, where packing would cost more than
 * it saves. `room` may give memory to use, which the answer is then part of. */
export function literalBlock(
  parts: readonly Uint8Array[],
  room: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
): Uint8Array {
  const total = parts.reduce((sum, part) => sum + part.length, 0)
  if (total > mostLiteral) throw new RangeError(`a block of ${total} bytes`)
  let lengthBytes = 1
  for (let rest = total; rest >= 0x80; rest = Math.floor(rest / 128)) lengthBytes++
  const out = room(lengthBytes + (total === 0 ? 0 : 5) + total)
  let at = 0
  let rest = total
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) out[at++] = (rest % 128) | 0x80
  out[at++] = rest
  if (total === 0) return out
  out[at++] = 63 << 2
  new DataView(out.buffer, out.byteOffset).setUint32(at, total - 1, true)
  at += 4
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
