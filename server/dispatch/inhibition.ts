// Which alerts are muted since their cause is told already. Each rule keeps its firing sources by the values of its `equal` labels, so a look
// costs one lookup per rule that targets the alert, however many sources fire; what a label set is to the rules is worked out once.
// Invariant: every alert that was last taken as firing and matches the source side of a rule is held, no other is.

import { type Alert, isResolved } from '../alert/alert.ts'
import type { InhibitRule } from './inhibit-config.ts'
import type { Matcher } from './matcher.ts'
import type { LabelSet } from './matcher-text.ts'

export type Inhibited = { readonly rule: InhibitRule; readonly source: Alert }

export type Inhibition = {
  /** Changed alerts; an older state than the one held is passed over. */
  take(alerts: readonly Alert[], now: number): void
  /** A source that mutes an alert with these labels now; null: none. */
  by(labels: LabelSet, now: number): Inhibited | null
}

/** Sources of one rule with the same values of its `equal` labels, by fingerprint. */
type Bucket = {
  readonly sources: Map<string, Alert>
  /** Match the target side as well: these mute no alert that matches both sides. */
  readonly twoSided: Map<string, Alert>
}
/** What a label set is to one rule. */
type Role = {
  readonly rule: InhibitRule
  readonly buckets: Map<string, Bucket>
  readonly key: string
  readonly source: boolean
  readonly target: boolean
}

export function openInhibition(rules: readonly InhibitRule[]): Inhibition {
  const index = rules.map((rule) => ({ rule, buckets: new Map<string, Bucket>() }))
  /** Labels of an alert never change, and an alert is looked at far more often than it changes. */
  const known = new WeakMap<LabelSet, readonly Role[]>()

  const rolesOf = (labels: LabelSet): readonly Role[] => {
    let roles = known.get(labels)
    if (roles === undefined) {
      roles = index.flatMap(({ rule, buckets }): readonly Role[] => {
        const source = matchesAll(rule.source, labels)
        const target = matchesAll(rule.target, labels)
        return source || target ? [{ rule, buckets, source, target, key: equalKey(rule.equal, labels) }] : []
      })
      known.set(labels, roles)
    }
    return roles
  }

  const put = ({ buckets, key, target }: Role, alert: Alert, firing: boolean): void => {
    const bucket = buckets.get(key) ?? { sources: new Map<string, Alert>(), twoSided: new Map<string, Alert>() }
    const side = target ? bucket.twoSided : bucket.sources
    const held = side.get(alert.fingerprint)
    if (held !== undefined && held.updatedAt > alert.updatedAt) return
    if (firing) side.set(alert.fingerprint, alert)
    else side.delete(alert.fingerprint)
    if (bucket.sources.size + bucket.twoSided.size > 0) buckets.set(key, bucket)
    else buckets.delete(key)
  }

  return {
    take(alerts, now) {
      for (const alert of alerts) {
        const firing = !isResolved(alert, now)
        for (const role of rolesOf(alert.labels)) if (role.source) put(role, alert, firing)
      }
    },
    by(labels, now) {
      for (const { rule, buckets, key, source, target } of rolesOf(labels)) {
        const bucket = target ? buckets.get(key) : undefined
        if (bucket === undefined) continue
        const found = firingOf(bucket.sources, now) ?? (source ? null : firingOf(bucket.twoSided, now))
        if (found !== null) return { rule, source: found }
      }
      return null
    },
  }
}

/** The first that fires. One that was posted with an end reaches it unheard, and is dropped when it is seen. */
function firingOf(sources: Map<string, Alert>, now: number): Alert | null {
  for (const alert of sources.values()) {
    if (!isResolved(alert, now)) return alert
    sources.delete(alert.fingerprint)
  }
  return null
}

const matchesAll = (matchers: readonly Matcher[], labels: LabelSet): boolean =>
  matchers.every((one) => one.matches(labels))

/** Lengths before values: no two different lists of values share a key. */
const equalKey = (names: readonly string[], labels: LabelSet): string =>
  names
    .map((name) => (Object.hasOwn(labels, name) ? (labels[name] ?? '') : ''))
    .map((value) => `${value.length}:${value}`)
    .join('')
