// What evaluation passes about: series over a grid of steps, in columns. A point exists where `present` is 1; staleness is thereby a flag and
// NaN stays an ordinary value. An instant query is a grid of one step.

import type { Labels } from '../series/seam.ts'
import { executionError } from './errors.ts'

export const metricName = '__name__'

export type StepSeries = {
  readonly labels: Labels
  readonly values: Float64Array
  readonly present: Uint8Array
  /** The metric name is meant to go, and goes at the end of the query. */
  readonly dropName: boolean
}

/** What becomes of the labels of a series whose value is no longer the metric's. */
export type Naming = (labels: Labels) => { readonly labels: Labels; readonly dropName: boolean }

export type Vector = readonly StepSeries[]

export function emptySeries(labels: Labels, steps: number, dropName = false): StepSeries {
  return { labels, values: new Float64Array(steps), present: new Uint8Array(steps), dropName }
}

export function labelValue(labels: Labels, name: string): string {
  for (const [key, value] of labels) if (key === name) return value
  return ''
}

export function withoutLabels(labels: Labels, names: ReadonlySet<string>): Labels {
  return labels.filter(([name]) => !names.has(name))
}

/** What says which metric it was: once the value is another, none of it holds. */
const ofMetric: ReadonlySet<string> = new Set([metricName, '__type__', '__unit__'])
export const withoutName = (labels: Labels): Labels => withoutLabels(labels, ofMetric)

export const dropAtOnce: Naming = (labels) => ({ labels: withoutName(labels), dropName: false })
export const dropAtEnd: Naming = (labels) => ({ labels, dropName: true })

/** The end of the query: names that were to go are gone. */
export function dropNames(vector: Vector): Vector {
  if (!vector.some((series) => series.dropName)) return vector
  return unique(vector.map((series) => (series.dropName ? { ...series, ...dropAtOnce(series.labels) } : series)))
}

/** Sorted, without empty values. */
export function setLabel(labels: Labels, name: string, value: string): Labels {
  const rest = labels.filter(([key]) => key !== name)
  if (value === '') return rest
  return [...rest, [name, value] as const].sort((a, b) => (a[0] < b[0] ? -1 : 1))
}

/** Identity of a label set; no two differ only in what separates the parts. */
export function keyOf(labels: Labels): string {
  let key = ''
  for (const [name, value] of labels) key += `${name}\u0000${value}\u0001`
  return key
}

export function anyPresent(series: StepSeries): boolean {
  return series.present.includes(1)
}

/** A new series for every one, point by point; labels change by `naming`. Points where `f` is not asked stay absent. */
export function mapPoints(vector: Vector, f: (value: number, step: number) => number, naming: Naming): Vector {
  return unique(
    vector.map(({ labels, values, present }) => {
      const out = new Float64Array(values.length)
      for (let step = 0; step < values.length; step++) if (present[step] === 1) out[step] = f(values[step]!, step)
      return { values: out, present, ...naming(labels) }
    }),
  )
}

export const sameLabels = 'vector cannot contain metrics with the same labelset'

/** Series whose labels became equal are one series, if no step has two of them. */
export function unique(vector: Vector): Vector {
  const byKey = new Map<string, StepSeries>()
  let merged = false
  for (const series of vector) {
    const key = keyOf(series.labels)
    const first = byKey.get(key)
    if (first === undefined) {
      byKey.set(key, series)
      continue
    }
    merged = true
    const values = first.values.slice()
    const present = first.present.slice()
    for (let step = 0; step < values.length; step++) {
      if (series.present[step] !== 1) continue
      if (present[step] === 1) throw executionError(sameLabels)
      values[step] = series.values[step]!
      present[step] = 1
    }
    byKey.set(key, { ...first, values, present })
  }
  return merged ? [...byKey.values()] : vector
}
