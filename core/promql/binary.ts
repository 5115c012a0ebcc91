// Operators between vectors, and between a vector and a scalar: matching by labels, one side many where asked, sets. A comparison filters
// unless it has `bool`.

import type { Labels } from '../series/seam.ts'
import { calculate, compare } from './arithmetic.ts'
import { type Binary, comparisonOperators, type Matching, trimOperators } from './ast.ts'
import { executionError } from './errors.ts'
import type { Evaluation } from './evaluation.ts'
import { quote } from './strings.ts'
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

export function vectorScalar(
  { naming, options }: Evaluation,
  node: Binary,
  vector: Vector,
  scalar: Float64Array,
  vectorOnLeft: boolean,
): Vector {
  const { op, bool } = node
  if (trimOperators.has(op)) {
    if (vector.length > 0) options.notes.incompatible(op, node.span.start)
    return []
  }
  const filters = comparisonOperators.has(op) && !bool
  const out = vector.map((series) => {
    const { labels, dropName } = filters ? series : naming(series.labels)
    const result = emptySeries(labels, series.values.length, dropName)
    for (let step = 0; step < result.values.length; step++) {
      if (series.present[step] !== 1) continue
      const value = series.values[step]!
      const [left, right] = vectorOnLeft ? [value, scalar[step]!] : [scalar[step]!, value]
      if (filters && !compare(op, left, right)) continue
      result.values[step] = filters ? value : calculate(op, left, right)
      result.present[step] = 1
    }
    return result
  })
  // What only filters leaves labels as they were.
  return filters ? out : unique(out)
}

/** The part of the labels by which two sides find each other. */
function matchLabels({ on, labels: given }: Matching): (labels: Labels) => Labels {
  const names = new Set(given)
  return on
    ? (labels) => labels.filter(([name]) => names.has(name))
    : (labels) => labels.filter(([name]) => name !== metricName && !names.has(name))
}

/** For each group of matching labels, the steps at which it has any series. */
function presence(vector: Vector, sign: (labels: Labels) => string, steps: number): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>()
  for (const series of vector) {
    const key = sign(series.labels)
    let all = found.get(key)
    if (all === undefined) {
      all = new Uint8Array(steps)
      found.set(key, all)
    }
    for (let step = 0; step < steps; step++) all[step]! |= series.present[step]!
  }
  return found
}

export function setOperation(node: Binary, left: Vector, right: Vector, steps: number): Vector {
  const part = matchLabels(node.matching!)
  const sign = (labels: Labels): string => keyOf(part(labels))
  const mask = (series: StepSeries, other: Uint8Array | undefined, wanted: boolean): StepSeries => ({
    ...series,
    present: series.present.map((flag, step) => (flag === 1 && (other?.[step] === 1) === wanted ? 1 : 0)),
  })
  if (node.op === 'or') {
    const taken = presence(left, sign, steps)
    const rest = right.map((series) => mask(series, taken.get(sign(series.labels)), false)).filter(anyPresent)
    return unique([...left, ...rest])
  }
  const others = presence(right, sign, steps)
  return left.map((series) => mask(series, others.get(sign(series.labels)), node.op === 'and'))
}

/** Series of one side that carry the same matching labels. */
type Side = { readonly labels: Labels; readonly series: StepSeries[] }

function bySignature(vector: Vector, part: (labels: Labels) => Labels): Map<string, Side> {
  const sides = new Map<string, Side>()
  for (const series of vector) {
    const labels = part(series.labels)
    const key = keyOf(labels)
    const side = sides.get(key)
    if (side === undefined) sides.set(key, { labels, series: [series] })
    else side.series.push(series)
  }
  return sides
}

export function vectorVector(evaluation: Evaluation, node: Binary, left: Vector, right: Vector, steps: number): Vector {
  const matching = node.matching!
  const swap = matching.card === 'one-to-many'
  const part = matchLabels(matching)
  const manySide = bySignature(swap ? right : left, part)
  const oneSide = bySignature(swap ? left : right, part)
  // As the sides lie after the swap; upstream does not swap the values with them.
  const [fillMany, fillOne] = [matching.fillLeft, matching.fillRight]
  const results = new Map<string, StepSeries>()
  const others = fillMany === null && fillOne === null ? (swap ? right : left) : null
  for (const { labels, series: ones } of oneSide.values()) demandOne(ones, labels, steps, swap, others)
  for (const key of new Set([...manySide.keys(), ...oneSide.keys()])) {
    const many = manySide.get(key)
    const one = oneSide.get(key)
    const labels = (many ?? one)!.labels
    matchGroup(evaluation, node, {
      many: many?.series ?? [],
      one: one?.series ?? [],
      fillMany: fillMany === null ? null : filled(labels, fillMany, steps),
      fillOne: fillOne === null ? null : filled(labels, fillOne, steps),
      steps,
      results,
    })
  }
  return [...results.values()]
}

