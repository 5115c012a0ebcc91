// Where alerts are kept, as the alert store sees it. A write is a step of an alert's life with its event, or a change of its text; a batch is
// all or nothing, in order, and applying it again changes nothing.

import type { EventOf } from '../../core/event/event.ts'
import type { LabelRecord } from '../../core/rules/labels.ts'

/** One life of an alert of one rule. */
export type AlertRow = {
  readonly fingerprint: string
  /** Identity of this life: `episodeId`. */
  readonly episode: string
  readonly file: string
  readonly group: string
  readonly rule: string
  readonly expression: string
  readonly labels: LabelRecord
  readonly annotations: LabelRecord
  readonly state: 'pending' | 'firing' | 'resolved'
  readonly value: number | null
  readonly activeAt: number
  readonly firedAt: number | null
  readonly resolvedAt: number | null
  readonly keepFiringSince: number | null
  /** When the state changed last, and when anything did. */
  readonly changedAt: number
  readonly updatedAt: number
}

export type AlertWrite =
  | {
      readonly kind: 'step'
      readonly event: EventOf<'transition'>
      readonly row: AlertRow
      /** A pending alert that never fired leaves no row. */
      readonly remove: boolean
    }
  | {
      readonly kind: 'text'
      readonly fingerprint: string
      readonly episode: string
      readonly annotations: LabelRecord
      readonly value: number | null
      readonly keepFiringSince: number | null
      readonly updatedAt: number
    }

export type AlertTable = {
  /** Answers the ids of the events that were new. Throws `database.refused` for what it will never take, else something retryable. */
  apply(writes: readonly AlertWrite[]): Promise<ReadonlySet<string>>
  /** Pending and firing ones, and those resolved at or after `resolvedSince`. */
  load(resolvedSince: number): Promise<readonly AlertRow[]>
  /** Drops up to `limit` rows resolved before that time; how many it dropped. */
  sweep(resolvedBefore: number, limit: number): Promise<number>
}
