// The store's write-ahead log (docs/formats/wal.md) over the one log of the house. Invariant: a body is written whole before anybody takes it
// into memory, and what `commit` resolved for comes back by `replay` after a crash at any moment.

import { errorText, InferwardError } from '../base/errors.ts'
import type { FileLayer } from '../base/file-layer.ts'
import { maxPayloadBytes } from '../segment/frame.ts'
import { openSegmentLog, type SegmentLogStats } from '../segment/segment-log.ts'

export const recordKinds = { write: 1, write2: 2, part: 3, bound: 4, samples: 5 } as const
export type RecordKind = 'write' | 'write2' | 'samples'
const bodyKinds: ReadonlyMap<number, RecordKind> = new Map([
  [recordKinds.write, 'write'],
  [recordKinds.write2, 'write2'],
  [recordKinds.samples, 'samples'],
])
/** Kind, kind of the whole, number, count. */
const partHead = 6

export type WalOptions = {
  readonly files: FileLayer
  readonly directory: string
  readonly segmentBytes: number
  readonly capBytes: number
  readonly newEpoch: () => bigint
  /** Most bytes of one frame; shorter in tests. */
  readonly frameBytes?: number
}
export type BodyVisitor = (kind: RecordKind, body: Uint8Array, latest: number) => void
export type WalStats = SegmentLogStats & {
  /** Bodies that could not be written, for want of room or for a failing disk. */
  readonly failures: number
  /** Frames that replay did not understand. */
  readonly skipped: number
}
export type Wal = {
  readonly epoch: bigint
  /** Sequence of the next frame. */
  readonly next: number
  /** Changes with the file that the next frame goes to. */
  readonly segment: number
  /** Bytes written by this process. */
  readonly written: number
  /** Throws `store.full` or `store.unwritable`, both to be tried again; then nothing of the body counts. Not durable before `commit`. */
  append(kind: RecordKind, body: Uint8Array): void
  /** About the latest time that samples of the following bodies may have. Throws as `append` does. */
  bound(latest: number): void
  /** Resolves when every earlier append is on disk; rejects with `store.unwritable`. */
  commit(): Promise<void>
  /** Calls for every body from that frame on, in order, with the last bound before it (Infinity where there is none). What `visit` throws ends the replay. Answers after about `sliceBytes`: the sequence to go
   * on from, null at the end. */
  replay(from: number, sliceBytes: number, visit: BodyVisitor): number | null
  /** Nobody needs frames before this one. */
  release(sequence: number): void
  stats(): WalStats
  close(): Promise<void>
}

export function openWal(options: WalOptions): Wal {
  const log = openSegmentLog({ ...options, full: 'refuse' })
  const room = (options.frameBytes ?? maxPayloadBytes) - partHead
  let written = 0
  let failures = 0
  let skipped = 0
  /** Front parts of a body of which the rest did not come yet. */
  let parts: Uint8Array[] = []
  /** Last bound that replay met. */
  let latest = Number.POSITIVE_INFINITY

  const frame = (head: Uint8Array, body: Uint8Array): void => {
    if (log.append(body, head) === null) {
      throw new InferwardError({
        code: 'store.full',
        message: 'the write-ahead log is full: samples are refused',
        retryable: true,
        hint: 'It empties with the next snapshot; if it does not, see the log of the server for why snapshots fail.',
      })
    }
    written += head.length + body.length
  }
  const unwritable = (error: unknown): InferwardError =>
    new InferwardError({
      code: 'store.unwritable',
      message: `the write-ahead log cannot be written: ${errorText(error)}`,
      retryable: true,
      hint: 'Make room on the disk that holds the data folder; senders try again by themselves.',
      cause: error,
    })

  const takePart = (payload: Uint8Array, visit: BodyVisitor): void => {
    const view = new DataView(payload.buffer, payload.byteOffset)
    const [index, count] = [view.getUint16(2, true), view.getUint16(4, true)]
    if (index === 0) parts = []
    if (index !== parts.length) return
    parts.push(payload.subarray(partHead))
    if (parts.length < count) return
    const kind = bodyKinds.get(payload[1]!)
    if (kind === undefined) skipped++
    else visit(kind, joined(parts), latest)
    parts = []
  }

  return {
    epoch: log.epoch,
    get next() {
      return log.next
    },
    get segment() {
      return log.segment
    },
    get written() {
      return written
    },
    append(kind, body) {
      try {
        const count = Math.ceil(body.length / room)
        if (count < 2) frame(Uint8Array.of(recordKinds[kind]), body)
        for (let index = 0; index < count && count > 1; index++)
          frame(partOf(kind, index, count), body.subarray(index * room, (index + 1) * room))
      } catch (error) {
        failures++
        throw (error as { code?: unknown }).code === 'store.full' ? error : unwritable(error)
      }
    },
    bound(time) {
      const body = new Uint8Array(8)
      new DataView(body.buffer).setFloat64(0, time, true)
      try {
        frame(Uint8Array.of(recordKinds.bound), body)
      } catch (error) {
        failures++
        throw (error as { code?: unknown }).code === 'store.full' ? error : unwritable(error)
      }
    },
    async commit() {
      try {
        await log.commit()
      } catch (error) {
        failures++
        throw unwritable(error)
      }
    },
    replay(from, sliceBytes, visit) {
      const frames = log.read(from, sliceBytes)
      for (const { payload } of frames) {
        const kind = payload[0]
        const body = bodyKinds.get(kind!)
        if (body !== undefined) {
          parts = []
          visit(body, payload.subarray(1), latest)
        } else if (kind === recordKinds.part && payload.length >= partHead) takePart(payload, visit)
        else if (kind === recordKinds.bound && payload.length === 9)
          latest = new DataView(payload.buffer, payload.byteOffset).getFloat64(1, true)
        else skipped++
      }
      const last = frames.at(-1)
      if (last !== undefined) return last.sequence + 1
      parts = []
      return null
    },
    release: (sequence) => log.ack(sequence - 1),
    stats: () => ({ ...log.stats(), failures, skipped }),
    close: () => log.close(),
  }
}

function partOf(kind: RecordKind, index: number, count: number): Uint8Array {
  const head = new Uint8Array(partHead)
  const view = new DataView(head.buffer)
  head[0] = recordKinds.part
  head[1] = recordKinds[kind]
  view.setUint16(2, index, true)
  view.setUint16(4, count, true)
  return head
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
