// Which stretch of time a query reads, so that only blocks are asked that can hold something for it. What is not known counts as everything.

import { type Node, walk } from '../../core/promql/ast.ts'
import { resolve } from '../../core/promql/durations.ts'
import { parseQuery } from '../../core/promql/parser.ts'
import { defaultLimits } from '../../core/promql/query.ts'

/** Samples of (from, to], milliseconds. */
export type Reach = { readonly from: number; readonly to: number }

const everything: Reach = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }
const { defaultStepMs } = defaultLimits

/** For evaluations in [start, end]. */
export function reachOf(
  query: string,
  range: { readonly start: number; readonly end: number; readonly stepMs: number },
  lookbackMs: number,
): Reach {
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  try {
    walk(resolve(parseQuery(query), range), (node, parents) => {
      if (node.kind !== 'selector') return
      const one = selectorReach([...parents, node], range, lookbackMs)
      from = Math.min(from, one.from)
      to = Math.max(to, one.to)
    })
  } catch {
    return everything // the evaluator says what is wrong with it
  }
  return { from, to }
}

/** Of the selector at the end of the path. */
export function selectorReach(
  path: readonly Node[],
  { start, end }: { readonly start: number; readonly end: number },
  lookbackMs: number,
): Reach {
  let [from, to] = [start, end]
  let rangeMs = 0
  for (const node of path) {
    if (node.kind === 'matrix') rangeMs = node.rangeMs
    if (node.kind !== 'subquery' && node.kind !== 'selector') continue
    const { at, offsetMs } = node
    if (typeof at === 'number') from = to = at
    else if (at !== null) [from, to] = [Math.min(from, start), Math.max(to, end)]
    from -= offsetMs
    to -= offsetMs
    // The steps of a subquery lie on a grid of their own: one of them more.
    if (node.kind === 'subquery') from -= node.rangeMs + Math.max(node.stepMs, defaultStepMs)
  }
  // Ranges with values at their bounds look beyond the range.
  return { from: from - rangeMs - lookbackMs, to: to + lookbackMs }
}
