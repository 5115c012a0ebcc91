// The Prometheus API's view of what there is: series, label names, label values, and what metrics mean.

import type { Router } from 'express'
import type { Clock } from '../../../core/base/clock.ts'
import { metricCatalogue } from '../../../core/sample/metric-catalogue.ts'
import type { SeriesRequest, StoreClient } from '../../tsdb/store-client.ts'
import { metric, sendData, sendRows } from './answer.ts'
import { labelNameParam, limitParam, matchParam, type Params, spanParam } from './params.ts'
import { openRoutes } from './route.ts'

export type SeriesApiDeps = { readonly clock: Clock; readonly store: StoreClient }

export function seriesApi({ clock, store }: SeriesApiDeps): Router {
  const { router, add } = openRoutes()
  const request = (params: Params, required: boolean): SeriesRequest => {
    limitParam(params)
    return { selectors: matchParam(params, required), ...spanParam(params) }
  }

  add('/api/v1/series', ['get', 'post'], async (params, response) => {
    const rows = await store.series(request(params, true))
    await sendRows(response, rows, limitParam(params), (row) => metric(rows[row]!), clock)
  })
  add('/api/v1/labels', ['get', 'post'], async (params, response) => {
    const rows = await store.labelNames(request(params, false))
    await sendRows(response, rows, limitParam(params), (row) => JSON.stringify(rows[row]), clock)
  })
  add('/api/v1/label/:name/values', ['get'], async (params, response, { params: { name } }) => {
    const rows = await store.labelValues(labelNameParam(String(name)), request(params, false))
    await sendRows(response, rows, limitParam(params), (row) => JSON.stringify(rows[row]), clock)
  })
  add('/api/v1/metadata', ['get'], (params, response) => {
    const wanted = params.text('metric') ?? ''
    const limit = limitParam(params)
    const rows = metricCatalogue.filter(({ name }) => wanted === '' || name === wanted)
    sendData(
      response,
      Object.fromEntries(
        (limit === 0 ? rows : rows.slice(0, limit)).map(({ name, type, unit, help }) => [
          name,
          [{ type, help: help.en, unit: unit === 'none' ? '' : unit }],
        ]),
      ),
    )
  })
  return router
}
