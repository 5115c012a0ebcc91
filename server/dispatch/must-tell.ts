// What no message may leave unnamed for want of room: a critical alert that fires, and the end of anything. Pure. In a message that was composed
// `endsAt` is null exactly when the alert fired.

import type { Alert } from '../alert/alert.ts'

const isCritical = (alert: Alert): boolean => alert.labels.severity === 'critical'

export const mustBeNamed = (alert: Alert): boolean => alert.endsAt !== null || isCritical(alert)

/** Critical ones that fire, then recoveries, then the rest; each in the order it had. */
export function namedFirst(alerts: readonly Alert[]): readonly Alert[] {
  const rank = (alert: Alert): number => (alert.endsAt !== null ? 1 : isCritical(alert) ? 0 : 2)
  return [...alerts].sort((a, b) => rank(a) - rank(b))
}
