// Instant queries of the API by plans: dashboards ask the same few again and again. What has no plan, has something to tell beside its result or
// means too many series to number them between two ticks takes the ordinary road.

import type { QueryResult } from '../../core/promql/query.ts'
import { openStandingQueries } from '../../core/promql/standing/standing.ts'
import type { Querier } from '../../core/series/seam.ts'

/** A plan holds numbers for every series it reads: few plans, of bounded size. */
const maxPlans = 64
const maxRows = 40_000

export type AskedQueries = {
  /** Null: ask the full evaluator. Throws `promql.parse`. */
  answer(query: string, time: number): QueryResult | null
  /** Samples of this metric came in; left out: of any. */
  changed(metric?: string): void
}

export function askedQueries(
  head: Querier,
  limits: { readonly lookbackMs: number; readonly maxSamples: number },
): AskedQueries {
  const standing = openStandingQueries(head, { ...limits, maxPlans, maxRows })
  return {
    answer(query, time) {
      const found = standing.answer(query, time)
      return found === null || found.noted ? null : { type: 'vector', time, samples: found.samples }
    },
    changed: standing.changed,
  }
}
