// One message that is due: which group of alerts, for which receiver, and why now. Plain data: it is stored before it is sent, and sent again
// unchanged when the first attempt is in doubt.

import type { Alert } from '../alert/alert.ts'

export type NotifyReason = 'first' | 'new_firing' | 'all_resolved' | 'new_resolved' | 'repeat'

export type Notification = {
  /** Identity of the message at the receiver, the same on every attempt: channels send it as `msgUuid`, `Message-ID`, `Idempotency-Key`. */
  readonly id: string
  readonly receiver: string
  readonly groupKey: string
  readonly reason: NotifyReason
  /** `resolved` when no alert of the group fires any more. */
  readonly status: 'firing' | 'resolved'
  readonly groupLabels: Readonly<Record<string, string>>
  readonly commonLabels: Readonly<Record<string, string>>
  readonly commonAnnotations: Readonly<Record<string, string>>
  /** Firing ones first; here `endsAt` is null exactly when the alert fired at the flush. */
  readonly alerts: readonly Alert[]
  /** Alerts of the group that were left out for length. */
  readonly truncated: number
  /** Base of the links in the message, without a trailing slash. */
  readonly externalUrl: string
  /** When the group was flushed, milliseconds. */
  readonly at: number
  /** Messages of several groups that waited at a quota, merged; it then belongs to no group. */
  readonly digest?: true
  /** One of several messages that a longer one was split into. */
  readonly part?: { readonly number: number; readonly of: number }
}

/** Labels and annotations that all the alerts share. */
export function summarize(alerts: readonly Alert[]): Pick<Notification, 'commonLabels' | 'commonAnnotations'> {
  return {
    commonLabels: shared(alerts.map((alert) => alert.labels)),
    commonAnnotations: shared(alerts.map((alert) => alert.annotations)),
  }
}

function shared(sets: readonly Readonly<Record<string, string>>[]): Readonly<Record<string, string>> {
  const [first = {}, ...others] = sets
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((other) => other[name] === value)),
  )
}
