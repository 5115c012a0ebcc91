// What the Prometheus API tells of the server itself: versions, configuration, flags, the store. Shapes are upstream's; where a thing has no
// meaning here the answer is empty, never invented.

import * as os from 'node:os'
import type { Router } from 'express'
import { formatDuration } from '../../../core/base/duration.ts'
import { InferwardError } from '../../../core/base/errors.ts'
import type { Count, StoreClient } from '../../tsdb/store-client.ts'
import { sendData } from './answer.ts'
import { badData, type Params } from './params.ts'
import { openRoutes } from './route.ts'
import { time } from './times.ts'

export type StatusApiDeps = {
  readonly store: StoreClient
  readonly version: string
  readonly startedAt: number
  readonly now: () => number
  /** The configuration in force, secrets cut. */
  readonly configText: () => string
  readonly retentionMs: number
  /** Settings that Prometheus has as flags, under its names. */
  readonly flags: Readonly<Record<string, string>>
}

const tableRows = 10
const maxTableRows = 10_000

export function statusApi(deps: StatusApiDeps): Router {
  const { router, add } = openRoutes()
  const get = (name: string, data: (params: Params) => unknown): void =>
    add(`/api/v1/${name}`, ['get'], async (params, response) => sendData(response, await data(params)))
  // Grafana takes a server with `features` for Mimir and asks it for a ruler: there are none here.
  const version = { version: deps.version, revision: '', branch: '', buildUser: '', buildDate: '', goVersion: '' }

  get('status/buildinfo', () => version)
  add('/version', ['get'], (_params, response) => void response.json(version))
  get('status/config', () => ({ yaml: deps.configText() }))
  get('status/flags', () => deps.flags)
  get('status/runtimeinfo', () => ({
    startTime: time(deps.startedAt),
    CWD: '',
    hostname: os.hostname(),
    serverTime: time(deps.now()),
    reloadConfigSuccess: true,
    lastConfigTime: time(deps.startedAt),
    corruptionCount: 0,
    goroutineCount: 0,
    GOMAXPROCS: os.availableParallelism(),
    GOMEMLIMIT: 0,
    GOGC: '',
    GODEBUG: '',
    storageRetention: formatDuration(deps.retentionMs),
  }))
  get('status/tsdb', async (params) => {
    const limit = rowsParam(params)
    const [stats, tables] = await Promise.all([deps.store.stats(), deps.store.cardinality(limit)])
    const finite = (value: number): number => (Number.isFinite(value) ? value : 0)
    const table = (counts: readonly Count[]): readonly Count[] => counts.map(({ name, value }) => ({ name, value }))
    return {
      headStats: {
        numSeries: tables.series,
        numLabelPairs: tables.labelPairs,
        chunkCount: stats.chunks ?? 0,
        minTime: finite(stats.minTime),
        maxTime: finite(stats.maxTime),
      },
      seriesCountByMetricName: table(tables.seriesByMetric),
      labelValueCountByLabelName: table(tables.valuesByLabel),
      memoryInBytesByLabelName: table(tables.bytesByLabel),
      seriesCountByLabelValuePair: table(tables.seriesByPair),
    }
  })
  get('status/tsdb/blocks', async () => {
    const { storage } = await deps.store.stats()
    return {
      blocks: (storage?.blockList ?? []).map(({ id, minTime, maxTime, samples, series, chunks, level }) => ({
        ulid: id,
        minTime,
        maxTime,
        stats: { numSamples: samples, numSeries: series, numChunks: chunks, numFloatSamples: samples },
        compaction: { level, sources: [id] },
        version: 1,
      })),
    }
  })
  // Whoever can be answered is past the replay.
  get('status/walreplay', () => ({ min: 0, max: 0, current: 0 }))
  get('notifications', () => [])
  for (const name of ['delete_series', 'clean_tombstones', 'snapshot'])
    add(`/api/v1/admin/tsdb/${name}`, ['post', 'put'], () => {
      throw new InferwardError({ code: 'prometheus.unavailable', message: 'admin APIs disabled' })
    })
  return router
}

function rowsParam(params: Params): number {
  const text = params.text('limit') ?? ''
  if (text === '') return tableRows
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1) throw badData('limit must be a positive number')
  if (Number(text) > maxTableRows) throw badData(`limit must not exceed ${maxTableRows}`)
  return Number(text)
}
