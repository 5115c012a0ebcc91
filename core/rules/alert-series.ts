// The series that alerts leave behind, as dashboards and other rules read them: `ALERTS` and `ALERTS_FOR_STATE`.

import type { Labels } from '../series/seam.ts'
import type { ActiveAlert } from './alerting-rule.ts'
import { labelKey, toLabels } from './labels.ts'

export type OutputSeries = { readonly key: string; readonly labels: Labels; readonly value: number }

export function alertSeries(alert: ActiveAlert): readonly OutputSeries[] {
  const shown = { ...alert.labels, __name__: 'ALERTS', alertstate: alert.state }
  const since = { ...alert.labels, __name__: 'ALERTS_FOR_STATE' }
  return [
    { key: labelKey(shown), labels: toLabels(shown), value: 1 },
    { key: labelKey(since), labels: toLabels(since), value: Math.floor(alert.activeAt / 1000) },
  ]
}
