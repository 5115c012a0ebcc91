// What the agent has to tell and the server has not yet made its own: two segment logs, one of sample rounds, one of events. A third stream is of
// the room that works rules out: it keeps that log itself.
// Invariant: an event leaves the spool only when the server has it in its database; samples are kept a while longer, since a restarted
// server may have lost what it held in memory.

import type { FileLayer } from '../../core/base/file-layer.ts'
import { openSegmentLog, type SegmentLog } from '../../core/segment/segment-log.ts'
import type { Stream } from '../../core/wire/message.ts'

export type SpoolLimits = {
  readonly samplesCapBytes: number
  readonly eventsCapBytes: number
  readonly retainSamplesMs: number
}

export const defaultSpoolLimits: SpoolLimits = {
  samplesCapBytes: 64 << 20,
  eventsCapBytes: 16 << 20,
  retainSamplesMs: 15 * 60_000,
}

/** What is read of a log that is sent. Frames below `next` are on disk. */
export type StreamLog = Pick<SegmentLog, 'epoch' | 'first' | 'next' | 'acked' | 'read' | 'ack'>

export type Spool = {
  readonly logs: Readonly<Record<'samples' | 'events', SegmentLog>>
  /** Null: nothing is sent of it. */
  log(stream: Stream): StreamLog | null
  /** False when the frame was refused; the refusal is counted in the log's stats. */
  append(stream: 'samples' | 'events', payload: Uint8Array, now: number): boolean
  /** The server holds everything up to `sequence`. */
  acked(stream: Stream, sequence: number, now: number): void
  /** Frames the server has not acknowledged. */
  pending(stream: Stream): number
  /** Where sending begins, given what the server says it holds (null: nothing of this epoch); what it lost is pending again. */
  resumeAt(stream: Stream, serverAck: number | null): number
  /** Sample frames that are still held, oldest first. */
  recentSamples(): Iterable<Uint8Array>
  close(): Promise<void>
}

export function openSpool(options: {
  readonly files: FileLayer
  readonly directory: string
  readonly limits: SpoolLimits
  readonly newEpoch: () => bigint
  readonly transitions?: StreamLog | undefined
}): Spool {
  const { files, limits, newEpoch } = options
  const open = (stream: 'samples' | 'events', capBytes: number, full: 'refuse' | 'drop_oldest'): SegmentLog =>
    openSegmentLog({
      files,
      directory: `${options.directory}/${stream}`,
      segmentBytes: 1 << 20,
      capBytes,
      full,
      newEpoch,
    })
  const logs = {
    samples: open('samples', limits.samplesCapBytes, 'drop_oldest'),
    events: open('events', limits.eventsCapBytes, 'refuse'),
  }
  /** What the server said it holds. */
  const held: Record<Stream, number> = { samples: logs.samples.acked, events: logs.events.acked, transitions: 0 }
  const all: Readonly<Record<Stream, StreamLog | null>> = { ...logs, transitions: options.transitions ?? null }
  /** Marks of (sequence, time), one every few seconds: old enough samples may go. */
  const marks: { sequence: number; at: number }[] = []

  return {
    logs,
    log: (stream) => all[stream],
    append(stream, payload, now) {
      const sequence = logs[stream].append(payload)
      if (sequence === null) return false
      if (stream === 'samples' && now - (marks.at(-1)?.at ?? Number.NEGATIVE_INFINITY) >= 5000)
        marks.push({ sequence, at: now })
      return true
    },
    acked(stream, sequence, now) {
      // What was never sent cannot be held.
      const log = all[stream]
      if (log === null) return
      held[stream] = Math.max(held[stream], Math.min(sequence, log.next - 1))
      if (stream !== 'samples') return log.ack(sequence)
      let releasable = 0
      while (marks.length > 1 && now - marks[1]!.at > limits.retainSamplesMs) {
        marks.shift()
        releasable = marks[0]!.sequence - 1
      }
      if (releasable > 0) logs.samples.ack(Math.min(sequence, releasable))
    },
    pending(stream) {
      const log = all[stream]
      return log === null ? 0 : log.next - 1 - Math.max(held[stream], log.first - 1)
    },
    *recentSamples() {
      const { samples } = logs
      for (let next = samples.first; next < samples.next; ) {
        const frames = samples.read(next, 1 << 20)
        if (frames.length === 0) return
        for (const { payload } of frames) yield payload
        next = frames.at(-1)!.sequence + 1
      }
    },
    resumeAt(stream, serverAck) {
      const log = all[stream]
      if (log === null) return 1
      const oldest = stream === 'events' ? Math.max(log.first, log.acked + 1) : log.first
      // An ack past our end belongs to a log that was lost and begun again under the same epoch: impossible unless the peer errs.
      const resume = serverAck === null || serverAck >= log.next ? oldest : Math.max(oldest, serverAck + 1)
      held[stream] = resume - 1
      return resume
    },
    async close() {
      await Promise.all([logs.samples.close(), logs.events.close()])
    },
  }
}
