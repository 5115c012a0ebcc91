// An append-only log of frames in segment files (docs/formats/segment.md): the one log of the house.
// Invariants: sequences grow by one; what `commit` resolved for is there after a crash; repair never changes a healthy segment.
// After a sync that failed the kernel may have dropped what it could not write, and the next sync would not say so: the segment is then
// written anew before anything of it counts as durable.

import { InferwardError } from '../base/errors.ts'
import type { FileHandle, FileLayer } from '../base/file-layer.ts'
import {
  checkFrame,
  decodeCheckpoint,
  encodeCheckpoint,
  encodeFrame,
  encodeHeader,
  headerBytes,
  maxPayloadBytes,
} from './frame.ts'
import { type GroupCommit, groupCommit } from './group-commit.ts'
import { type Damage, readSegments, type Segment, segmentName } from './recovery.ts'

export type SegmentLogOptions = {
  readonly files: FileLayer
  readonly directory: string
  /** A new segment begins once one holds this many bytes. */
  readonly segmentBytes: number
  /** Most bytes on disk. */
  readonly capBytes: number
  /** What happens to an append past the cap. */
  readonly full: 'refuse' | 'drop_oldest'
  /** Random 64 bits for the identity of a new log. */
  readonly newEpoch: () => bigint
}

export type Frame = { readonly sequence: number; readonly payload: Uint8Array }

export type SegmentLogStats = {
  readonly bytes: number
  readonly segments: number
  readonly refused: number
  readonly droppedFrames: number
  readonly damage: readonly Damage[]
  readonly syncs: number
}

export type SegmentLog = {
  readonly epoch: bigint
  /** Sequence of the oldest frame still held (equals `next` when there is none). */
  readonly first: number
  /** Sequence the next append will get. */
  readonly next: number
  readonly acked: number
  /** First sequence of the segment that the next frame goes to. */
  readonly segment: number
  /** Writes one frame of these bytes, `head` in front of them; its sequence, or null when the log is full and refuses. Not durable before
   * `commit`. The bytes are the caller's again when it returns. */
  append(payload: Uint8Array, head?: Uint8Array): number | null
  /** Resolves when every earlier append is on disk. */
  commit(): Promise<void>
  /** Frames from `from` on, oldest first, until `maxBytes` of payload are gathered (at least one frame if there is any). */
  read(from: number, maxBytes: number): readonly Frame[]
  /** Nobody needs frames up to `sequence` any more. Never throws: what a full disk does not take is written down at a later one. */
  ack(sequence: number): void
  stats(): SegmentLogStats
  close(): Promise<void>
}

/** Longer frames are rare, and their memory goes back at once. */
const keptBytes = 1 << 20

