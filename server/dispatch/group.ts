// An aggregation group: the alerts of one route that share the labels they are grouped by, and when they are due. No I/O and no timer: the
// dispatcher asks `dueAt` and calls `flushed`. Times named `At` are monotonic, alerts carry wall time.
// Recoveries do not wait as long as firing alerts do: a group whose alerts have all ended is due `resolve_wait` after the last one ended, not
// at its next interval (docs/decisions/0002-recoveries-do-not-wait.md). What keeps a flapping alert quiet is in pipeline.ts, `spacing`.

import { type Alert, isResolved } from '../alert/alert.ts'
import type { LabelSet } from './matcher-text.ts'
import type { Route } from './route.ts'

export type Moment = { readonly wall: number; readonly monotonic: number }

export type Group = {
  readonly key: string
  readonly labels: LabelSet
  readonly route: Route
  readonly alerts: ReadonlyMap<string, Alert>
  /** Takes the alert in unless a newer state of it is here. What is put at one moment is looked at together: `dueAt` comes before the next. */
  put(alert: Alert, now: Moment): void
  /** Whether it was looked at before: until then it waits for `group_wait`. */
  readonly begun: boolean
  dueAt(): number
  /** A flush begins: the next one is an interval away. */
  begin(now: Moment): readonly Alert[]
  /** It failed, or had to hold something back: come again at this time, with all alerts kept. */
  again(at: number): void
  /** It is durable: forgets what had ended by then and did not change since, but for alerts that are `owed` a word. True when nothing is left. */
  finish(flushed: readonly Alert[], wall: number, owed?: ReadonlySet<string>): boolean
}

export function newGroup(key: string, labels: LabelSet, route: Route, now: Moment): Group {
  const alerts = new Map<string, Alert>()
  let flushed = false
  let tickAt = now.monotonic + route.groupWaitMs
  let resolveAt: number | null = null
  /** Something was put since `resolveAt` was worked out. */
  let heardAt: Moment | null = null

  /** When the last alert has ended; null while one fires with no end in sight. */
  const endOfAll = (): number | null => {
    let end = Number.NEGATIVE_INFINITY
    for (const alert of alerts.values()) {
      if (alert.endsAt === null) return null
      end = Math.max(end, alert.endsAt)
    }
    return end
  }

  /** An end that lies ahead moves with every post that confirms the alert; one that has come counts from when it was first heard of. */
  const settle = (): void => {
    if (heardAt === null) return
    const at = heardAt
    heardAt = null
    const end = endOfAll()
    if (end === null) resolveAt = null
    else if (end > at.wall) resolveAt = at.monotonic + end - at.wall + route.resolveWaitMs
    else resolveAt = Math.min(resolveAt ?? Number.POSITIVE_INFINITY, at.monotonic + route.resolveWaitMs)
  }

  return {
    key,
    labels,
    route,
    alerts,
    put(alert, at) {
      const held = alerts.get(alert.fingerprint)
      if (held !== undefined && held.updatedAt > alert.updatedAt) return
      alerts.set(alert.fingerprint, alert)
      // It has waited long enough elsewhere: before a restart, or in the rule's `for`.
      if (!flushed && alert.startsAt + route.groupWaitMs <= at.wall) tickAt = Math.min(tickAt, at.monotonic)
      heardAt = at
    },
    get begun() {
      return flushed
    },
    dueAt() {
      settle()
      return flushed && resolveAt !== null ? Math.min(tickAt, resolveAt) : tickAt
    },
    begin(at) {
      settle()
      flushed = true
      if (tickAt <= at.monotonic) tickAt = at.monotonic + route.groupIntervalMs
      if (resolveAt !== null && resolveAt <= at.monotonic) resolveAt = null
      return [...alerts.values()]
    },
    again(at) {
      tickAt = Math.min(tickAt, at)
    },
    finish(snapshot, wall, owed) {
      for (const alert of snapshot) {
        if (owed?.has(alert.fingerprint) === true) continue
        if (isResolved(alert, wall) && alerts.get(alert.fingerprint) === alert) alerts.delete(alert.fingerprint)
      }
      return alerts.size === 0
    },
  }
}
