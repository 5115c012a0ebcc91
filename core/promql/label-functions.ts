// Functions that read or write labels: label_replace, label_join, classic histograms, and the labels that absent() can know.

import { RE2JS } from 're2js'
import type { Labels } from '../series/seam.ts'
import type { Node } from './ast.ts'
import { executionError } from './errors.ts'
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

export function labelCall(name: string, vector: Vector, parameters: readonly string[]): Vector {
  return unique(name === 'label_join' ? labelJoin(vector, parameters) : labelReplace(vector, parameters))
}

function destination(name: string, label: string): string {
  if (label === '') throw executionError(`invalid destination label name in ${name}(): ${label}`)
  return label
}

function labelReplace(
  vector: Vector,
  [target = '', replacement = '', source = '', pattern = '']: readonly string[],
): Vector {
  destination('label_replace', target)
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(`^(?s:${pattern})$`)
  } catch {
    throw executionError(`invalid regular expression in label_replace(): ${pattern}`)
  }
  return vector.map((series) => {
    const matcher = compiled.matcher(labelValue(series.labels, source))
    if (!matcher.find()) return series
    const value = replacement.replace(
      /\$(?:\$|(\d+)|(\w+)|\{(\w+)\})/g,
      (all, digits?: string, word?: string, braced?: string) => {
        if (all === '$$') return '$'
        const group = digits ?? word ?? braced ?? ''
        try {
          return (/^\d+$/.test(group) ? matcher.group(Number(group)) : matcher.group(group)) ?? ''
        } catch {
          // An unknown group is empty, as in Go.
          return ''
        }
      },
    )
    return { ...series, labels: setLabel(series.labels, target, value) }
  })
}

function labelJoin(vector: Vector, [target = '', separator = '', ...sources]: readonly string[]): Vector {
  destination('label_join', target)
  return vector.map((series) => ({
    ...series,
    labels: setLabel(series.labels, target, sources.map((source) => labelValue(series.labels, source)).join(separator)),
  }))
}

const bucketLabels: ReadonlySet<string> = new Set([metricName, 'le'])

export function histogramCall(
  name: string,
  parameters: readonly Float64Array[],
  vector: Vector,
  steps: number,
): Vector {
  type Part = { readonly upper: number; readonly series: StepSeries }
  const groups = new Map<string, { labels: Labels; parts: Part[] }>()
  for (const series of vector) {
    const upper = boundOf(labelValue(series.labels, 'le'))
    if (upper === undefined) continue
    const labels = withoutLabels(series.labels, bucketLabels)
    const key = keyOf(labels)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { labels, parts: [{ upper, series }] })
    else group.parts.push({ upper, series })
  }
  const out: StepSeries[] = []
  for (const { labels, parts } of groups.values()) {
    const result = emptySeries(labels, steps)
    for (let step = 0; step < steps; step++) {
      const buckets: Bucket[] = []
      for (const { upper, series } of parts)
        if (series.present[step] === 1) buckets.push({ upper, count: series.values[step]! })
      if (buckets.length === 0) continue
      const [a, b] = [parameters[0]![step]!, parameters[1]?.[step] ?? 0]
      result.values[step] =
        name === 'histogram_quantile' ? histogramQuantile(a, buckets) : histogramFraction(a, b, buckets)
      result.present[step] = 1
    }
    if (anyPresent(result)) out.push(result)
  }
  return out
}

/** Undefined where `le` is no number: such a series is no bucket. */
function boundOf(text: string): number | undefined {
  if (/^\+?inf$/i.test(text)) return Number.POSITIVE_INFINITY
  if (/^-inf$/i.test(text)) return Number.NEGATIVE_INFINITY
  return text.trim() === '' || Number.isNaN(Number(text)) ? undefined : Number(text)
}

/** Labels that the selector fixes by `=`, each only once. */
export function absentLabels(node: Node): Labels {
  if (node.kind === 'paren') return absentLabels(node.inner)
  const matchers = node.kind === 'selector' ? node.matchers : node.kind === 'matrix' ? node.selector.matchers : []
  const counts = new Map<string, number>()
  for (const { name } of matchers) counts.set(name, (counts.get(name) ?? 0) + 1)
  let labels: Labels = []
  for (const { name, op, value } of matchers) {
    if (name !== metricName && op === '=' && counts.get(name) === 1) labels = setLabel(labels, name, value)
  }
  return labels
}
