// A group gives the alerts of one host away: somebody else judges them from now on. Nothing ends by that, neither alert nor series. They come
// back as alerts do after a restart (`restore` of the group).

import type { Labels } from '../series/seam.ts'
import { hostLabel } from './host-local.ts'
import type { Rule } from './rule.ts'
import type { RuleState } from './rule-state.ts'

export function giveAway(states: readonly RuleState[], rules: ReadonlySet<Rule>, host: string): void {
  for (const state of states) {
    if (!rules.has(state.rule)) continue
    state.active = new Map([...state.active].filter(([, alert]) => alert.labels[hostLabel] !== host))
    state.written = new Map([...state.written].filter(([, labels]) => hostOf(labels) !== host))
  }
}

function hostOf(labels: Labels): string {
  for (const [name, value] of labels) if (name === hostLabel) return value
  return ''
}
