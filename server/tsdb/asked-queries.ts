// Instant queries of the API by plans: dashboards ask the same few again and again. What has no plan, has something to tell beside its result, gives
// very many rows or means too many series to number them between two ticks takes the ordinary road. A plan is made in turns.

import type { QueryResult } from '../../core/promql/query.ts'
import { openStandingQueries } from '../../core/promql/standing/standing.ts'
import type { Querier } from '../../core/series/seam.ts'

/** A plan holds numbers for every series it reads: few plans, of bounded size. */
const maxPlans = 64
const maxRows = 40_000
/** Rows of an answer that are put together in one go. */
const maxAnswer = 5000

export type AskedQueries = {
  /** Null: ask the full evaluator. Throws `promql.parse`. */
  answer(query: string, time: number, pause: () => Promise<void>): Promise<QueryResult | null>
  /** Samples of this metric came in; left out: of any. */
  changed(metric?: string): void
}

export function askedQueries(
  head: Querier,
  limits: { readonly lookbackMs: number; readonly maxSamples: number },
): AskedQueries {
  const standing = openStandingQueries(head, { ...limits, maxPlans, maxRows, maxAnswer })
  return {
    async answer(query, time, pause) {
      await standing.prepare(query, time, pause)
      const found = standing.answer(query, time)
      return found === null || found.noted ? null : { type: 'vector', time, samples: found.samples }
    },
    changed: standing.changed,
  }
}
