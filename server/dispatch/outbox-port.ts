// What dispatch keeps so that a restart neither loses nor repeats a message: the notification log (what each channel was last told of each
// group) and the outbox (messages on their way). A flush changes both in one transaction, before anything is sent. `server/db/outbox.ts` and
// the double in the tests pass one suite.
// Invariant: messages of one group and channel leave in the order of their flushes; one id is one message, however often it is tried.

import type { Merge, Waiting } from './digest.ts'
import type { Notification } from './notification.ts'

/** What a channel knows of a group. */
export type LogEntry = {
  /** Fingerprints of the alerts it was told are firing, sorted; empty once the group has recovered. */
  readonly firing: readonly string[]
  /** Flush of the last message, milliseconds. */
  readonly toldAt: number
  /** Flush of the last message of status `firing`. */
  readonly firingAt: number
}

/** `merged`: it travels in another message, whose id is its `code`; the answer to that one becomes its own. */
export type OutboxState = 'due' | 'failed' | 'sent' | 'given_up' | 'superseded' | 'merged'

export type OutboxRow = {
  readonly id: string
  readonly channel: string
  readonly notification: Notification
  /** `failed` is to be tried again at `nextAt`; the last four states are final, but see `merge`. */
  readonly state: OutboxState
  /** Attempts that were begun. */
  readonly attempt: number
  readonly createdAt: number
  readonly nextAt: number
  /** Answer to the last attempt; of a message that another channel told, `spilled`. */
  readonly code: string
  readonly reply: string
}

/** What a channel owes. */
export type Undelivered = {
  readonly channel: string
  /** Flush of its oldest unsent message; null: none waits. */
  readonly oldestAt: number | null
  /** Messages given up. */
  readonly givenUp: number
}

/** What a flush does to one channel. */
export type FlushWrite = {
  readonly channel: string
  readonly entry: LogEntry
  /** Null: only the log changes, since the channel does not want to hear of it. */
  readonly notification: Notification | null
  readonly critical: boolean
}

export type Settlement =
  | { readonly state: 'sent'; readonly at: number; readonly reply: string; readonly spilled?: true }
  | {
      readonly state: 'failed'
      readonly at: number
      readonly nextAt: number
      readonly code: string
      readonly reply: string
    }
  | { readonly state: 'given_up'; readonly at: number; readonly code: string; readonly reply: string }

export type Taken =
  | { readonly row: OutboxRow }
  /** Nothing is due; `nextAt`: when something will be, null = nothing waits. */
  | { readonly row: null; readonly nextAt: number | null }

export type Outbox = {
  /**
   * One transaction, alone on this group: `decide` gets what the channels know (absent = nothing) and returns what to write. A message is put
   * behind the group's unsent ones of that channel, or takes the place of the last of them if that was never tried (`supersede`). Returns how many rows the number of
   * waiting rows of each channel changed by.
   */
  flush(
    groupKey: string,
    channels: readonly string[],
    at: number,
    decide: (known: ReadonlyMap<string, LogEntry>) => readonly FlushWrite[],
  ): Promise<ReadonlyMap<string, number>>
  /**
   * The next message of a channel: critical before others, then in order of flushes, never past an unsent one of the same group. It counts an
   * attempt and stays with the caller until `settle`, or `release`.
   */
  take(channel: string, now: number): Promise<Taken>
  /** Returns how many messages are due again because the digest that they travelled in was given up. */
  settle(id: string, result: Settlement): Promise<number>
  /** Whether another channel told anything of this message's group since the recovery before it. */
  wasSpilled(id: string): Promise<boolean>
  /**
   * One transaction: `decide` gets the messages of a channel that are due, were never tried, and whose groups have nothing else under way, in
   * order; what it returns takes their place. A digest goes before everything of the channel that is flushed later. When one is given up, the
   * messages it was made of are due again on their own, once more. Returns by how many the waiting rows changed.
   */
  merge(channel: string, now: number, decide: (waiting: readonly Waiting[]) => readonly Merge[]): Promise<number>
  /** The parts take the place of a message that was taken and not sent, in its place of its group. Returns by how many the waiting rows changed. */
  split(id: string, parts: readonly Notification[]): Promise<number>
  /** Called once at the start: what an earlier life had taken and not settled is due again, with its id. */
  release(): Promise<void>
  /** Unsent rows by channel. */
  waiting(): Promise<ReadonlyMap<string, number>>
  /** Channels with something unsent, or given up since `since`. */
  undelivered(since: number): Promise<readonly Undelivered[]>
  /** Times of the messages sent through a channel since `since`: a restart does not renew a quota. */
  sentSince(channel: string, since: number): Promise<readonly number[]>
  /** The newest first. */
  list(limit: number): Promise<readonly OutboxRow[]>
  /**
   * Forgets: settled rows and recovered groups older than `settledBefore`; log entries untouched since `staleBefore`. Gives up unsent rows older
   * than `unsentBefore` whose channel is not in `channels`, and returns how many.
   */
  prune(limits: {
    readonly now: number
    readonly settledBefore: number
    readonly staleBefore: number
    readonly unsentBefore: number
    readonly channels: readonly string[]
  }): Promise<number>
}
