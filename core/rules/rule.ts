// Rules as read from a file: plain frozen data, checked, with compiled templates beside their texts. Durations are milliseconds.

import type { BlindPolicy } from './blindness.ts'
import type { LabelRecord } from './labels.ts'
import type { Expression } from './query.ts'
import type { Template } from './template.ts'

export type Templates = Readonly<Record<string, Template>>

export type AlertingRule = {
  readonly kind: 'alerting'
  readonly name: string
  readonly expression: Expression
  readonly forMs: number
  readonly keepFiringForMs: number
  /** What becomes of its alerts while the data that it needs is missing. */
  readonly noData: BlindPolicy
  /** Group labels and rule labels, the rule's winning; texts before templating. */
  readonly labels: LabelRecord
  readonly annotations: LabelRecord
  readonly labelTemplates: Templates
  readonly annotationTemplates: Templates
  readonly line: number
}

export type RecordingRule = {
  readonly kind: 'recording'
  readonly name: string
  readonly expression: Expression
  readonly labels: LabelRecord
  readonly line: number
}

export type Rule = AlertingRule | RecordingRule

export type RuleGroup = {
  readonly name: string
  readonly file: string
  /** Null: the host's default. */
  readonly intervalMs: number | null
  readonly queryOffsetMs: number
  /** Most series or alerts one rule may give; 0 = no limit. */
  readonly limit: number
  readonly labels: LabelRecord
  readonly rules: readonly Rule[]
}

/** Identity of a rule inside its group over edits and restarts: what it is called and which labels it sets. */
export function ruleKey(rule: Rule): string {
  return `${rule.kind}/${rule.name}/${JSON.stringify(Object.entries(rule.labels).sort())}`
}

export function groupKey(group: Pick<RuleGroup, 'file' | 'name'>): string {
  return `${group.file};${group.name}`
}
