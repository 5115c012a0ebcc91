// Bytes of segment headers, frames and the checkpoint (docs/formats/segment.md). Pure: encode to and decode from byte arrays.
// Invariant: whatever bytes come in, decoding answers with a value or null and never reads past its input.

import { crc32 } from 'node:zlib'

export const headerBytes = 32
export const frameHeadBytes = 16
export const checkpointBytes = 28
export const maxPayloadBytes = 16 * 1024 * 1024

const segmentMagic = Uint8Array.of(0x49, 0x57, 0x53, 0x45, 0x47, 0, 0, 1) // IWSEG, version 1
const checkpointMagic = Uint8Array.of(0x49, 0x57, 0x43, 0x4b, 0x50, 0, 0, 1) // IWCKP, version 1

const nothing = new Uint8Array(0)

export type SegmentHeader = { readonly epoch: bigint; readonly first: number }

export function encodeHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(headerBytes)
  const view = viewOf(bytes)
  bytes.set(segmentMagic)
  view.setBigUint64(8, header.epoch, true)
  view.setBigUint64(16, BigInt(header.first), true)
  view.setUint32(24, crc32(bytes.subarray(0, 24)), true)
  return bytes
}

export function decodeHeader(bytes: Uint8Array): SegmentHeader | null {
  if (bytes.length < headerBytes || !startsWith(bytes, segmentMagic)) return null
  const view = viewOf(bytes)
  if (view.getUint32(24, true) !== crc32(bytes.subarray(0, 24))) return null
  const first = Number(view.getBigUint64(16, true))
  return Number.isSafeInteger(first) ? { epoch: view.getBigUint64(8, true), first } : null
}

/** `head` and `payload` as one payload. `room` may give memory to use, which the answer is then part of. */
export function encodeFrame(
  sequence: number,
  payload: Uint8Array,
  head: Uint8Array = nothing,
  room: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
): Uint8Array {
  const length = head.length + payload.length
  const bytes = room(frameHeadBytes + length)
  const view = viewOf(bytes)
  view.setUint32(0, length, true)
  view.setBigUint64(8, BigInt(sequence), true)
  bytes.set(head, frameHeadBytes)
  bytes.set(payload, frameHeadBytes + head.length)
  view.setUint32(4, crc32(bytes.subarray(8)), true)
  return bytes
}

/** Length of the frame that begins at `offset` when it is whole, has `sequence` and a right CRC; else null. */
export function checkFrame(bytes: Uint8Array, offset: number, sequence: number): number | null {
  if (offset + frameHeadBytes > bytes.length) return null
  const view = viewOf(bytes)
  const length = view.getUint32(offset, true)
  const end = offset + frameHeadBytes + length
  if (length > maxPayloadBytes || end > bytes.length) return null
  if (view.getBigUint64(offset + 8, true) !== BigInt(sequence)) return null
  return view.getUint32(offset + 4, true) === crc32(bytes.subarray(offset + 8, end)) ? end - offset : null
}

export type Checkpoint = { readonly epoch: bigint; readonly acked: number }

export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const bytes = new Uint8Array(checkpointBytes)
  const view = viewOf(bytes)
  bytes.set(checkpointMagic)
  view.setBigUint64(8, checkpoint.epoch, true)
  view.setBigUint64(16, BigInt(checkpoint.acked), true)
  view.setUint32(24, crc32(bytes.subarray(0, 24)), true)
  return bytes
}

export function decodeCheckpoint(bytes: Uint8Array): Checkpoint | null {
  if (bytes.length !== checkpointBytes || !startsWith(bytes, checkpointMagic)) return null
  const view = viewOf(bytes)
  if (view.getUint32(24, true) !== crc32(bytes.subarray(0, 24))) return null
  return { epoch: view.getBigUint64(8, true), acked: Number(view.getBigUint64(16, true)) }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.every((byte, index) => bytes[index] === byte)
}
