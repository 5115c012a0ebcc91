// Does a query's answer meet what a script expects? Null where it does, else what is wrong. Values may differ by a millionth of their sum.

import type { QueryResult } from '../../core/promql/query.ts'
import { compareLabels } from '../../core/promql/sort.ts'
import { keyOf } from '../../core/promql/vector.ts'
import type { Labels } from '../../core/series/seam.ts'
import type { Eval, Expected } from './promql-script.ts'

const smallestNormal = 2 ** -1022
const epsilon = 1e-6

export function almostEqual(a: number, b: number): boolean {
  if (Object.is(a, b) || a === b) return true
  const sum = Math.abs(a) + Math.abs(b)
  const difference = Math.abs(a - b)
  if (a === 0 || b === 0 || sum < smallestNormal) return difference < epsilon * smallestNormal
  return difference / Math.min(sum, Number.MAX_VALUE) < epsilon
}

export function compareResult(result: QueryResult, wanted: Eval): string | null {
  switch (result.type) {
    case 'string':
      return wanted.string === result.value ? null : `string ${JSON.stringify(result.value)}`
    case 'scalar':
      return compareScalar(result.value, wanted)
    case 'vector':
      return compareVector(result.samples, wanted)
    case 'matrix':
      return compareMatrix(result.series, wanted)
  }
}

export function compareScalar(value: number, wanted: Eval): string | null {
  if (wanted.scalar === null) return `a scalar (${value}) where none is expected`
  return almostEqual(value, wanted.scalar) ? null : `scalar ${value}, not ${wanted.scalar}`
}

export function compareVector(
  samples: readonly { readonly labels: Labels; readonly value: number }[],
  wanted: Eval,
): string | null {
  if (wanted.scalar !== null) return 'a vector where a scalar is expected'
  if (wanted.string !== null) return 'a vector where a string is expected'
  const expected = new Map(wanted.rows.map((row, index) => [keyOf(row.labels), { row, index }]))
  const seen = new Set<string>()
  for (const [place, { labels, value }] of samples.entries()) {
    const key = keyOf(labels)
    const found = expected.get(key)
    if (found === undefined) return `unexpected ${show(labels)} with ${value}`
    if (seen.has(key)) return `${show(labels)} comes twice`
    if (wanted.expects.has('ordered') && found.index !== place)
      return `${show(labels)} is at place ${place}, not ${found.index}`
    const sample = found.row.samples[0]
    if (sample === undefined || !almostEqual(value, sample.value))
      return `${show(labels)} is ${value}, not ${sample?.value}`
    seen.add(key)
  }
  for (const [key, { row }] of expected) if (!seen.has(key)) return `no ${show(row.labels)}`
  return null
}

function compareMatrix(series: Extract<QueryResult, { type: 'matrix' }>['series'], wanted: Eval): string | null {
  if (wanted.expects.has('ordered')) return 'an order is expected of a matrix'
  if (wanted.scalar !== null) return 'a matrix where a scalar is expected'
  const grid = wanted.rangeVector ?? ('at' in wanted.times ? null : wanted.times)
  if (grid === null) return 'a matrix where none is expected'
  const fault = sortedFault(series.map(({ labels }) => labels))
  if (fault !== null) return fault
  const expected = new Map(wanted.rows.map((row) => [keyOf(row.labels), row]))
  const seen = new Set<string>()
  for (const { labels, times, values } of series) {
    const row = expected.get(keyOf(labels))
    if (row === undefined) return `unexpected series ${show(labels)}: ${[...values.slice(0, 9)]}`
    seen.add(keyOf(labels))
    const points = row.samples.flatMap((sample, index) =>
      sample === undefined ? [] : [{ time: grid.start + index * grid.stepMs, value: sample.value }],
    )
    if (points.some(({ time }) => time > grid.end)) return `${show(labels)} is expected to have points past the end`
    if (points.length !== times.length)
      return `${show(labels)} has ${times.length} points, not ${points.length}: ${[...values.slice(0, 9)]}`
    for (const [index, { time, value }] of points.entries()) {
      if (times[index] !== time) return `${show(labels)} has a point at ${times[index]}, not ${time}`
      if (!almostEqual(values[index]!, value)) return `${show(labels)} at ${time} is ${values[index]}, not ${value}`
    }
  }
  for (const [key, { labels }] of expected) if (!seen.has(key)) return `no series ${show(labels)}`
  return null
}

export function sortedFault(labels: readonly Labels[]): string | null {
  const at = labels.findIndex((one, index) => index > 0 && compareLabels(labels[index - 1]!, one) > 0)
  return at < 0 ? null : `series are not in order: ${show(labels[at]!)} comes too late`
}

export function compareNotes(result: QueryResult, { expects }: Eval): string | null {
  const { warnings = [], infos = [] } = result
  const fault =
    notesFault('warning', warnings, expects.get('warn') ?? []) ?? notesFault('info', infos, expects.get('info') ?? [])
  if (fault !== null) return fault
  if (expects.has('no_warn') && warnings.length > 0) return `unexpected warnings: ${warnings.join('; ')}`
  if (expects.has('no_info') && infos.length > 0) return `unexpected infos: ${infos.join('; ')}`
  return null
}

function notesFault(kind: string, given: readonly string[], expected: readonly Expected[]): string | null {
  if (expected.length === 0) return null
  const missing = expected.find((one) => !given.some(one.matches))
  if (missing !== undefined) return `no ${kind} like "${missing.shown}", but [${given.join('; ')}]`
  const extra = given.find((text) => !expected.some((one) => one.matches(text)))
  return extra === undefined ? null : `unexpected ${kind}: ${extra}`
}

const show = (labels: Labels): string => `{${labels.map(([name, value]) => `${name}="${value}"`).join(', ')}}`
