// Which rules of a set must be worked out moment by moment, since they read what rules of the set write, or since their answer hangs on the moment they
// are asked at. All others are answered by range queries.

import { type Node, walk } from '../../promql/ast.ts'
import { parseQuery } from '../../promql/parser.ts'
import { labelValue } from '../../promql/vector.ts'
import { matcherTest } from '../../series/matcher-test.ts'
import type { Labels, Matcher } from '../../series/seam.ts'
import type { Rule, RuleGroup } from '../rule.ts'

export type Dependence = {
  /** By the text of the expression. */
  readonly stepwise: ReadonlySet<string>
  /** Did rules of the set write this series? What the store has of it is of other rules, or of these in another form. */
  written(labels: Labels): boolean
}

export function dependenceOf(groups: readonly RuleGroup[]): Dependence {
  const rules = groups.flatMap((group) => group.rules)
  const recorded = new Set(rules.flatMap((rule) => (rule.kind === 'recording' ? [rule.name] : [])))
  const alerts = new Set(rules.flatMap((rule) => (rule.kind === 'alerting' ? [rule.name] : [])))
  return {
    stepwise: new Set(rules.filter((rule) => isStepwise(rule, recorded, alerts)).map((rule) => rule.expression.text)),
    written(labels) {
      const name = labelValue(labels, '__name__')
      return recorded.has(name) || (isAlertSeries(name) && alerts.has(labelValue(labels, 'alertname')))
    },
  }
}

const isAlertSeries = (name: string): boolean => name === 'ALERTS' || name === 'ALERTS_FOR_STATE'

function isStepwise(rule: Rule, recorded: ReadonlySet<string>, alerts: ReadonlySet<string>): boolean {
  let found = false
  walk(parseQuery(rule.expression.text), (node) => {
    if (hangsOnMoment(node) || (node.kind === 'selector' && mayRead(node.matchers, recorded, alerts))) found = true
  })
  return found
}

/** `start()`, `end()` and the like mean other moments in a range query. */
function hangsOnMoment(node: Node): boolean {
  if (node.kind === 'call') return /^(?:start|end|step|range)$/.test(node.name)
  if (node.kind === 'matrix') return node.rangeExpr !== null
  if (node.kind !== 'selector' && node.kind !== 'subquery') return false
  return (
    typeof node.at === 'string' || node.offsetExpr !== null || (node.kind === 'subquery' && node.rangeExpr !== null)
  )
}

function mayRead(matchers: readonly Matcher[], recorded: ReadonlySet<string>, alerts: ReadonlySet<string>): boolean {
  const may = (label: string, value: string): boolean =>
    matchers.every((matcher) => matcher.name !== label || matcherTest(matcher)(value))
  for (const name of recorded) if (may('__name__', name)) return true
  if (!may('__name__', 'ALERTS') && !may('__name__', 'ALERTS_FOR_STATE')) return false
  for (const name of alerts) if (may('alertname', name)) return true
  return false
}
