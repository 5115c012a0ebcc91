// Is there anything to say about a group, and why: what the channel was last told against what holds now. Pure, and blind to memory: the log
// is read from the database, so a restarted server says nothing twice.
// Where it parts from Alertmanager: a recovery is news only for alerts that were told; a channel that does not want recoveries still forgets
// the recovered alert, so that its next episode is news.

import { type Alert, isResolved } from '../alert/alert.ts'
import type { NotifyReason } from './notification.ts'
import type { LogEntry } from './outbox-port.ts'

export type NewsReason = NotifyReason | 'nothing'

export function news(
  known: LogEntry | null,
  alerts: readonly Alert[],
  repeatIntervalMs: number,
  now: number,
): NewsReason {
  const firing = alerts.filter((alert) => !isResolved(alert, now))
  if (known === null || known.firing.length === 0) return firing.length > 0 ? 'first' : 'nothing'
  const told = new Set(known.firing)
  if (firing.some((alert) => !told.has(alert.fingerprint))) return 'new_firing'
  if (firing.length === 0) return alerts.some((alert) => told.has(alert.fingerprint)) ? 'all_resolved' : 'nothing'
  if (alerts.some((alert) => isResolved(alert, now) && told.has(alert.fingerprint))) return 'new_resolved'
  return now - known.toldAt >= repeatIntervalMs ? 'repeat' : 'nothing'
}
