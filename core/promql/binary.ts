// Operators between vectors: matching by labels, one side many where asked, sets. A comparison filters unless it has `bool`.

import type { Labels } from '../series/seam.ts'
import { calculate, compare } from './arithmetic.ts'
import { type Binary, comparisonOperators, type Matching } from './ast.ts'
import { executionError } from './errors.ts'
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
  withoutName,
} from './vector.ts'

export function vectorScalar(node: Binary, vector: Vector, scalar: Float64Array, vectorOnLeft: boolean): Vector {
  const { op, bool } = node
  const comparison = comparisonOperators.has(op)
  const keep = comparison && !bool
  return unique(
    vector.map((series) => {
      const out = emptySeries(keep ? series.labels : withoutName(series.labels), series.values.length)
      for (let step = 0; step < out.values.length; step++) {
        if (series.present[step] !== 1) continue
        const value = series.values[step]!
        const [left, right] = vectorOnLeft ? [value, scalar[step]!] : [scalar[step]!, value]
        if (keep && !compare(op, left, right)) continue
        out.values[step] = keep ? value : calculate(op, left, right)
        out.present[step] = 1
      }
      return out
    }),
  ).filter(anyPresent)
}

/** The part of the labels by which two sides find each other. */
function signature(matching: Matching): (labels: Labels) => string {
  const names = new Set(matching.labels)
  return matching.on
    ? (labels) => keyOf(labels.filter(([name]) => names.has(name)))
    : (labels) => keyOf(labels.filter(([name]) => name !== metricName && !names.has(name)))
}

export function setOperation(node: Binary, left: Vector, right: Vector, steps: number): Vector {
  const sign = signature(node.matching!)
  const presence = (vector: Vector): Map<string, Uint8Array> => {
    const found = new Map<string, Uint8Array>()
    for (const series of vector) {
      const key = sign(series.labels)
      const all = found.get(key) ?? new Uint8Array(steps)
      for (let step = 0; step < steps; step++) all[step]! |= series.present[step]!
      found.set(key, all)
    }
    return found
  }
  const mask = (series: StepSeries, other: Uint8Array | undefined, wanted: boolean): StepSeries => ({
    ...series,
    present: series.present.map((flag, step) => (flag === 1 && (other?.[step] === 1) === wanted ? 1 : 0)),
  })
  if (node.op === 'or') {
    const taken = presence(left)
    return unique([
      ...left,
      ...right.map((series) => mask(series, taken.get(sign(series.labels)), false)).filter(anyPresent),
    ])
  }
  const others = presence(right)
  return left.map((series) => mask(series, others.get(sign(series.labels)), node.op === 'and')).filter(anyPresent)
}

export function vectorVector(node: Binary, left: Vector, right: Vector, steps: number): Vector {
  const matching = node.matching!
  const sign = signature(matching)
  const swap = matching.card === 'one-to-many'
  const [many, one] = swap ? [right, left] : [left, right]
  const oneSide = new Map<string, StepSeries[]>()
  for (const series of one) {
    const key = sign(series.labels)
    const list = oneSide.get(key)
    if (list === undefined) oneSide.set(key, [series])
    else list.push(series)
  }
  const keep = comparisonOperators.has(node.op) && !node.bool
  const results = new Map<string, StepSeries>()
  const matched = new Map<string, Uint8Array>()
  const checkedOnes = new Set<string>()
  for (const series of many) {
    const key = sign(series.labels)
    const partners = oneSide.get(key)
    if (partners === undefined) continue
    if (!checkedOnes.has(key)) {
      checkedOnes.add(key)
      demandOne(partners, many, sign, key, steps, swap ? 'left' : 'right', matching)
    }
    for (const partner of partners) {
      const labels = resultLabels(node, series.labels, partner.labels, matching)
      const resultKey = keyOf(labels)
      let out = results.get(resultKey)
      for (let step = 0; step < steps; step++) {
        if (series.present[step] !== 1 || partner.present[step] !== 1) continue
        if (matching.card === 'one-to-one') {
          const used = matched.get(key) ?? new Uint8Array(steps)
          if (used[step] === 1) {
            throw executionError(
              `found duplicate series for the match group ${showGroup(series.labels, matching)} on the left side of the operation;many-to-many matching not allowed: matching labels must be unique on one side`,
            )
          }
          used[step] = 1
          matched.set(key, used)
        }
        const [a, b] = swap
          ? [partner.values[step]!, series.values[step]!]
          : [series.values[step]!, partner.values[step]!]
        if (keep && !compare(node.op, a, b)) continue
        if (out === undefined) {
          out = emptySeries(labels, steps)
          results.set(resultKey, out)
        }
        if (out.present[step] === 1) {
          throw executionError('multiple matches for labels: grouping labels must ensure unique matches')
        }
        out.values[step] = keep ? (swap ? b : a) : calculate(node.op, a, b)
        out.present[step] = 1
      }
    }
  }
  return [...results.values()]
}

function demandOne(
  partners: readonly StepSeries[],
  many: Vector,
  sign: (labels: Labels) => string,
  key: string,
  steps: number,
  side: string,
  matching: Matching,
): void {
  if (partners.length < 2) return
  const used = new Uint8Array(steps)
  for (const other of many)
    if (sign(other.labels) === key) for (let step = 0; step < steps; step++) used[step]! |= other.present[step]!
  const seen = new Uint8Array(steps)
  for (const partner of partners) {
    for (let step = 0; step < steps; step++) {
      if (partner.present[step] !== 1 || used[step] !== 1) continue
      if (seen[step] === 1) {
        throw executionError(
          `found duplicate series for the match group ${showGroup(partner.labels, matching)} on the ${side} hand-side of the operation;many-to-many matching not allowed: matching labels must be unique on one side`,
        )
      }
      seen[step] = 1
    }
  }
}

function showGroup(labels: Labels, matching: Matching): string {
  const names = new Set(matching.labels)
  const shown = labels.filter(([name]) => name !== metricName && names.has(name) === matching.on)
  return `{${shown.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`
}

function resultLabels(node: Binary, many: Labels, one: Labels, matching: Matching): Labels {
  const dropsName = !comparisonOperators.has(node.op) || node.bool
  let labels = dropsName ? withoutName(many) : many
  if (matching.card === 'one-to-one') {
    const names = new Set(matching.labels)
    labels = labels.filter(([name]) => (matching.on ? names.has(name) : !names.has(name)))
  }
  for (const name of matching.include) labels = setLabel(labels, name, labelValue(one, name))
  return labels
}
