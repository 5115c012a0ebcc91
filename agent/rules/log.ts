// What the rules said, on disk until the server has it, and so that a killed agent goes on where it stood: the last statement and every change
// behind it. Invariants: only what is on disk is sent; nothing behind the last statement is dropped.

import { errorText } from '../../core/base/errors.ts'
import type { FileLayer } from '../../core/base/file-layer.ts'
import type { Log } from '../../core/base/log.ts'
import { openSegmentLog, type SegmentLog } from '../../core/segment/segment-log.ts'
import { decodeRulesRecord, encodeRulesRecord, type RulesRecord } from '../../core/wire/host-rules.ts'
import { type Folded, fold } from './alerts.ts'

/** After so many records a statement saves reading them all again. */
const statementEvery = 200

export type RulesLog = {
  /** As the uplink reads it. */
  readonly stream: Pick<SegmentLog, 'epoch' | 'first' | 'next' | 'acked' | 'read' | 'ack'>
  /** What an earlier life left, in all; null: nothing is known of one. */
  readonly left: Folded | null
  append(record: RulesRecord): void
  /** The next statement is due: many records, or one that found no room. */
  readonly due: boolean
  /** Records that found no room, or no disk. */
  readonly refused: number
  close(): Promise<void>
}

export function openRulesLog(deps: {
  readonly files: FileLayer
  readonly directory: string
  readonly log: Log
  readonly capBytes: number
  readonly newEpoch: () => bigint
  /** More is on disk. */
  readonly onDurable: () => void
}): RulesLog {
  const { files, directory, newEpoch } = deps
  const kept = openSegmentLog({
    files,
    directory,
    segmentBytes: 256 << 10,
    capBytes: deps.capBytes,
    full: 'refuse',
    newEpoch,
  })
  let left: Folded | null = null
  let statement = 0
  for (let next = kept.first; next < kept.next; ) {
    const frames = kept.read(next, 1 << 20)
    if (frames.length === 0) break
    for (const { sequence, payload } of frames) {
      const parsed = decodeRulesRecord(payload)
      if (!parsed.ok) continue
      left = fold(left, parsed.record)
      if (parsed.record.kind === 'statement') statement = sequence
    }
    next = frames.at(-1)!.sequence + 1
  }
  let durable = kept.next
  let since = kept.next - 1 - statement
  let lost = false
  let refused = 0

  const fail = (error: unknown): void => {
    refused++
    lost = true
    deps.log.error('what the rules said could not be kept', { error: errorText(error) })
  }

  return {
    stream: {
      epoch: kept.epoch,
      get first() {
        return kept.first
      },
      get next() {
        return durable
      },
      get acked() {
        return kept.acked
      },
      read: (from, maxBytes) => kept.read(from, maxBytes).filter(({ sequence }) => sequence < durable),
      ack: (sequence) => kept.ack(Math.min(sequence, statement - 1)),
    },
    left,
    append(record) {
      try {
        const sequence = kept.append(encodeRulesRecord(record))
        if (sequence === null) {
          refused++
          lost = true
          return
        }
        since++
        if (record.kind === 'statement') {
          statement = sequence
          since = 0
          lost = false
        }
        kept.commit().then(() => {
          durable = Math.max(durable, sequence + 1)
          deps.onDurable()
        }, fail)
      } catch (error) {
        fail(error)
      }
    },
    get due() {
      return lost || since >= statementEvery
    },
    get refused() {
      return refused
    },
    close: () => kept.close(),
  }
}
