// Messages that wait at a channel's quota, merged into few. Pure. What must be told — critical alerts that fire, and recoveries — is named one by
// one in some message, whatever the number; other firing alerts are named while three messages hold them, and counted after that.
// Invariant: every waiting message that is merged is in exactly one digest, and all of one group are in the same.

import type { Alert } from '../alert/alert.ts'
import { mustBeNamed, namedFirst } from './must-tell.ts'
import { type Notification, summarize } from './notification.ts'

export type Waiting = {
  readonly id: string
  /** Hash of the group. */
  readonly group: string
  readonly critical: boolean
  readonly notification: Notification
}

export type Merge = {
  readonly from: readonly string[]
  readonly notification: Notification
  readonly critical: boolean
}

/** Messages that may name everything; what comes after them names only what it must. */
const wholeDigests = 3
/** Alerts of one digest; the reader of a longer one has given up. */
const maxAlerts = 1000

type Unit = { readonly ids: string[]; readonly alerts: Map<string, Alert>; critical: boolean }

/**
 * `shown`: how many alerts of a message, from the first, the channel can name. `single`: so many critical messages are left to go on their own,
 * in front of the digest; when there are more they are merged as well.
 */
export function digests(
  waiting: readonly Waiting[],
  options: {
    readonly shown: (notification: Notification) => number
    readonly single: number
    readonly newId: () => string
    readonly at: number
  },
): readonly Merge[] {
  const all = unitsOf(waiting)
  const criticals = all.filter((unit) => unit.critical).length
  const named = (unit: Unit): number => [...unit.alerts.values()].filter(mustBeNamed).length
  const compose = (units: readonly Unit[], id: string): Notification => {
    const alerts = namedFirst(units.flatMap((unit) => [...unit.alerts.values()]))
    const first = waiting[0]!.notification
    return {
      ...first,
      id,
      groupKey: 'digest',
      reason: 'new_firing',
      status: alerts.some((alert) => alert.endsAt === null) ? 'firing' : 'resolved',
      groupLabels: {},
      ...summarize(alerts),
      alerts: alerts.slice(0, maxAlerts),
      truncated: Math.max(0, alerts.length - maxAlerts),
      at: options.at,
      digest: true,
    }
  }
  const alertsOf = (units: readonly Unit[]): number => units.reduce((sum, unit) => sum + unit.alerts.size, 0)
  const mustOf = (units: readonly Unit[]): number => units.reduce((sum, unit) => sum + named(unit), 0)
  const fits = (units: readonly Unit[], need: number): boolean =>
    need <= maxAlerts && options.shown(compose(units, '')) >= need

  // A message that is too long by itself is split, not merged.
  let rest = all
    .filter((unit) => (criticals > options.single || !unit.critical) && fits([unit], unit.alerts.size))
    .sort((a, b) => Number(b.critical) - Number(a.critical) || Number(named(b) > 0) - Number(named(a) > 0))
  const out: Merge[] = []
  while (rest.length > 0) {
    const whole = out.length < wholeDigests - 1
    const must = whole ? rest : rest.filter((unit) => named(unit) > 0)
    let count = most(must.length, (n) =>
      fits(must.slice(0, n), whole ? alertsOf(must.slice(0, n)) : mustOf(must.slice(0, n))),
    )
    // All that must be named is: the others are counted here.
    if (count === must.length) count = rest.length
    const units = rest.slice(0, Math.max(1, count))
    rest = rest.slice(units.length)
    const from = units.flatMap((unit) => unit.ids)
    if (from.length < 2) continue
    out.push({ from, notification: compose(units, options.newId()), critical: units.some((unit) => unit.critical) })
  }
  return out
}

/** A later message of a group says what holds now of the alerts that an earlier one spoke of. */
function unitsOf(waiting: readonly Waiting[]): Unit[] {
  const units = new Map<string, Unit>()
  for (const { id, group, critical, notification } of waiting) {
    const unit = units.get(group) ?? { ids: [], alerts: new Map<string, Alert>(), critical: false }
    units.set(group, unit)
    unit.ids.push(id)
    unit.critical ||= critical
    for (const alert of notification.alerts) unit.alerts.set(alert.fingerprint, alert)
  }
  return [...units.values()]
}

/** The largest n up to `limit` for which it holds, when it holds for all smaller ones; 0 = for none. */
export function most(limit: number, holds: (n: number) => boolean): number {
  let [low, high] = [0, limit]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (holds(middle)) low = middle
    else high = middle - 1
  }
  return low
}
