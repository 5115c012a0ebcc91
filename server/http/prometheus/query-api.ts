// The reading half of the Prometheus API: queries, series, labels, metadata. GET and POST form alike, since Grafana sends queries as forms.

import express, { type Request, type Response, type Router } from 'express'
import { metricCatalogue } from '../../../core/sample/metric-catalogue.ts'
import type { SeriesRequest, StoreClient } from '../../tsdb/store-client.ts'
import { labelObject, sendData, sendFault, sendResult } from './answer.ts'
import {
  badData,
  durationParam,
  limitParam,
  matchParam,
  type Params,
  paramsOf,
  queryParam,
  timeParam,
} from './params.ts'

const maxPoints = 11_000
const formBytes = 1 << 20

export type QueryApiDeps = {
  readonly now: () => number
  readonly store: StoreClient
  /** Longest time a query may take; the caller's `timeout` only shortens it. */
  readonly queryTimeoutMs: number
  readonly formatQuery: (text: string) => string
}

type Handler = (params: Params, response: Response, request: Request) => Promise<void> | void

export function queryApi(deps: QueryApiDeps): Router {
  const api = express.Router()
  const form = express.urlencoded({ extended: false, limit: formBytes })
  const handle = (handler: Handler) => async (request: Request, response: Response) => {
    try {
      await handler(paramsOf(request), response, request)
    } catch (error) {
      if (response.headersSent) response.destroy()
      else sendFault(response, error)
    }
  }
  const both = (path: string, handler: Handler): void => {
    api.get(`/api/v1/${path}`, handle(handler))
    api.post(`/api/v1/${path}`, form, handle(handler))
  }
  const common = (params: Params) => ({
    query: queryParam(params),
    timeoutMs: Math.min(durationParam(params, 'timeout') ?? deps.queryTimeoutMs, deps.queryTimeoutMs),
    lookbackMs: durationParam(params, 'lookback_delta') ?? null,
  })
  const seriesRequest = (params: Params, required: boolean): SeriesRequest => {
    const from = timeParam(params, 'start') ?? Number.NEGATIVE_INFINITY
    const to = timeParam(params, 'end') ?? Number.POSITIVE_INFINITY
    if (to < from) throw badData('invalid parameter "end": end timestamp must not be before start time')
    return { selectors: matchParam(params, required), from, to }
  }
  const cut = <T>(rows: readonly T[], params: Params): readonly T[] => {
    const limit = limitParam(params)
    return limit === 0 ? rows : rows.slice(0, limit)
  }

  both('query', async (params, response) => {
    const time = timeParam(params, 'time') ?? deps.now()
    await sendResult(response, await deps.store.query({ ...common(params), time }))
  })
  both('query_range', async (params, response) => {
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
    await sendResult(response, await deps.store.queryRange({ ...common(params), start, end, stepMs }))
  })
  both('series', async (params, response) => {
    const rows = await deps.store.series(seriesRequest(params, true))
    sendData(response, cut(rows, params).map(labelObject))
  })
  both('labels', async (params, response) => {
    sendData(response, cut(await deps.store.labelNames(seriesRequest(params, false)), params))
  })
  api.get(
    '/api/v1/label/:name/values',
    handle(async (params, response, request) => {
      const name = labelName(String(request.params.name))
      sendData(response, cut(await deps.store.labelValues(name, seriesRequest(params, false)), params))
    }),
  )
  api.get(
    '/api/v1/metadata',
    handle((params, response) => {
      const wanted = params.text('metric')
      const rows = metricCatalogue.filter((one) => wanted === undefined || wanted === '' || one.name === wanted)
      sendData(
        response,
        Object.fromEntries(
          cut(rows, params).map(({ name, type, unit, help }) => [
            name,
            [{ type, help: help.en, unit: unit === 'none' ? '' : unit }],
          ]),
        ),
      )
    }),
  )
  both('query_exemplars', (params, response) => {
    queryParam(params)
    sendData(response, [])
  })
  both('format_query', (params, response) => sendData(response, deps.formatQuery(queryParam(params))))
  return api
}

/** Names outside the classic set come in Prometheus' escaped form, `U__` and `_hex_` for each foreign character. */
function labelName(text: string): string {
  if (!text.startsWith('U__')) {
    if (text === '' || text.includes('\ufffd'))
      throw badData(`invalid label name: ${JSON.stringify(text.slice(0, 100))}`)
    return text
  }
  return text.slice(3).replace(/__|_([0-9a-fA-F]{1,6})_/g, (all, hex?: string) => {
    if (all === '__') return '_'
    const code = Number.parseInt(hex!, 16)
    if (code > 0x10ffff) throw badData(`invalid label name: ${JSON.stringify(text.slice(0, 100))}`)
    return String.fromCodePoint(code)
  })
}
