// Which selectors a query cannot do without, as a formula.

import { describe, expect, it } from 'vitest'
import { parseExpression } from '../../../core/promql/expression.ts'
import { type Needs, needsOf } from '../../../core/promql/needs.ts'
import { parseQuery } from '../../../core/promql/parser.ts'
import { isBlind } from '../../../core/rules/blindness.ts'

/** The formula in words, each selector by its place in the text. */
const words = (needs: Needs): string => {
  if (needs.kind === 'selector') return `${needs.selector}`
  return needs.of.length === 0 ? '-' : `(${needs.of.map(words).join(needs.kind === 'all' ? ' & ' : ' | ')})`
}
const of = (text: string): string => words(needsOf(parseQuery(text, { experimental: true })))

describe('the needs of a query', () => {
  it.each([
    ['1', '-'],
    ['vector(1)', '-'],
    ['hour() > 5', '-'],
    ['a', '0'],
    ['-(a)', '0'],
    ['rate(a[5m])', '0'],
    ['avg_over_time(rate(a[5m])[1h:1m])', '0'],
    ['a + b * c', '(0 & 1 & 2)'],
    ['a > scalar(b)', '(0 & 1)'],
    ['a or b or c', '(0 | 1 | 2)'],
    ['a or vector(0)', '-'],
    ['(a or b) / c', '((0 | 1) & 2)'],
    ['a and b', '(0 & 1)'],
    ['a unless b', '0'],
    ['topk(scalar(a), b)', '(0 & 1)'],
    ['histogram_quantile(0.9, sum by (le) (rate(a[5m])))', '0'],
    ['absent(a)', '-'],
    ['absent_over_time(a[5m]) and b', '1'],
    ['label_replace(a, "x", "$1", "y", "(.*)")', '0'],
    ['a @ 1000 + b', '1'],
    ['max_over_time(a[1h:1m] @ 1000)', '-'],
    ['a @ end()', '0'],
    ['info(a)', '0'],
    ['a + fill_right(0) b', '0'],
    ['a + fill_left(0) b', '1'],
    ['a + fill(0) b', '(0 | 1)'],
  ])('%s: %s', (text, formula) => {
    expect(of(text)).toBe(formula)
  })

  it('are looked for in the stretch that each selector reads', () => {
    const asked: string[] = []
    const expression = parseExpression('rate(a[10m]) / (b offset 1h)')
    const blind = isBlind(expression, 10_000_000, (matchers, from, to) => {
      asked.push(`${matchers[0]!.value} ${(from - 10_000_000) / 60_000} ${(to - 10_000_000) / 60_000}`)
      return true
    })
    expect(asked).toEqual(['a -10 0', 'b -65 -60'])
    expect(blind).toBe(false)
  })

  it('are all selectors outside absent() where nobody worked them out', () => {
    const { needs: _needs, ...plain } = parseExpression('a or absent(b)')
    const seeing = (name: string) => isBlind(plain, 0, (matchers) => matchers[0]!.value === name)
    expect([seeing('a'), seeing('b')]).toEqual([false, true])
  })
})
