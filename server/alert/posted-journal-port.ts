// Where posted alerts survive a restart: requests as they came, in the order they were taken. `server/db/posted-journal.ts` and the double in the
// tests pass one suite.

export type JournalRow = {
  /** `state`: what all rows before it come to, in parts; several of them in a row are one state. */
  readonly kind: 'post' | 'state'
  readonly receivedAt: number
  readonly resolveTimeoutMs: number
  readonly body: Uint8Array
}

export type PostedJournal = {
  /** All or nothing, and durable when it resolves. */
  append(rows: readonly JournalRow[]): Promise<void>
  /** In order. */
  load(each: (row: JournalRow) => void): Promise<void>
  /** Puts a state in the place of everything that is there. One writer only. */
  compact(state: readonly JournalRow[]): Promise<void>
}
