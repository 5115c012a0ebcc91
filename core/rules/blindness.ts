// Missing data is not a no. A rule is blind when a selector that it cannot do without reads nothing at all: everybody can see that it is blind, and
// what becomes of its alerts meanwhile is said by the rule.

import type { Expression, HasSeries, Needs } from './query.ts'

/** What becomes of the alerts of a blind rule: they stay as they are; missing data counts as the condition; or it ends them, as upstream. */
export const blindPolicies = ['keep', 'fire', 'resolve'] as const
export type BlindPolicy = (typeof blindPolicies)[number]

/** `time` is the moment the expression is worked out for, query offset taken off. */
export function isBlind(expression: Expression, time: number, has: HasSeries): boolean {
  const { selectors } = expression
  const sees = (index: number): boolean => {
    const selector = selectors[index]
    return selector === undefined || has(selector.matchers, time - selector.fromMs, time - selector.toMs)
  }
  const holds = (needs: Needs): boolean => {
    if (needs.kind === 'selector') return sees(needs.selector)
    return needs.kind === 'all' ? needs.of.every(holds) : needs.of.some(holds)
  }
  if (expression.needs !== undefined) return !holds(expression.needs)
  return !selectors.every((selector, index) => selector.absent || sees(index))
}