function filled(labels: Labels, value: number, steps: number): StepSeries {
  return {
    labels,
    values: new Float64Array(steps).fill(value),
    present: new Uint8Array(steps).fill(1),
    dropName: false,
  }
}

type Group = {
  readonly many: readonly StepSeries[]
  readonly one: readonly StepSeries[]
  readonly fillMany: StepSeries | null
  readonly fillOne: StepSeries | null
  readonly steps: number
  /** Results of the whole operation by their labels. */
  readonly results: Map<string, StepSeries>
}

function matchGroup(evaluation: Evaluation, node: Binary, group: Group): void {
  const { op, bool } = node
  const matching = node.matching!
  const { many, one, fillMany, fillOne, steps, results } = group
  const filters = comparisonOperators.has(op) && !bool
  const swap = matching.card === 'one-to-many'
  /** Result labels that this group gave at the step under way. */
  const given = new Set<string>()
  const resultOf = resultNames(node, evaluation.options.delayedNames)
  for (let step = 0; step < steps; step++) {
    const partner = one.find((series) => series.present[step] === 1)
    given.clear()
    let matched = false
    const pair = (a: StepSeries, b: StepSeries): void => {
      const { key, labels } = resultOf(a, b)
      if (matching.card === 'one-to-one' ? matched : given.has(key)) {
        throw executionError(
          matching.card === 'one-to-one'
            ? 'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)'
            : 'multiple matches for labels: grouping labels must ensure unique matches',
        )
      }
      matched = true
      given.add(key)
      if (trimOperators.has(op)) {
        evaluation.options.notes.incompatible(op, node.span.start)
        return
      }
      const [x, y] = swap ? [b.values[step]!, a.values[step]!] : [a.values[step]!, b.values[step]!]
      if (filters && !compare(op, x, y)) return
      let out = results.get(key)
      if (out === undefined) {
        evaluation.demand(results.size + 1, steps)
        out = emptySeries(labels, steps, bool && evaluation.options.delayedNames)
        results.set(key, out)
      }
      if (out.present[step] === 1) throw executionError('vector cannot contain metrics with the same labelset')
      out.values[step] = filters ? x : calculate(op, x, y)
      out.present[step] = 1
    }
    for (const series of many) {
      if (series.present[step] !== 1) continue
      const other = partner ?? fillOne
      if (other !== null) pair(series, other)
    }
    if (!matched && fillMany !== null && partner !== undefined) pair(fillMany, partner)
  }
}

/** Labels of the result of two series with their key, worked out once for each pair. */
function resultNames(node: Binary, delayed: boolean): (many: StepSeries, one: StepSeries) => Named {
  const known = new Map<StepSeries, Map<StepSeries, Named>>()
  return (many, one) => {
    const row = known.get(many) ?? new Map<StepSeries, Named>()
    known.set(many, row)
    const found = row.get(one)
    if (found !== undefined) return found
    const labels = resultLabels(node, many.labels, one.labels, delayed)
    const named = { key: keyOf(labels), labels }
    row.set(one, named)
    return named
  }
}
type Named = { readonly key: string; readonly labels: Labels }

/** At no step may the one side have two series of the same matching labels, unless the other side has none at all then. */
function demandOne(
  ones: readonly StepSeries[],
  labels: Labels,
  steps: number,
  swap: boolean,
  others: Vector | null,
): void {
  if (ones.length < 2) return
  const seen: (StepSeries | undefined)[] = new Array(steps)
  for (const series of ones) {
    for (let step = 0; step < steps; step++) {
      if (series.present[step] !== 1) continue
      const first = seen[step]
      seen[step] ??= series
      if (first === undefined || (others !== null && !others.some((other) => other.present[step] === 1))) continue
      const both = [showLabels(first.labels), showLabels(series.labels)].sort()
      throw executionError(
        `found duplicate series for the match group ${showLabels(labels)} on the ${swap ? 'left' : 'right'} ` +
          `hand-side of the operation: [${both.join(', ')}];` +
          'many-to-many matching not allowed: matching labels must be unique on one side',
      )
    }
  }
}

/** Labels as Prometheus shows them in messages: the metric name is one of them. */
export function showLabels(labels: Labels): string {
  const parts = labels.map(
    ([name, value]) => `${/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quote(name)}=${quote(value)}`,
  )
  return `{${parts.join(', ')}}`
}

export function resultLabels({ op, bool, matching }: Binary, many: Labels, one: Labels, delayed: boolean): Labels {
  const keepsName = trimOperators.has(op) || (comparisonOperators.has(op) && (!bool || delayed))
  let labels = keepsName ? many : withoutName(many)
  const { card, on, labels: names, include } = matching!
  if (card === 'one-to-one') labels = labels.filter(([name]) => names.includes(name) === on)
  for (const name of include) labels = setLabel(labels, name, labelValue(one, name))
  return labels
}
