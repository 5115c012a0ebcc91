// The Prometheus API's queries. GET and POST form alike, since Grafana sends queries as forms. Each has a place among the bounded number of
// queries at work, a deadline, and a bound on what its answer holds.

import type { Response, Router } from 'express'
import type { Clock } from '../../../core/base/clock.ts'
import { errorText, isInferwardError } from '../../../core/base/errors.ts'
import { queryTree } from '../../../core/promql/tree-json.ts'
import type { QueryAnswer, StoreClient } from '../../tsdb/store-client.ts'
import { limited, pointsOf, sendData, sendResult } from './answer.ts'
import type { Place, QueryGate } from './gate.ts'
import { badData, durationParam, limitParam, type Params, queryParam, spanParam, timeParam } from './params.ts'
import { openRoutes } from './route.ts'

const maxPoints = 11_000

export type QueryApiDeps = {
  readonly clock: Clock
  readonly store: StoreClient
  readonly gate: QueryGate
  /** Longest time a query may take; the caller's `timeout` only shortens it. */
  readonly queryTimeoutMs: number
  readonly formatQuery: (text: string) => string
}

export function queryApi(deps: QueryApiDeps): Router {
  const { clock, store, gate } = deps
  const { router, add } = openRoutes()
  const both = ['get', 'post'] as const
  const common = (params: Params) => {
    const lookbackMs = durationParam(params, 'lookback_delta') ?? 0
    return {
      query: queryParam(params),
      lookbackMs: lookbackMs > 0 ? lookbackMs : null,
      stats: wantsStats(params),
    }
  }
  /** What a request says must be read before: what is wrong with it is told at once, without a place. */
  const answer = async (
    params: Params,
    response: Response,
    ask: (timeoutMs: number) => Promise<QueryAnswer>,
  ): Promise<void> => {
    const limit = limitParam(params)
    const timeoutMs = Math.min(durationParam(params, 'timeout') ?? deps.queryTimeoutMs, deps.queryTimeoutMs)
    await gate.run(timeoutMs, response, async (place) => {
      const began = clock.monotonic()
      const result = await readable(() => ask(timeoutMs - place.queuedMs))
      place.hold(pointsOf(result))
      const stats = wantsStats(params) ? statsOf(params, result, place, clock.monotonic() - began) : undefined
      await sendResult(response, limited(result, limit), clock, stats)
    })
  }

  add('/api/v1/query', both, (params, response) => {
    const request = { ...common(params), time: timeParam(params, 'time') ?? clock.now() }
    return answer(params, response, (timeoutMs) => store.query({ ...request, timeoutMs }))
  })
  add('/api/v1/query_range', both, (params, response) => {
    const request = { ...common(params), ...gridParams(params) }
    return answer(params, response, (timeoutMs) => store.queryRange({ ...request, timeoutMs }))
  })
  add('/api/v1/query_exemplars', both, async (params, response) => {
    spanParam(params)
    const query = queryParam(params)
    await readable(async () => queryTree(query))
    // Exemplars are not kept.
    sendData(response, [])
  })
  add('/api/v1/format_query', both, async (params, response) => {
    const query = queryParam(params)
    sendData(response, await readable(async () => deps.formatQuery(query)))
  })
  add('/api/v1/parse_query', both, async (params, response) => {
    const query = queryParam(params)
    sendData(response, await readable(async () => queryTree(query)))
  })
  return router
}

function gridParams(params: Params) {
  const start = timeParam(params, 'start')
  const end = timeParam(params, 'end')
  const stepMs = durationParam(params, 'step')
  if (start === undefined) throw badData('invalid parameter "start": cannot parse "" to a valid timestamp')
  if (end === undefined) throw badData('invalid parameter "end": cannot parse "" to a valid timestamp')
  if (end < start) throw badData('invalid parameter "end": end timestamp must not be before start time')
  if (stepMs === undefined) throw badData('invalid parameter "step": cannot parse "" to a valid duration')
  if (stepMs <= 0)
    throw badData(
      'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
    )
  if ((end - start) / stepMs > maxPoints)
    throw badData(
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
    )
  return { start, end, stepMs }
}

/** A query that cannot be read, or is of the wrong kind for the endpoint, is a fault of the parameter. */
async function readable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const wrongKind =
      isInferwardError(error) &&
      error.code === 'promql.execution' &&
      error.message.startsWith('invalid expression type')
    if (!wrongKind && !(isInferwardError(error) && error.code === 'promql.parse')) throw error
    throw badData(`invalid parameter "query": ${errorText(error)}`)
  }
}

const wantsStats = (params: Params): boolean => (params.text('stats') ?? '') !== ''

/** What is known of a query; of a store that tells nothing the times alone. */
function statsOf(params: Params, result: QueryAnswer, { queuedMs }: Place, tookMs: number) {
  const evaluationMs = result.cost?.evaluationMs ?? tookMs
  const samples = result.cost?.samplesRead
  const moment = result.type === 'matrix' ? undefined : result.time / 1000
  return {
    timings: {
      evalTotalTime: evaluationMs / 1000,
      resultSortTime: 0,
      queryPreparationTime: 0,
      innerEvalTime: evaluationMs / 1000,
      execQueueTime: queuedMs / 1000,
      execTotalTime: (queuedMs + tookMs) / 1000,
    },
    samples:
      samples === undefined
        ? {}
        : {
            ...(params.text('stats') === 'all' && moment !== undefined
              ? { totalQueryableSamplesPerStep: [[moment, samples]] }
              : {}),
            totalQueryableSamples: samples,
            peakSamples: Math.max(samples, pointsOf(result)),
            samplesRead: samples,
          },
  }
}
