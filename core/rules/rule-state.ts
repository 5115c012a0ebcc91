// What a group remembers of each of its rules between two evaluations, and how that passes to an edited group or comes back after a restart.

import type { Labels } from '../series/seam.ts'
import type { ActiveAlert, ActiveAlerts } from './alerting-rule.ts'
import { type LabelRecord, labelKey } from './labels.ts'
import { type AlertingRule, type Rule, ruleKey } from './rule.ts'
import type { RestoredAlert } from './transition.ts'

export type RuleState = {
  readonly rule: Rule
  /** Empty for recording rules. */
  active: ActiveAlerts
  /** Series of the last evaluation that worked, by `labelKey`: what is missing from the next one ends. */
  written: ReadonlyMap<string, Labels>
  health: 'unknown' | 'ok' | 'err'
  lastError: string
  blind: boolean
  evaluationSeconds: number
  lastEvaluationAt: number | null
  /** The store remembers at least from here on. */
  firstEvaluationAt: number | null
}

export function newRuleState(rule: Rule): RuleState {
  return {
    rule,
    active: new Map(),
    written: new Map(),
    health: 'unknown',
    lastError: '',
    blind: false,
    evaluationSeconds: 0,
    lastEvaluationAt: null,
    firstEvaluationAt: null,
  }
}

/** Moves what `old` rules remember to the rules of the same key, in order; gives back the states that no rule took. */
export function carryOver(states: readonly RuleState[], old: readonly RuleState[]): readonly RuleState[] {
  const left = new Map<string, RuleState[]>()
  for (const state of old) {
    const key = ruleKey(state.rule)
    left.set(key, [...(left.get(key) ?? []), state])
  }
  for (const state of states) {
    const found = left.get(ruleKey(state.rule))?.shift()
    if (found !== undefined) Object.assign(state, { ...found, rule: state.rule })
  }
  return [...left.values()].flat()
}

/** Gives each kept alert back to its rule; answers those that belong to no rule here. */
export function restoreInto(states: readonly RuleState[], alerts: readonly RestoredAlert[]): readonly RestoredAlert[] {
  return alerts.filter((alert) => {
    const key = labelKey(alert.labels)
    const owner = states.find(({ rule }) => rule.kind === 'alerting' && mayOwn(rule, alert))
    if (owner === undefined) return true
    if (!owner.active.has(key)) owner.active = new Map([...owner.active, [key, activeAlert(alert)]])
    return false
  })
}

/** Same name, and every label that the rule sets without a template is there. */
function mayOwn(rule: AlertingRule, alert: RestoredAlert): boolean {
  if (rule.name !== alert.rule) return false
  const labels: LabelRecord = { ...rule.labels, alertname: rule.name }
  return Object.entries(labels).every(([name, text]) => text.includes('{{') || (alert.labels[name] ?? '') === text)
}

export function activeAlert(alert: RestoredAlert): ActiveAlert {
  const { fingerprint, labels, annotations, value, activeAt } = alert
  const common = { fingerprint, labels, annotations, value, activeAt, restored: true }
  if (alert.state === 'pending') return { ...common, state: 'pending' }
  // What readers heard may be older than what was kept: the next change is told at once.
  const told = { at: 0, annotations }
  const firedAt = alert.firedAt ?? activeAt
  return { ...common, state: 'firing', firedAt, keepFiringSince: alert.keepFiringSince, told }
}
