// The rules that the server hands over, read from their texts. Places that name no alert of the text are a fault: then the two sides do not mean the same.

import { InferwardError } from '../../core/base/errors.ts'
import { parseExpression } from '../../core/promql/expression.ts'
import type { AlertingRule, Rule, RuleGroup } from '../../core/rules/rule.ts'
import { parseRuleFile } from '../../core/rules/rule-file.ts'
import type { RulesOffer } from '../../core/wire/host-rules.ts'

/** Alerts of one rule on one host; past it the rule fails and says so. */
const maxAlerts = 2000

/** Throws `rules.invalid` or `rules.offer`. */
export function groupsOf({ files, picks }: Pick<RulesOffer, 'files' | 'picks'>): readonly RuleGroup[] {
  const groups = new Map(
    files.flatMap(({ file, text }) =>
      parseRuleFile(file, text, parseExpression).map((group) => [JSON.stringify([file, group.name]), group] as const),
    ),
  )
  return picks.map((pick) => {
    const group = groups.get(JSON.stringify([pick.file, pick.group]))
    if (group === undefined) throw fault(`group "${pick.group}" is not in ${pick.file}`)
    const rules = pick.rules.map((place): Rule => {
      const rule = group.rules[place]
      if (rule?.kind !== 'alerting')
        throw fault(`rule ${place + 1} of group "${pick.group}" in ${pick.file} is no alert`)
      return rule satisfies AlertingRule
    })
    return { ...group, rules, limit: maxAlerts }
  })
}

/** Names of the metrics that these rules read. */
export function metricsOf(groups: readonly RuleGroup[]): ReadonlySet<string> {
  const names = new Set<string>()
  for (const { rules } of groups)
    for (const { expression } of rules)
      for (const { matchers } of expression.selectors)
        for (const { name, op, value } of matchers) if (name === '__name__' && op === '=') names.add(value)
  return names
}

function fault(message: string): InferwardError {
  return new InferwardError({ code: 'rules.offer', message, hint: 'Let agents and server be of the same version.' })
}
