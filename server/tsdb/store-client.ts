// How everybody talks to the store: asynchronous and message-shaped (arguments and results survive a structured clone), so that the store can
// move to a thread of its own without a caller changing.

import type { QueryResult } from '../../core/promql/query.ts'
import type { RestoredAlert, RuleListener } from '../../core/rules/transition.ts'
import type { GroupView, RuleCost } from '../../core/rules/view.ts'
import type { Labels } from '../../core/sample/sample.ts'
import type { BlockMeta } from '../../core/series/block-meta.ts'
import type { AppendRefusal, Matcher } from '../../core/series/seam.ts'
import type { RulePick } from '../../core/wire/host-rules.ts'

export type AppendReport = {
  readonly samples: number
  /** `read_only`: a backend that takes nothing from us. `histogram`: native ones are kept by nobody. */
  readonly refused: Readonly<Partial<Record<AppendRefusal | 'read_only' | 'histogram', number>>>
  /** The first refusal in words. */
  readonly fault?: string
}
export type LatestSample = { readonly labels: Labels; readonly time: number; readonly value: number }
/** What lies on disk. */
export type StorageStats = {
  readonly walBytes: number
  /** Appends that could not be written and were refused. */
  readonly walFailures: number
  readonly snapshots: number
  readonly snapshotFailures: number
  /** Bodies that the last start replayed, and how long it took in all. */
  readonly replayed: number
  readonly recoveryMs: number
  readonly blocks: number
  readonly blockBytes: number
  /** Oldest first. */
  readonly blockList: readonly BlockMeta[]
  readonly blockFailures: number
  /** Chunks of blocks that were left out of answers because they failed their check. */
  readonly damagedChunks: number
  /** What was found damaged, in words; set aside where it could be. */
  readonly damage: readonly string[]
}
export type StoreStats = {
  readonly series: number
  readonly samples: number
  readonly refused: number
  readonly minTime: number
  readonly maxTime: number
  /** Packed stretches of samples in memory, where that is known. */
  readonly chunks?: number
  /** Left out: nothing is kept over a restart. */
  readonly storage?: StorageStats
  readonly rules: {
    readonly runs: number
    readonly failures: number
    readonly missed: number
    readonly seconds: number
    readonly blind: number
    /** Of every rule that was evaluated. */
    readonly costs: readonly RuleCost[]
    /** Evaluations between the times of the grid. */
    readonly early?: number
    /** Of rules by their plans, where the store has such, and by the full evaluator; checked ones were made both ways. */
    readonly planned?: number
    readonly unplanned?: number
    readonly checks?: number
    readonly differences?: number
  }
}

export type InstantRequest = {
  readonly query: string
  /** Milliseconds. */
  readonly time: number
  readonly timeoutMs: number
  /** Null: the store's own look-back. */
  readonly lookbackMs: number | null
  /** Asks for numbers about the query itself. */
  readonly stats?: boolean
}
/** `cost` only where it was asked for and is known. */
export type QueryAnswer = QueryResult & { readonly cost?: QueryCost }
export type QueryCost = {
  readonly evaluationMs: number
  /** Samples read from the store; each once, however many steps use it. */
  readonly samplesRead: number
}
export type Count = { readonly name: string; readonly value: number }
/** What the index is made of; each list holds the largest first. */
export type Cardinality = {
  readonly series: number
  readonly labelPairs: number
  readonly seriesByMetric: readonly Count[]
  readonly valuesByLabel: readonly Count[]
  /** Bytes of the label's values over all series. */
  readonly bytesByLabel: readonly Count[]
  /** Named `label=value`. */
  readonly seriesByPair: readonly Count[]
}
export type RangeRequest = Omit<InstantRequest, 'time'> & {
  readonly start: number
  readonly end: number
  readonly stepMs: number
}
/** Series that match any of the selectors and have a sample in [from, to]. */
export type SeriesRequest = {
  readonly selectors: readonly (readonly Matcher[])[]
  readonly from: number
  readonly to: number
}
export type RuleText = { readonly file: string; readonly text: string }

/** With the names of those rules. */
export type LocalPick = RulePick & { readonly names: readonly string[] }
/** Rules that agents work out for their own hosts. */
export type HostRulesClient = {
  /** The host-local ones of the rules in force. */
  picks(): Promise<readonly LocalPick[]>
  /** Host-local rules leave this host out, and forget its alerts, until it is released. Takes effect before the next evaluation. */
  hold(host: string): Promise<void>
  /** What its agent has told of the alerts of a host that is held, all of them; shown among those of the groups. */
  show(host: string, alerts: readonly RestoredAlert[]): Promise<void>
  /** Evaluates them for this host again, going on with these alerts; those that no rule owns are ended. */
  release(host: string, alerts: readonly RestoredAlert[]): Promise<void>
}

export type StoreClient = {
  /** One snappy body of remote write 1.0, or of 2.0 (`write2`). Throws `remote_write.malformed`. Not `durable`: answered before it is
   * on disk, where it outlives our crash but not the machine's, until some other append is durable. The memory of a view is the caller's again as
   * soon as the call returns, before it resolves. */
  append(body: ArrayBuffer | Uint8Array, kind?: 'write' | 'write2', durable?: boolean): Promise<AppendReport>
  /** Newest samples in (time - lookback, time] of the series that match; series that ended are left out. */
  latest(matchers: readonly Matcher[], time: number, lookbackMs: number): Promise<readonly LatestSample[]>
  /** Throws `promql.parse`, `promql.execution` or `promql.timeout`. */
  query(request: InstantRequest): Promise<QueryAnswer>
  queryRange(request: RangeRequest): Promise<QueryAnswer>
  series(request: SeriesRequest): Promise<readonly Labels[]>
  labelNames(request: SeriesRequest): Promise<readonly string[]>
  labelValues(name: string, request: SeriesRequest): Promise<readonly string[]>
  /** Reads rule files and puts them in force, all or none: throws `rules.invalid` and keeps what was in force. */
  loadRules(
    files: readonly RuleText[],
    restored: readonly RestoredAlert[],
    /** How far an earlier life evaluated, milliseconds; null: nothing is known of one. */
    resumeFrom: number | null,
  ): Promise<void>
  rules(): Promise<readonly GroupView[]>
  /** Told about every change of an alert, in order. */
  subscribe(listener: RuleListener): Disposable
  /** Left out: this store gives no rules away. */
  readonly hostRules?: HostRulesClient
  stats(): Promise<StoreStats>
  /** Lists of at most `limit` entries. */
  cardinality(limit: number): Promise<Cardinality>
}
