// One step of a recording rule: the expression's samples under the rule's name and labels.

import { InferwardError } from '../base/errors.ts'
import type { Labels } from '../series/seam.ts'
import { labelKey, toLabels, toRecord } from './labels.ts'
import type { VectorSample } from './query.ts'
import type { RecordingRule } from './rule.ts'

/** By `labelKey`. Throws `rules.duplicate_labels` when two samples become one series. */
export function recorded(
  rule: RecordingRule,
  samples: readonly VectorSample[],
): ReadonlyMap<string, { readonly labels: Labels; readonly value: number }> {
  const out = new Map<string, { labels: Labels; value: number }>()
  for (const sample of samples) {
    const record = toRecord(sample.labels)
    for (const name in rule.labels) record[name] = rule.labels[name]!
    record.__name__ = rule.name
    const key = labelKey(record)
    if (out.has(key)) {
      throw new InferwardError({
        code: 'rules.duplicate_labels',
        message: 'vector contains metrics with the same labelset after applying rule labels',
        hint: 'Keep a label in the expression that tells the series apart.',
      })
    }
    out.set(key, { labels: toLabels(record), value: sample.value })
  }
  return out
}
