// An expression as rules know it: its text, the selectors it reads and which of them it cannot do without.

import { type Node, walk } from './ast.ts'
import { resolve } from './durations.ts'
import { type Needs, needsOf } from './needs.ts'
import { parseQuery } from './parser.ts'
import { defaultLimits, type SelectorUse, selectorsOf } from './query.ts'

export type ParsedExpression = {
  readonly text: string
  readonly selectors: readonly SelectorUse[]
  readonly needs: Needs
  /** How far back its ranges and subqueries reach, milliseconds; 0: the newest samples are enough. */
  readonly reachMs: number
}

/** Throws `promql.parse`, with line and column, and `promql.execution` for a duration that no single moment can give. */
export function parseExpression(text: string, lookbackMs = defaultLimits.lookbackMs): ParsedExpression {
  // A rule is asked at one moment: durations that are worked out from step() and range() are known by that.
  const node = resolve(parseQuery(text), { start: 0, end: 0, stepMs: 0 })
  const selectors = selectorsOf(node, lookbackMs)
  return { text, selectors, needs: needsOf(node), reachMs: reachOf(node, selectors) }
}

function reachOf(root: Node, selectors: readonly SelectorUse[]): number {
  let reachMs = 0
  let index = 0
  walk(root, (node, parents) => {
    if (node.kind !== 'selector') return
    const { fromMs } = selectors[index++]!
    if (parents.some((parent) => parent.kind === 'matrix' || parent.kind === 'subquery'))
      reachMs = Math.max(reachMs, fromMs)
  })
  return reachMs
}
