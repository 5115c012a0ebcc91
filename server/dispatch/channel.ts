// A way to a person, as dispatch sees it: `server/notify` implements one for every kind. A channel sends one notification once and says how
// it went; retrying, storing and counting are done around it.

import type { Notification } from './notification.ts'

export type SendResult =
  /** `reply` is what the receiver answered, redacted: the proof of delivery. */
  | {
      readonly ok: true
      readonly reply: string
      /** Another channel told it; its recovery is told there too. Set by dispatch. */
      readonly spilled?: true
    }
  | {
      readonly ok: false
      /** Closed set, used as a metric label: `timeout`, `unreachable`, `http_4xx`, `http_5xx`, `rate_limited`, `rejected`, `bad_reply`, `too_long`. */
      readonly code: string
      readonly reply: string
      readonly retryable: boolean
      /** Not before this many milliseconds; null = the usual back-off. */
      readonly retryAfterMs: number | null
    }

/** What a receiver takes before it refuses: kept by dispatch, by waiting. */
export type Quota = {
  /** Messages in any 60 s. */
  readonly perMinute: number
  /** At once; the rest is spread over the minute. Default 5. */
  readonly burst?: number
  /** Channels with the same key share one quota, as those of one robot must. Default: the channel's own name. */
  readonly key?: string
}

export type Channel = {
  /** `receiver/kind[index]`, for example `oncall/dingtalk[0]`: unique, and stable while the configuration keeps its order. */
  readonly name: string
  readonly kind: string
  readonly receiver: string
  readonly sendResolved: boolean
  readonly quota?: Quota
  /** Receiver whose first channel takes over what this one cannot tell now: while it is blocked, fails or refuses. */
  readonly spillTo?: string
  /** Never throws; stops within its own timeout or when `signal` aborts. */
  send(notification: Notification, signal: AbortSignal): Promise<SendResult>
  /** How many of its alerts, from the first, the message names one by one; left out: all of them. Never more than there are. */
  shown?(notification: Notification): number
  /** The request as it would be sent now, secrets cut: for `notify test`. */
  preview(notification: Notification): string
}
