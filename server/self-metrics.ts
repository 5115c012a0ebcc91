// What the server says of itself: shown on `/metrics`, and written into its own store, so that its own rules can watch over it.

import type { Log } from '../core/base/log.ts'
import { encodeWriteRequest } from '../core/sample/remote-write.ts'
import { sample } from '../core/sample/sample.ts'
import type { Ingest } from './ingest/ingest.ts'
import { openRuleMetrics } from './rule-metrics.ts'
import type { Sessions } from './session/session.ts'
import type { Reading } from './telemetry/metrics.ts'
import type { StorageStats, StoreClient, StoreStats } from './tsdb/store-client.ts'

export type SelfMetrics = {
  /** Asks the store again; before it, numbers of the store are as old as the last call. */
  refresh(): Promise<void>
  readings(): readonly Reading[]
  /** Appends all readings to the store. */
  record(now: number): Promise<void>
}

export async function openSelfMetrics(deps: {
  readonly version: string
  readonly log: Log
  readonly store: StoreClient
  readonly ingest: Ingest
  readonly sessions: Sessions
  readonly more: () => readonly Reading[]
}): Promise<SelfMetrics> {
  const { store } = deps
  const rules = openRuleMetrics({ store, log: deps.log })
  let stats: StoreStats = await store.stats()
  const refresh = async (): Promise<void> => {
    stats = await store.stats()
  }
  const readings = (): readonly Reading[] => {
    const [ingest, sessions] = [deps.ingest.stats(), deps.sessions.stats()]
    return [
      { name: 'inferward_server_info', value: 1, labels: { version: deps.version } },
      { name: 'inferward_store_series', value: stats.series },
      { name: 'inferward_store_samples_total', value: stats.samples },
      { name: 'inferward_store_refused_total', value: stats.refused },
      ...storageReadings(stats.storage),
      { name: 'inferward_rules_evaluations_total', value: stats.rules.runs },
      { name: 'inferward_rules_failures_total', value: stats.rules.failures },
      { name: 'inferward_rules_missed_total', value: stats.rules.missed },
      { name: 'inferward_rules_evaluation_seconds_total', value: stats.rules.seconds },
      { name: 'inferward_rules_blind', value: stats.rules.blind },
      { name: 'inferward_rules_early_total', value: stats.rules.early ?? Number.NaN },
      { name: 'inferward_rules_standing_ratio', value: share(stats.rules.planned, stats.rules.unplanned) },
      { name: 'inferward_rules_selfcheck_total', value: stats.rules.checks ?? Number.NaN },
      { name: 'inferward_rules_selfcheck_differences_total', value: stats.rules.differences ?? Number.NaN },
      { name: 'inferward_ingest_frames_total', value: ingest.frames },
      { name: 'inferward_ingest_events_total', value: ingest.events },
      { name: 'inferward_ingest_malformed_total', value: ingest.malformed + sessions.malformed },
      { name: 'inferward_ingest_clamped_total', value: ingest.clamped },
      { name: 'inferward_session_open', value: sessions.open },
      ...Object.entries(sessions.refused).map(([reason, value]) => ({
        name: 'inferward_session_refused_total',
        value,
        labels: { reason },
      })),
      ...rules.readings(stats.rules.costs),
      ...deps.more(),
    ]
  }
  return {
    refresh,
    readings,
    async record(now) {
      await refresh()
      await rules.measure(stats.rules.costs, now)
      const known = readings().filter(({ value }) => !Number.isNaN(value))
      const series = known.map(({ name, value, labels }) => sample(name, { job: 'server', ...labels }, now, value))
      await store.append(new Uint8Array(encodeWriteRequest(series)).buffer)
    },
  }
}

/** NaN where samples are kept elsewhere. */
function storageReadings(storage: StorageStats | undefined): readonly Reading[] {
  const of = (value: number | undefined): number => value ?? Number.NaN
  return [
    { name: 'inferward_store_wal_bytes', value: of(storage?.walBytes) },
    { name: 'inferward_store_wal_failures_total', value: of(storage?.walFailures) },
    { name: 'inferward_store_snapshots_total', value: of(storage?.snapshots) },
    { name: 'inferward_store_snapshot_failures_total', value: of(storage?.snapshotFailures) },
    { name: 'inferward_store_recovery_seconds', value: of(storage?.recoveryMs) / 1000 },
    { name: 'inferward_store_blocks', value: of(storage?.blocks) },
    { name: 'inferward_store_block_bytes', value: of(storage?.blockBytes) },
    { name: 'inferward_store_block_failures_total', value: of(storage?.blockFailures) },
    { name: 'inferward_store_damaged_chunks_total', value: of(storage?.damagedChunks) },
    { name: 'inferward_store_damaged_parts', value: of(storage?.damage.length) },
  ]
}

/** Of the whole; NaN where there is no whole. */
function share(part = Number.NaN, rest = Number.NaN): number {
  return part / (part + rest)
}
