// Missing data is not a no. A rule is blind when a selector that it cannot do without reads nothing at all: then it neither fires nor
// resolves, its alerts stay as they are, and everybody can see that it is blind.

import type { Expression, HasSeries, Needs } from './query.ts'

/** What becomes of the alerts of a blind rule. `keep` is the only one so far; `fire` and `resolve` have their places here. */
export type BlindPolicy = 'keep'

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
