// Alerts that somebody else judges, put into the picture of the groups: people and the API see one set of alerts, whoever works them out.

import { alertView, stateOf } from './group-view.ts'
import { activeAlert } from './rule-state.ts'
import type { RestoredAlert } from './transition.ts'
import type { GroupView, RuleView } from './view.ts'

export function withAlertsAway(groups: readonly GroupView[], away: Iterable<RestoredAlert>): readonly GroupView[] {
  const byRule = new Map<RuleView, RestoredAlert[]>()
  for (const alert of away) {
    const group = groups.find(({ file, name }) => file === alert.file && name === alert.group)
    const owner = group?.rules.find((rule) => mayShow(rule, alert))
    if (owner !== undefined) byRule.set(owner, [...(byRule.get(owner) ?? []), alert])
  }
  if (byRule.size === 0) return groups
  return groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => {
      const found = byRule.get(rule)
      if (found === undefined || rule.kind !== 'alerting') return rule
      const alerts = [...rule.alerts, ...found.map((alert) => alertView(activeAlert(alert)))]
      return { ...rule, alerts, state: stateOf(alerts) }
    }),
  }))
}

/** As `restoreInto` finds the owner of a kept alert. */
function mayShow(rule: RuleView, alert: RestoredAlert): boolean {
  if (rule.kind !== 'alerting' || rule.name !== alert.rule) return false
  return Object.entries(rule.labels).every(([name, text]) => text.includes('{{') || (alert.labels[name] ?? '') === text)
}
