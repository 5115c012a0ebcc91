// Since when people are asked to do something about each alert of a group, and whom that brings in beside the receiver of the route. An alert that
// is kept quiet, or that somebody took over, asks nobody; when that ends it asks anew. In memory: after a restart an alert that was told before
// counts from its start, so that a restart delays no step.

import { type Alert, isResolved } from '../alert/alert.ts'
import type { Escalation } from './escalation.ts'
import type { LogEntry } from './outbox-port.ts'

export type Asking = {
  /** `asked`: alerts that ask now. `told`: fingerprints that an earlier life told, null once this life looked before. */
  look(asked: readonly Alert[], told: ReadonlySet<string> | null, now: number): void
  /** What a channel beside the route's own hears of; null: nothing. `onlyEnds`: no more than how it ended. */
  audience(
    receiver: string,
    alerts: readonly Alert[],
    known: LogEntry | null,
    now: number,
  ): { readonly alerts: readonly Alert[]; readonly onlyEnds: boolean } | null
  /** When the next step is due; null: none is. */
  nextAt(alerts: readonly Alert[], now: number): number | null
}

export function openAsking(escalation: Escalation): Asking {
  const since = new Map<string, number>()
  const asks = (alert: Alert, now: number): number | null =>
    isResolved(alert, now) ? null : (since.get(alert.fingerprint) ?? null)
  return {
    look(asked, told, now) {
      const held = new Set(asked.map(({ fingerprint }) => fingerprint))
      for (const fingerprint of since.keys()) if (!held.has(fingerprint)) since.delete(fingerprint)
      for (const { fingerprint, startsAt } of asked) {
        if (!since.has(fingerprint)) since.set(fingerprint, told?.has(fingerprint) === true ? startsAt : now)
      }
    },
    audience(receiver, alerts, known, now) {
      const due = (alert: Alert): boolean => {
        const from = asks(alert, now)
        return from !== null && escalation.due(alert.labels, from, now).has(receiver)
      }
      const told = new Set(known?.firing)
      const heard = alerts.filter((alert) => due(alert) || told.has(alert.fingerprint))
      return heard.length === 0 ? null : { alerts: heard, onlyEnds: !heard.some(due) }
    },
    nextAt(alerts, now) {
      const ahead = alerts.flatMap((alert) => {
        const from = asks(alert, now)
        const at = from === null ? null : escalation.nextAt(alert.labels, from, now)
        return at === null ? [] : [at]
      })
      return ahead.length === 0 ? null : Math.min(...ahead)
    },
  }
}
