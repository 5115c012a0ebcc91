// What dispatch shows of itself: its groups and what was decided of them last, and where one alert goes and what keeps it quiet.

import type { Alert } from '../alert/alert.ts'
import type { LabelSet } from './matcher-text.ts'
import type { Outcome } from './pipeline.ts'

export type GroupView = {
  readonly key: string
  readonly receiver: string
  readonly labels: LabelSet
  readonly alerts: readonly Alert[]
  readonly routeLabels: LabelSet
  /** Names of the time intervals that keep it silent now. */
  readonly mutedBy: readonly string[]
  /** Milliseconds until the next flush. */
  readonly dueInMs: number
  /** What the last flush decided, by channel; null before the first. */
  readonly last: { readonly at: number; readonly decisions: readonly Decision[] } | null
}
export type Decision = { readonly channel: string; readonly reason: Outcome['reason']; readonly until: number | null }

/** Where an alert goes and what keeps it quiet, now. */
export type Look = {
  readonly receivers: readonly string[]
  readonly silencedBy: readonly string[]
  /** Fingerprints. */
  readonly inhibitedBy: readonly string[]
}
