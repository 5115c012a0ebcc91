// A store beside the store, for rules that read what rules of the same set write: the samples that they read, taken over piece by piece, and what the rules
// write. Nothing in it is older than the rules reach.

import type { Node } from '../../promql/ast.ts'
import { parseQuery } from '../../promql/parser.ts'
import { defaultLimits, instantQuery } from '../../promql/query.ts'
import { selectorText } from '../../promql/selector-text.ts'
import { openHead } from '../../series/head.ts'
import { isBlind } from '../blindness.ts'
import type { HasSeries, RuleQuery, RuleWriter } from '../query.ts'
import { resultSamples } from '../query-result.ts'
import type { Rule } from '../rule.ts'
import type { Dependence } from './dependence.ts'
import type { BacktestSource } from './source.ts'

export type Overlay = {
  readonly query: RuleQuery
  readonly has: HasSeries
  readonly write: RuleWriter
  /** Takes over what the rules read in the stretch up to `to`. */
  fill(from: number, to: number): Promise<void>
}

const maxSeries = 200_000

/** `offsetMs`: how far behind their evaluation the rules look at most. */
export function openOverlay(
  source: BacktestSource,
  rules: readonly Rule[],
  dependence: Dependence,
  offsetMs: number,
): Overlay {
  const head = openHead({ maxSeries, retentionMs: Number.POSITIVE_INFINITY })
  const selectors = new Set<string>()
  const expressions = new Map(rules.map(({ expression }) => [expression.text, expression]))
  let reachMs = 0
  for (const { expression } of rules) {
    for (const { matchers, fromMs } of expression.selectors) {
      selectors.add(selectorText(matchers))
      reachMs = Math.max(reachMs, fromMs)
    }
  }
  reachMs += offsetMs
  /** Is there any sample at all, the end of a series among them? */
  const any: HasSeries = (matchers, from, to) => {
    for (const ref of head.select(matchers)) if (head.latest(ref, from, to, cell) === 1) return true
    return false
  }
  const parsed = new Map<string, Node>()
  let filledTo: number | null = null
  const cell = { times: new Float64Array(1), values: new Float64Array(1), stale: new Uint8Array(1) }
  return {
    query(text, time) {
      // Without a sample of what it needs it has nothing to say, and much of a history may be so.
      if (isBlind(expressions.get(text)!, time, any)) return []
      const node = parsed.get(text) ?? parseQuery(text)
      parsed.set(text, node)
      return resultSamples(instantQuery(head, node, time, defaultLimits))
    },
    has: (matchers, from, to) =>
      [...head.select(matchers)].some((ref) => head.latest(ref, from, to, cell) === 1 && cell.stale[0] === 0),
    write(labels, time, value, stale) {
      const ref = head.series(labels)
      return typeof ref === 'string' ? ref : head.append(ref, time, value, stale)
    },
    async fill(from, to) {
      head.collect(from - reachMs)
      const since = filledTo ?? from - reachMs
      for (const selector of selectors) {
        for (const { labels, times, values } of await source.raw(selector, since, to)) {
          if (dependence.written(labels)) continue
          const ref = head.series(labels)
          if (typeof ref === 'string') continue
          // Several selectors may read one series: the same sample again changes nothing.
          for (let i = 0; i < times.length; i++) head.append(ref, times[i]!, values[i]!, false)
        }
      }
      filledTo = to
    },
  }
}
