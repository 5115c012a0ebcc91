// The history as the rooms see it. Appending is idempotent by event id; reading is by cursor, oldest first.

import type { Event, EventKind } from '../../core/event/event.ts'

export type EventQuery = {
  /** Rows after this sequence. */
  readonly after?: number
  readonly kinds?: readonly EventKind[]
  readonly host?: string
  readonly engine?: string
  /** Wall milliseconds, inclusive. */
  readonly from?: number
  readonly to?: number
  /** At most 10 000. */
  readonly limit?: number
  /** Newest first instead. */
  readonly descending?: boolean
}

export type StoredEvent = { readonly sequence: number; readonly event: Event }

export type EventStore = {
  /** Answers the events that were new, in order. */
  append(events: readonly Event[]): Promise<readonly Event[]>
  read(query: EventQuery): Promise<readonly StoredEvent[]>
  /** Walks the hash chain; the sequence of the first row that does not fit, or null. */
  verify(): Promise<number | null>
}
