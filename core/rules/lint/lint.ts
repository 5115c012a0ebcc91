// What is valid in a rule file and probably not meant: each finding with its name, its place and words in both languages. Lints are advice: a file with
// nothing but lints is good. A new lint is a function in one of the lists below.

import { parseQuery } from '../../promql/parser.ts'
import type { Rule, RuleGroup } from '../rule.ts'
import type { RuleFile, RulePlaces } from '../rule-file.ts'
import { alertLints } from './alert-lints.ts'
import { duplicateLints } from './duplicate-lints.ts'
import { expressionLints } from './expression-lints.ts'
import type { AlertLint, Finding, Lint, RuleLint } from './finding.ts'
import { thresholdLints } from './threshold-lints.ts'

const forEvery: readonly RuleLint[] = expressionLints
const forAlerts: readonly AlertLint[] = [...alertLints, ...thresholdLints]

/** In the order of the file. */
export function lintRules(file: RuleFile): readonly Lint[] {
  const found = file.groups.flatMap((group) =>
    group.rules.flatMap((rule) => {
      const places = file.places.get(rule)!
      const has = (field: string): boolean => places.field(field) !== null
      const subject = { node: parseQuery(rule.expression.text), group, has }
      const findings = forEvery.flatMap((lint) => lint(rule, subject))
      if (rule.kind === 'alerting') findings.push(...forAlerts.flatMap((lint) => lint(rule, subject)))
      return findings.map((one) => placed(group, rule, places, one))
    }),
  )
  const repeated = duplicateLints(file.groups).map(({ group, rule, ...finding }) =>
    placed(group, rule, file.places.get(rule)!, finding),
  )
  return [...found, ...repeated].sort((a, b) => a.line - b.line || a.column - b.column)
}

function placed(group: RuleGroup, rule: Rule, places: RulePlaces, { name, at, words }: Finding): Lint {
  const place = typeof at === 'number' ? places.expression(at) : (places.field(at) ?? places.rule)
  return { file: group.file, ...place, name, rule: rule.name, words }
}
