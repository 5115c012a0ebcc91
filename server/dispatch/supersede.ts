// What happens to a message that waits when a newer one of the same group and channel is flushed. Pure; both outboxes call it.
//   - A message of status `resolved` is never erased and never overtaken: it ends an episode that people were told of, or will be by the
//     message in front of it. So a recovery goes behind an unsent firing message, and a new episode goes behind an unsent recovery.
//   - The last waiting message, when it is of status `firing`, gives its place to a newer firing one that says at least as much: every alert
//     firing in the older still fires in the newer, and none that it called resolved fires again. The recoveries that the older one carried
//     move into the newer, and so does the stronger reason. Otherwise both are sent, in order.
//   - What was tried even once is out of reach: it may be at the receiver already. So of one group and channel there is at most one message that
//     was tried, the head, and behind it recoveries and firing messages take turns.

import { type Notification, type NotifyReason, summarize } from './notification.ts'

const strength: readonly NotifyReason[] = ['repeat', 'new_resolved', 'new_firing', 'first', 'all_resolved']

export type Superseding = {
  /** Id of the waiting message that is not sent any more; null = none. */
  readonly replaces: string | null
  readonly notification: Notification
}

/** `waiting`: unsent and never tried, of one group and channel, oldest first. */
export function supersede(waiting: readonly Notification[], newer: Notification): Superseding {
  const last = waiting.at(-1)
  if (last === undefined || last.status === 'resolved' || newer.status === 'resolved')
    return { replaces: null, notification: newer }
  const fires = new Set(newer.alerts.filter((alert) => alert.endsAt === null).map((alert) => alert.fingerprint))
  const saysAsMuch = last.alerts.every((alert) => (alert.endsAt === null) === fires.has(alert.fingerprint))
  if (last.truncated > 0 || !saysAsMuch) return { replaces: null, notification: newer }
  const told = new Set(newer.alerts.map((alert) => alert.fingerprint))
  const carried = last.alerts.filter((alert) => !told.has(alert.fingerprint))
  const reason = strength.indexOf(last.reason) > strength.indexOf(newer.reason) ? last.reason : newer.reason
  const alerts = [...newer.alerts, ...carried]
  return { replaces: last.id, notification: { ...newer, reason, alerts, ...summarize(alerts) } }
}
