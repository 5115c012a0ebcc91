// Rules of one file with the same name and the same labels: each writes over what the other says.

import { labelKey } from '../labels.ts'
import type { Rule, RuleGroup } from '../rule.ts'
import type { Finding } from './finding.ts'

export function duplicateLints(
  groups: readonly RuleGroup[],
): readonly (Finding & { readonly group: RuleGroup; readonly rule: Rule })[] {
  const first = new Map<string, { readonly group: RuleGroup; readonly rule: Rule }>()
  return groups.flatMap((group) =>
    group.rules.flatMap((rule) => {
      const key = `${rule.name}\u0000${labelKey(rule.labels)}`
      const known = first.get(key)
      if (known === undefined) {
        first.set(key, { group, rule })
        return []
      }
      const place = `${known.group.name}, ${known.rule.line}`
      const words = {
        en: `${rule.name} with the same labels stands in this file already (group and line: ${place}); the two get in each other's way`,
        zh: `${rule.name} 以相同标签在本文件中已出现(组与行:${place}),两者会相互干扰`,
      }
      return [
        { name: 'duplicate-rules' as const, at: rule.kind === 'alerting' ? 'alert' : 'record', words, group, rule },
      ]
    }),
  )
}
