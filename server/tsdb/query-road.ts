// Which way a query takes: a light one is answered in place, since handing it over would cost more; a heavy one is cut out in turns and worked out
// on a thread of its own, so that rules and ingest never wait for it.

import type { Clock } from '../../core/base/clock.ts'
import { isInferwardError } from '../../core/base/errors.ts'
import type { Querier, Window } from '../../core/series/seam.ts'
import { extract, type Selection, selectionsOf } from './extract.ts'
import { unpackResult } from './packed-result.ts'
import type { QueryLane } from './query-lane.ts'
import { type QueryTask, resultOf } from './query-task.ts'
import type { QueryAnswer } from './store-client.ts'
import type { Turnstile } from './turns.ts'

/** What may be worked out in place, in samples and points: a few milliseconds. */
export const lightSamples = 50_000
const cell: Window = { times: new Float64Array(1), values: new Float64Array(1), stale: new Uint8Array(1) }

export type QueryRequest = Omit<QueryTask, 'data'> & { readonly stats: boolean }

export type QueryRoad = (querier: Querier, request: QueryRequest, inPlace: () => QueryAnswer) => Promise<QueryAnswer>

export function queryRoad(lane: QueryLane, clock: Clock, turns: Turnstile): QueryRoad {
  return async (querier, request, inPlace) => {
    const pause = turns.job()
    const selections = await heavySelections(querier, request, pause)
    if (selections === null) return inPlace()
    const since = clock.monotonic()
    const until = since + request.timeoutMs
    const data = await extract(querier, selections, {
      pause,
      maxSamples: request.limits.maxSamples,
      aborted: () => clock.monotonic() > until,
    })
    const samplesRead = data.times.length
    const { stats: _stats, ...task } = request
    const left = Math.max(1, until - clock.monotonic())
    const result = await unpackResult(resultOf(await lane.run({ ...task, timeoutMs: left, data })), pause)
    return request.stats ? { ...result, cost: { evaluationMs: clock.monotonic() - since, samplesRead } } : result
  }
}

/** The selections of a heavy query; null for a light one, and for one that cannot be read: the evaluator says best why. */
export async function heavySelections(
  querier: Querier,
  request: Pick<QueryRequest, 'query' | 'range' | 'time' | 'limits'>,
  pause: () => Promise<void>,
  least = lightSamples,
): Promise<readonly Selection[] | null> {
  const range = request.range ?? { start: request.time, end: request.time, stepMs: 0 }
  const steps = range.stepMs > 0 ? Math.floor((range.end - range.start) / range.stepMs) + 1 : 1
  try {
    const selections: Selection[] = []
    let samples = 0
    for (const selection of selectionsOf(request.query, range, request.limits.lookbackMs)) {
      const { generation } = querier
      const refs = querier.select(selection.matchers)
      // One series stands for the others: those of one selection are sampled alike.
      if (refs.length > 0)
        samples += refs.length * (steps + querier.window(refs[0]!, selection.from, selection.to, cell))
      selections.push({ ...selection, found: { refs, generation } })
      await pause()
    }
    return samples > least ? selections : null
  } catch (error) {
    if (isInferwardError(error)) return null
    throw error
  }
}
