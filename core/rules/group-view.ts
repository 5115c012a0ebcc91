// A group as the API shows it: a copy of what its rules remember.

import type { ActiveAlert } from './alerting-rule.ts'
import type { RuleGroup } from './rule.ts'
import type { RuleState } from './rule-state.ts'
import type { AlertView, GroupView, RuleView } from './view.ts'

export function groupView(
  group: RuleGroup,
  states: readonly RuleState[],
  defaultIntervalMs: number,
): Omit<GroupView, 'evaluationSeconds' | 'lastEvaluationAt'> {
  return {
    name: group.name,
    file: group.file,
    intervalMs: group.intervalMs ?? defaultIntervalMs,
    limit: group.limit,
    rules: states.map(ruleView),
  }
}

function ruleView(state: RuleState): RuleView {
  const { rule } = state
  const common = {
    name: rule.name,
    query: rule.expression.text,
    labels: { ...rule.labels },
    health: state.health,
    lastError: state.lastError,
    evaluationSeconds: state.evaluationSeconds,
    lastEvaluationAt: state.lastEvaluationAt,
  }
  if (rule.kind === 'recording') return { ...common, kind: 'recording' }
  const alerts = [...state.active.values()].map(alertView)
  return {
    ...common,
    kind: 'alerting',
    state: stateOf(alerts),
    blind: state.blind,
    forMs: rule.forMs,
    keepFiringForMs: rule.keepFiringForMs,
    annotations: { ...rule.annotations },
    alerts,
  }
}

export function stateOf(alerts: readonly AlertView[]): 'inactive' | 'pending' | 'firing' {
  if (alerts.length === 0) return 'inactive'
  return alerts.some((one) => one.state === 'firing') ? 'firing' : 'pending'
}

export function alertView(alert: ActiveAlert): AlertView {
  return {
    fingerprint: alert.fingerprint,
    labels: { ...alert.labels },
    annotations: { ...alert.annotations },
    state: alert.state,
    activeAt: alert.activeAt,
    keepFiringSince: alert.state === 'firing' ? alert.keepFiringSince : null,
    value: alert.value,
  }
}
