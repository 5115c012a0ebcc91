// The Prometheus API as a whole: its routers, and the one gate that all of its queries pass.

import type { Router } from 'express'
import type { Clock } from '../../../core/base/clock.ts'
import { formatDuration } from '../../../core/base/duration.ts'
import { formatQuery } from '../../../core/promql/format.ts'
import { defaultLimits } from '../../../core/promql/query.ts'
import type { HostView } from '../../fleet/registry.ts'
import type { DroppedTargets, TargetView } from '../../remote/scraper.ts'
import type { StoreClient } from '../../tsdb/store-client.ts'
import { federateApi } from './federate.ts'
import { openQueryGate } from './gate.ts'
import { queryApi } from './query-api.ts'
import { rulesApi } from './rules-api.ts'
import { seriesApi } from './series-api.ts'
import { statusApi } from './status-api.ts'
import { targetsApi } from './targets-api.ts'

export type PrometheusApiDeps = {
  readonly clock: Clock
  readonly store: StoreClient
  readonly version: string
  readonly startedAt: number
  /** The configuration in force, secrets cut. */
  readonly configText: () => string
  readonly hosts: () => readonly HostView[]
  /** What is scraped; left out: nothing. */
  readonly targets?: () => readonly TargetView[]
  /** Bases of the Alertmanagers that alerts are forwarded to. */
  readonly alertmanagers?: readonly string[]
  readonly dropped?: () => readonly DroppedTargets[]
  readonly externalLabels: Readonly<Record<string, string>>
  readonly limits: {
    readonly retentionMs: number
    readonly queryTimeoutMs: number
    readonly querySamples: number
    readonly queryConcurrency: number
    readonly queryQueue: number
  }
}
export type PrometheusApi = {
  readonly routers: readonly Router[]
  readings(): readonly { readonly name: string; readonly value: number }[]
}

export function prometheusApi(deps: PrometheusApiDeps): PrometheusApi {
  const { clock, store, limits, externalLabels } = deps
  const { queryTimeoutMs } = limits
  const gate = openQueryGate({
    clock,
    concurrency: limits.queryConcurrency,
    queue: limits.queryQueue,
    points: limits.querySamples,
  })
  const flags = {
    'query.lookback-delta': formatDuration(defaultLimits.lookbackMs),
    'query.max-concurrency': String(limits.queryConcurrency),
    'query.max-samples': String(limits.querySamples),
    'query.timeout': formatDuration(queryTimeoutMs),
    'storage.tsdb.retention.time': formatDuration(limits.retentionMs),
    'web.enable-admin-api': 'false',
    'web.enable-lifecycle': 'true',
    'web.enable-remote-write-receiver': 'true',
  }
  return {
    routers: [
      queryApi({ clock, store, gate, queryTimeoutMs, formatQuery }),
      seriesApi({ clock, store }),
      rulesApi({ store }),
      targetsApi({
        hosts: deps.hosts,
        targets: deps.targets ?? (() => []),
        dropped: deps.dropped ?? (() => []),
        alertmanagers: deps.alertmanagers ?? [],
      }),
      statusApi({
        store,
        version: deps.version,
        startedAt: deps.startedAt,
        now: () => clock.now(),
        configText: deps.configText,
        retentionMs: limits.retentionMs,
        flags,
      }),
      federateApi({ clock, store, gate, queryTimeoutMs, externalLabels }),
    ],
    readings: () => {
      const { running, waiting, queries, refused, late } = gate.stats()
      return [
        { name: 'inferward_query_running', value: running },
        { name: 'inferward_query_waiting', value: waiting },
        { name: 'inferward_query_total', value: queries },
        { name: 'inferward_query_refused_total', value: refused },
        { name: 'inferward_query_late_total', value: late },
      ]
    },
  }
}