export function openSegmentLog(options: SegmentLogOptions): SegmentLog {
  const { files, directory } = options
  files.makeDirectory(directory)
  const checkpointPath = `${directory}/checkpoint`
  const checkpoint = files.exists(checkpointPath) ? decodeCheckpoint(files.readFile(checkpointPath)) : null
  const recovered = readSegments(files, directory, checkpoint?.epoch ?? null)
  const epoch = recovered.epoch ?? checkpoint?.epoch ?? options.newEpoch()
  const segments: Segment[] = [...recovered.segments]

  let acked = checkpoint?.epoch === epoch ? checkpoint.acked : 0
  let next = Math.max(segments.at(-1)?.next ?? 1, acked + 1)
  let handle: FileHandle | undefined
  let commits: GroupCommit | undefined
  let refused = 0
  let droppedFrames = 0
  let syncs = 0
  let suspect = false
  let unsaved = false
  let closing: Promise<void> = Promise.resolve()
  /** Memory for frame after frame: fresh ones would keep the collector of garbage busier than the writing. */
  let kept = new Uint8Array(1 << 12)
  let cursor: { sequence: number; segment: Segment; offset: number } | undefined

  const room = (length: number): Uint8Array => {
    if (length > keptBytes) return new Uint8Array(length)
    if (length > kept.length) kept = new Uint8Array(Math.min(keptBytes, length * 2))
    return kept.subarray(0, length)
  }
  const bytes = (): number => segments.reduce((sum, segment) => sum + segment.bytes, 0)
  const saveCheckpoint = (): void => files.writeAtomic(checkpointPath, encodeCheckpoint({ epoch, acked }))

  /** Lets go of the file; a sync of it may still run on another thread, and its descriptor must not be reused under it. */
  const release = (): void => {
    const old = handle
    if (old === undefined) return
    closing = Promise.allSettled([closing, commits?.settled()]).then(() => old.close())
    syncs += commits?.syncs ?? 0
    handle = undefined
    commits = undefined
  }

  const rewrite = (): void => {
    const segment = segments.at(-1)!
    const held = files.readFile(segment.path).subarray(0, segment.bytes)
    if (!isWhole(held, segment)) {
      throw new InferwardError({
        code: 'segment.lost',
        message: `${segment.path}: what was written cannot be read back`,
        hint: 'The disk fails: see the kernel log. A restart keeps what is whole.',
      })
    }
    files.writeAtomic(segment.path, held)
    suspect = false
    release()
  }

  const closeHandle = (): void => {
    if (handle === undefined) return
    // Everything behind the newest segment is durable before a new one begins, so that repair may trust it.
    try {
      handle.sync()
      syncs++
    } catch (error) {
      suspect = true
      throw error
    }
    release()
  }

  const writer = (): FileHandle => {
    if (suspect) rewrite()
    const last = segments.at(-1)
    const usable = last !== undefined && last.bytes < options.segmentBytes && last.next === next
    if (handle !== undefined && usable) return handle
    closeHandle()
    const segment: Segment = usable
      ? last
      : { path: `${directory}/${segmentName(next)}`, first: next, next, bytes: headerBytes }
    const opened = files.open(segment.path, 'append')
    if (!usable) {
      try {
        // An attempt that failed half-way may have left half a header.
        if (opened.size() > 0) opened.truncate(0)
        opened.append(encodeHeader({ epoch, first: next }))
        files.syncDirectory(directory)
      } catch (error) {
        opened.close()
        throw error
      }
      segments.push(segment)
    }
    handle = opened
    commits = groupCommit(async () => {
      // Released in the meantime: what was written to it was made durable then.
      if (handle !== opened) return
      if (suspect) return rewrite()
      try {
        await opened.syncAsync()
      } catch (error) {
        suspect = handle === opened
        throw error
      }
    })
    return opened
  }

  const commit = async (): Promise<void> => {
    if (commits !== undefined) await commits.commit()
    else if (suspect) rewrite()
  }

  const makeRoom = (need: number): boolean => {
    while (bytes() + need > options.capBytes) {
      const oldest = segments[0]
      if (options.full === 'refuse' || segments.length < 2 || oldest === undefined) return false
      files.remove(oldest.path)
      segments.shift()
      droppedFrames += Math.max(0, oldest.next - Math.max(oldest.first, acked + 1))
    }
    return true
  }

  if (checkpoint === null || checkpoint.epoch !== epoch) saveCheckpoint()

  return {
    epoch,
    get first() {
      return segments[0]?.first ?? next
    },
    get next() {
      return next
    },
    get acked() {
      return acked
    },
    get segment() {
      const last = segments.at(-1)
      return last !== undefined && last.bytes < options.segmentBytes && last.next === next ? last.first : next
    },
    append(payload, head = new Uint8Array(0)) {
      const length = head.length + payload.length
      if (length > maxPayloadBytes) throw new RangeError(`frame of ${length} bytes, at most ${maxPayloadBytes}`)
      const frame = encodeFrame(next, payload, head, room)
      if (!makeRoom(frame.length)) {
        refused++
        return null
      }
      const file = writer()
      const segment = segments.at(-1)!
      try {
        file.append(frame)
      } catch (error) {
        // A half-written frame (disk full) must not be followed by another: cut back to the last whole one.
        try {
          file.truncate(segment.bytes)
        } catch {
          suspect = true // written anew, without the half frame, before the next one
        }
        throw error
      }
      segment.bytes += frame.length
      segment.next = ++next
      return next - 1
    },
    commit,
    read(from, maxBytes) {
      const out: Frame[] = []
      let gathered = 0
      let sequence = Math.max(from, segments[0]?.first ?? next)
      while (sequence < next && (out.length === 0 || gathered < maxBytes)) {
        const segment = segments.find((one) => sequence < one.next)
        if (segment === undefined) break
        // A hole left by repair: go on with the next segment that is there.
        sequence = Math.max(sequence, segment.first)
        const from = cursor?.segment === segment && cursor.sequence === sequence ? cursor.offset : null
        const run = readRun(files, segment, sequence, from, maxBytes - gathered)
        if (run.frames.length === 0) break
        for (const frame of run.frames) {
          out.push(frame)
          gathered += frame.payload.length
        }
        sequence = out.at(-1)!.sequence + 1
        cursor = { sequence, segment, offset: run.end }
      }
      return out
    },
    ack(sequence) {
      if (sequence <= acked && !unsaved) return
      acked = Math.max(acked, Math.min(sequence, next - 1))
      unsaved = true
      try {
        while (segments.length > 1 && segments[0]!.next <= acked + 1) {
          files.remove(segments[0]!.path)
          segments.shift()
        }
        saveCheckpoint()
        unsaved = false
      } catch {
        // After a crash the frames are only sent once more; and what was removed makes room for the next attempt.
      }
    },
    stats: () => ({
      bytes: bytes(),
      segments: segments.length,
      refused,
      droppedFrames,
      damage: recovered.damage,
      syncs: syncs + (commits?.syncs ?? 0),
    }),
    async close() {
      try {
        await commit()
      } finally {
        release()
        await closing
      }
    },
  }
}

/** Are all frames of the segment in these bytes? */
function isWhole(bytes: Uint8Array, segment: Segment): boolean {
  let offset = headerBytes
  for (let sequence = segment.first; sequence < segment.next; sequence++) {
    const length = checkFrame(bytes, offset, sequence)
    if (length === null) return false
    offset += length
  }
  return offset === segment.bytes
}

function readRun(
  files: FileLayer,
  segment: Segment,
  sequence: number,
  knownOffset: number | null,
  maxBytes: number,
): { frames: Frame[]; end: number } {
  const file = files.open(segment.path, 'read')
  try {
    const frames: Frame[] = []
    let offset = knownOffset ?? headerBytes
    let at = knownOffset === null ? segment.first : sequence
    let gathered = 0
    while (at < segment.next && (frames.length === 0 || gathered < maxBytes)) {
      const head = file.read(offset, 16)
      if (head.length < 16) break
      const length = new DataView(head.buffer, head.byteOffset).getUint32(0, true)
      if (at >= sequence) {
        const payload = file.read(offset + 16, length)
        frames.push({ sequence: at, payload })
        gathered += length
      }
      offset += 16 + length
      at++
    }
    return { frames, end: offset }
  } finally {
    file.close()
  }
}
