// What is to be sent on and was not yet taken by the other side: remote-write bodies in a log on disk. Taking something in never waits and never
// fails: past the cap the oldest go, and what cannot be written is counted.

import type { FileLayer } from '../../core/base/file-layer.ts'
import { encodeWriteRequest } from '../../core/sample/remote-write.ts'
import type { Labels, SeriesSamples } from '../../core/sample/sample.ts'
import { maxPayloadBytes } from '../../core/segment/frame.ts'
import { openSegmentLog } from '../../core/segment/segment-log.ts'
import { openPack, type WaitingBody } from './send-pack.ts'
import type { SendMessage } from './send-rows.ts'

export type Waiting = {
  /** Up to this sequence. */
  readonly last: number
  readonly bodies: readonly WaitingBody[]
}
export type SendQueue = {
  offer(body: Uint8Array, kind: SendMessage): void
  /** One sample of our own; those of one turn go together. */
  own(labels: Labels, time: number, value: number, stale: boolean): void
  /** The oldest bodies, about so many bytes of them; null: there are none. */
  read(maxBytes: number): Waiting | null
  /** Taken, or given up. */
  done(last: number): void
  /** Makes durable what waits. */
  commit(): Promise<void>
  readonly length: number
  /** Bodies that went for want of room, or that could not be written. */
  readonly dropped: number
  close(): Promise<void>
}

const kinds: readonly SendMessage[] = ['write', 'write2']
/** A body too long for a frame is written in parts of so many samples. */
const samplesPerPart = 5000

export function openSendQueue(options: {
  readonly files: FileLayer
  readonly directory: string
  readonly capBytes: number
  readonly newEpoch: () => bigint
  /** Called with the fault of a write that failed. */
  readonly failed: (error: unknown) => void
  /** Called when something came in. */
  readonly arrived: () => void
}): SendQueue {
  const log = openSegmentLog({
    files: options.files,
    directory: options.directory,
    segmentBytes: Math.min(16 << 20, Math.ceil(options.capBytes / 8)),
    capBytes: options.capBytes,
    full: 'drop_oldest',
    newEpoch: options.newEpoch,
  })
  let failures = 0
  let mine: SeriesSamples[] = []

  const put = (body: Uint8Array, kind: SendMessage): void => {
    if (body.length + 1 > maxPayloadBytes) return split(body, kind)
    if (log.append(body, Uint8Array.of(kinds.indexOf(kind))) === null) failures++
  }
  const split = (body: Uint8Array, kind: SendMessage): void => {
    const pack = openPack({ lanes: 1, maxSamples: samplesPerPart, externalLabels: {}, relabel: [] })
    for (const part of pack([{ kind, body }], 'write').lanes.flat()) put(part.body, 'write')
  }
  const offer = (body: Uint8Array, kind: SendMessage): void => {
    try {
      put(body, kind)
    } catch (error) {
      failures++
      options.failed(error)
    }
    options.arrived()
  }
  const flush = (): void => {
    if (mine.length === 0) return
    const series = mine
    mine = []
    offer(encodeWriteRequest(series), 'write')
  }

  return {
    offer,
    own(labels, time, value, stale) {
      if (mine.length === 0) queueMicrotask(flush)
      mine.push({ labels, times: [time], values: [value], ...(stale ? { stale: [true] } : {}) })
    },
    read(maxBytes) {
      const frames = log.read(log.acked + 1, maxBytes)
      const last = frames.at(-1)
      if (last === undefined) return null
      return {
        last: last.sequence,
        bodies: frames.map(({ payload }) => ({ kind: kinds[payload[0]!] ?? 'write', body: payload.subarray(1) })),
      }
    },
    done: (last) => log.ack(last),
    commit: () => log.commit(),
    get length() {
      return log.next - 1 - Math.max(log.acked, log.first - 1)
    },
    get dropped() {
      return failures + log.stats().droppedFrames
    },
    close: () => {
      flush()
      return log.close()
    },
  }
}
