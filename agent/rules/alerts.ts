// The agent's alerts as records: what a statement says, and what the records of the log come to.

import type { ActiveAlert } from '../../core/rules/alerting-rule.ts'
import type { GroupEvaluator } from '../../core/rules/group.ts'
import type { RestoredAlert } from '../../core/rules/transition.ts'
import type { RulesRecord } from '../../core/wire/host-rules.ts'

export function alertsOf({ group, states }: GroupEvaluator): readonly RestoredAlert[] {
  return states.flatMap(({ rule, active }) =>
    [...active.values()].map((alert) => restored(alert, group.file, group.name, rule.name, rule.expression.text)),
  )
}

function restored(alert: ActiveAlert, file: string, group: string, rule: string, expression: string): RestoredAlert {
  const { fingerprint, labels, annotations, value, activeAt } = alert
  const common = { fingerprint, file, group, rule, expression, labels, annotations, value, activeAt }
  if (alert.state === 'pending') return { ...common, state: 'pending', firedAt: null, keepFiringSince: null }
  return { ...common, state: 'firing', firedAt: alert.firedAt, keepFiringSince: alert.keepFiringSince }
}

/** All alerts behind the records so far. */
export type Folded = { hash: string; alerts: Map<string, RestoredAlert> }

/** Null as long as there was no statement: nothing is known then. */
export function fold(before: Folded | null, record: RulesRecord): Folded | null {
  if (record.kind === 'statement')
    return { hash: record.hash, alerts: new Map(record.alerts.map((alert) => [keyOf(alert), alert])) }
  if (record.kind === 'refused' || before === null) return before
  for (const transition of record.transitions) {
    const { at: _at, state, value, ...rest } = transition
    const key = keyOf(transition)
    if (state === 'resolved' || state === 'inactive') before.alerts.delete(key)
    else before.alerts.set(key, { ...rest, state, value: value ?? 0, keepFiringSince: null })
  }
  for (const amendment of record.amendments) {
    const known = before.alerts.get(keyOf(amendment))
    if (known === undefined) continue
    const { annotations, value, keepFiringSince } = amendment
    before.alerts.set(keyOf(amendment), { ...known, annotations, value: value ?? known.value, keepFiringSince })
  }
  return before
}

const keyOf = ({ file, group, rule, fingerprint }: Pick<RestoredAlert, 'file' | 'group' | 'rule' | 'fingerprint'>) =>
  JSON.stringify([file, group, rule, fingerprint])
