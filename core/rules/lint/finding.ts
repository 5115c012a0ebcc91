// What lints find, as types: a name out of a closed list, a place, words.

import type { Node } from '../../promql/ast.ts'
import type { AlertingRule, Rule, RuleGroup } from '../rule.ts'
import type { Place } from '../yaml-reader.ts'

export type Words = { readonly en: string; readonly zh: string }
export const lintNames = [
  ...['duplicate-rules', 'rate-of-gauge', 'delta-of-counter', 'rate-of-aggregate', 'quantile-without-le'],
  ...['average-of-quantiles', 'unknown-metric', 'dropped-label', 'value-in-label', 'missing-for', 'for-below-interval'],
  ...['own-field', 'no-threshold', 'bool-at-top', 'threshold-out-of-reach', 'threshold-always-met', 'percent-as-ratio'],
] as const
export type LintName = (typeof lintNames)[number]
export type Lint = Place & {
  readonly file: string
  readonly name: LintName
  /** Of the rule. */
  readonly rule: string
  readonly words: Words
}

/** What a lint finds: `at` is an offset in the expression, or the name of a field of the rule. */
export type Finding = { readonly name: LintName; readonly at: number | string; readonly words: Words }
export type Subject = {
  readonly node: Node
  readonly group: RuleGroup
  /** Was this field of the rule written? */
  readonly has: (field: string) => boolean
}
export type RuleLint = (rule: Rule, subject: Subject) => readonly Finding[]
export type AlertLint = (rule: AlertingRule, subject: Subject) => readonly Finding[]
