// What a query read, for whoever asks: the store is watched from outside, so that queries which nobody asks about pay nothing.

import type { Clock } from '../../core/base/clock.ts'
import type { QueryResult } from '../../core/promql/query.ts'
import type { Querier } from '../../core/series/seam.ts'
import type { QueryAnswer } from './store-client.ts'

export function costed(
  querier: Querier,
  wanted: boolean,
  clock: Clock,
  work: (querier: Querier) => QueryResult,
): QueryAnswer {
  if (!wanted) return work(querier)
  let samplesRead = 0
  const counted = (samples: number): number => {
    samplesRead += samples
    return samples
  }
  const watched: Querier = {
    select: (matchers) => querier.select(matchers),
    labels: (ref) => querier.labels(ref),
    // A window that was too small says how many there are; only what lies in it was read.
    window: (ref, t0, t1, out) => {
      const found = querier.window(ref, t0, t1, out)
      counted(Math.min(found, out.times.length))
      return found
    },
    latest: (ref, t0, t1, out) => counted(querier.latest(ref, t0, t1, out)),
    labelNames: (matchers) => querier.labelNames(matchers),
    labelValues: (name, matchers) => querier.labelValues(name, matchers),
    generation: querier.generation,
    minTime: querier.minTime,
    maxTime: querier.maxTime,
  }
  const since = clock.monotonic()
  const result = work(watched)
  return { ...result, cost: { evaluationMs: clock.monotonic() - since, samplesRead } }
}
