// histogram_quantile, histogram_quantiles and histogram_fraction over classic buckets: series that differ in `le` alone are one histogram.

import type { Labels } from '../series/seam.ts'
import type { Call, Node } from './ast.ts'
import { unwrap } from './ast.ts'
import type { Evaluation, Grid } from './evaluation.ts'
import { openMetricsNumber } from './number-text.ts'
import { type Bucket, histogramFraction, histogramQuantile } from './quantile.ts'
import {
  anyPresent,
  emptySeries,
  keyOf,
  labelValue,
  metricName,
  type StepSeries,
  setLabel,
  unique,
  type Vector,
  withoutLabels,
} from './vector.ts'

const bucketLabel = 'le'
const bucketOnly: ReadonlySet<string> = new Set([bucketLabel])

type Histogram = {
  readonly labels: Labels
  readonly parts: { readonly upper: number; readonly series: StepSeries }[]
}

export function histogramCall(evaluation: Evaluation, node: Call, grid: Grid): Vector {
  const args = node.args.map(unwrap)
  switch (node.name) {
    case 'histogram_fraction': {
      const [lower, upper] = args.slice(0, 2).map((one) => evaluation.scalar(one, grid))
      const histograms = histogramsOf(evaluation, evaluation.vector(args[2]!, grid), args[2]!.span.start)
      return collect(evaluation, histograms, grid, [], (buckets, step) =>
        histogramFraction(lower![step]!, upper![step]!, buckets),
      )
    }
    case 'histogram_quantile':
      return quantiles(evaluation, [args[0]!], args[1]!, null, grid)
    default:
      return quantiles(evaluation, args.slice(2), args[0]!, evaluation.value(args[1]!, grid) as string, grid)
  }
}

function quantiles(
  evaluation: Evaluation,
  asked: readonly Node[],
  vector: Node,
  label: string | null,
  grid: Grid,
): Vector {
  const { notes, delayedNames } = evaluation.options
  const values = asked.map((one) => evaluation.scalar(one, grid))
  const series = evaluation.vector(vector, grid)
  values.forEach((value, index) => {
    for (const q of value) if (!(q >= 0 && q <= 1)) notes.quantile(q, asked[index]!.span.start)
  })
  const histograms = histogramsOf(evaluation, series, vector.span.start)
  const out = values.flatMap((value) => {
    // A quantile that changes over the steps has a series for each of its values.
    const wanted = label === null ? [null] : [...new Set(value)]
    return wanted.flatMap((only) =>
      collect(
        evaluation,
        histograms,
        grid,
        only === null ? [] : [[label!, openMetricsNumber(only)]],
        (buckets, step, labels) => {
          const q = value[step]!
          if (only !== null && q !== only && !(Number.isNaN(q) && Number.isNaN(only))) return undefined
          const { value: found, fallen } = histogramQuantile(q, buckets)
          const metric = delayedNames ? labelValue(labels, metricName) : ''
          if (fallen !== null) notes.notMonotonic(metric, fallen, grid.times[step]!, vector.span.start)
          return found
        },
      ),
    )
  })
  return unique(out)
}

/** Series without a readable `le` are told about and left out. */
function histogramsOf(evaluation: Evaluation, vector: Vector, start: number): readonly Histogram[] {
  const { notes, delayedNames } = evaluation.options
  const groups = new Map<string, Histogram>()
  for (const series of vector) {
    const text = labelValue(series.labels, bucketLabel)
    const upper = boundOf(text)
    if (upper === undefined) {
      notes.badBucket(delayedNames ? labelValue(series.labels, metricName) : '', text, start)
      continue
    }
    const labels = withoutLabels(series.labels, bucketOnly)
    const key = keyOf(labels)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { labels, parts: [{ upper, series }] })
    else group.parts.push({ upper, series })
  }
  return [...groups.values()]
}

function collect(
  evaluation: Evaluation,
  histograms: readonly Histogram[],
  grid: Grid,
  extra: readonly (readonly [string, string])[],
  work: (buckets: readonly Bucket[], step: number, labels: Labels) => number | undefined,
): Vector {
  const steps = grid.times.length
  const out: StepSeries[] = []
  for (const { labels, parts } of histograms) {
    evaluation.demand(out.length + 1, steps)
    const named = evaluation.naming(labels)
    const all = extra.reduce((sum, [name, value]) => setLabel(sum, name, value), named.labels)
    const result = emptySeries(all, steps, named.dropName)
    for (let step = 0; step < steps; step++) {
      const buckets: Bucket[] = []
      for (const { upper, series } of parts)
        if (series.present[step] === 1) buckets.push({ upper, count: series.values[step]! })
      if (buckets.length === 0) continue
      const value = work(buckets, step, labels)
      if (value === undefined) continue
      result.values[step] = value
      result.present[step] = 1
    }
    if (anyPresent(result)) out.push(result)
  }
  return unique(out)
}

/** Undefined where `le` is no number: such a series is no bucket. */
export function boundOf(text: string): number | undefined {
  if (/^\+?inf(?:inity)?$/i.test(text)) return Number.POSITIVE_INFINITY
  if (/^-inf(?:inity)?$/i.test(text)) return Number.NEGATIVE_INFINITY
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
}
