// An expression as rules know it: its text, the selectors it reads and which of them it cannot do without.

import { type Needs, needsOf } from './needs.ts'
import { parseQuery } from './parser.ts'
import { defaultLimits, type SelectorUse, selectorsOf } from './query.ts'

export type ParsedExpression = {
  readonly text: string
  readonly selectors: readonly SelectorUse[]
  readonly needs: Needs
}

/** Throws `promql.parse`, with line and column. */
export function parseExpression(text: string, lookbackMs = defaultLimits.lookbackMs): ParsedExpression {
  const node = parseQuery(text)
  return { text, selectors: selectorsOf(node, lookbackMs), needs: needsOf(node) }
}
