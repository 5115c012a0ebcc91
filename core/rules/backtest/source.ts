// What a backtest asks of the store, and what it answers: message-shaped, so that it can run on another thread than the store.

import type { MatrixSeries } from '../../promql/query.ts'
import type { LabelRecord } from '../labels.ts'

export type BacktestSource = {
  /** The expression at every step; times are milliseconds. */
  range(expr: string, start: number, end: number, stepMs: number): Promise<readonly MatrixSeries[]>
  /** The samples themselves in (from, to]; `selector` without a range. */
  raw(selector: string, from: number, to: number): Promise<readonly MatrixSeries[]>
}

/** One life of an alert that fired. */
export type Episode = {
  readonly group: string
  readonly rule: string
  readonly labels: LabelRecord
  /** Of the moment it fired. */
  readonly annotations: LabelRecord
  readonly pendingAt: number
  readonly firedAt: number
  /** Null: it still fires at the end. */
  readonly endedAt: number | null
}
export type RuleResult = {
  readonly file: string
  readonly group: string
  readonly rule: string
  readonly kind: 'alerting' | 'recording'
  readonly intervalMs: number
  readonly evaluations: number
  readonly failures: number
  /** Of the last evaluation that failed. */
  readonly lastError: string
  /** Evaluations at which the data that it needs was missing. */
  readonly blind: number
  /** Alerts that fired, and alerts that were pending only. */
  readonly fired: number
  readonly pendingOnly: number
  /** In sum over its alerts. */
  readonly firingMs: number
  /** Of a recording rule: most series at one time. */
  readonly series: number
}
export type BacktestResult = {
  readonly from: number
  readonly to: number
  readonly rules: readonly RuleResult[]
  /** In order of firing. */
  readonly episodes: readonly Episode[]
  /** Episodes that were counted and are not listed. */
  readonly unlisted: number
}
