// The series that alerts leave behind, as dashboards and other rules read them: `ALERTS` and `ALERTS_FOR_STATE`.

import type { Labels } from '../series/seam.ts'
import type { ActiveAlert } from './alerting-rule.ts'
import { type LabelRecord, labelKey, toLabels } from './labels.ts'

export type OutputSeries = { readonly key: string; readonly labels: Labels; readonly value: number }

/** An alert keeps its labels and its beginning for life, so its series are worked out once for each of its states. */
const known: Readonly<Record<ActiveAlert['state'], WeakMap<LabelRecord, readonly OutputSeries[]>>> = {
  pending: new WeakMap(),
  firing: new WeakMap(),
}

export function alertSeries(alert: ActiveAlert): readonly OutputSeries[] {
  const found = known[alert.state].get(alert.labels)
  if (found !== undefined) return found
  const shown = { ...alert.labels, __name__: 'ALERTS', alertstate: alert.state }
  const since = { ...alert.labels, __name__: 'ALERTS_FOR_STATE' }
  const series = [
    { key: labelKey(shown), labels: toLabels(shown), value: 1 },
    { key: labelKey(since), labels: toLabels(since), value: Math.floor(alert.activeAt / 1000) },
  ]
  known[alert.state].set(alert.labels, series)
  return series
}
