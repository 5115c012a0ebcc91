// Aggregations: series are put into groups by labels once, then each step is folded. topk and bottomk choose among the series themselves.

import type { Labels } from '../series/seam.ts'
import type { Aggregation } from './ast.ts'
import { executionError } from './errors.ts'
import { goNumber } from './number-text.ts'
import { quantileOf } from './quantile.ts'
import { KahanSum } from './sum.ts'
import { anyPresent, emptySeries, keyOf, metricName, type StepSeries, setLabel, type Vector } from './vector.ts'

type Group = { readonly labels: Labels; readonly members: StepSeries[] }

export function groupsOf(node: Pick<Aggregation, 'grouping' | 'without'>, vector: Vector): readonly Group[] {
  const names = new Set(node.grouping)
  const keep = node.without
    ? ([name]: readonly [string, string]) => name !== metricName && !names.has(name)
    : ([name]: readonly [string, string]) => names.has(name)
  const groups = new Map<string, Group>()
  for (const series of vector) {
    const labels = series.labels.filter(keep)
    const key = keyOf(labels)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { labels, members: [series] })
    else group.members.push(series)
  }
  return [...groups.values()]
}

type Fold = (values: Float64Array, parameter: number) => number

const extreme =
  (better: (value: number, best: number) => boolean): Fold =>
  (values) => {
    let best = values[0]!
    for (const value of values) if (better(value, best) || Number.isNaN(best)) best = value
    return best
  }

function deviation(values: Float64Array): number {
  const mean = new KahanSum()
  const squares = new KahanSum()
  let count = 0
  for (const value of values) {
    count++
    const delta = value - mean.value
    mean.add(delta / count)
    squares.add(delta * (value - mean.value))
  }
  return squares.value / count
}

function total(values: Float64Array): KahanSum {
  const sum = new KahanSum()
  for (const value of values) sum.add(value)
  return sum
}

function mean(values: Float64Array): number {
  const sum = total(values)
  if (Number.isFinite(sum.value) || Number.isNaN(sum.value) || values.some((value) => !Number.isFinite(value)))
    return sum.over(values.length)
  let incremental = 0
  for (const value of values) incremental += value / values.length
  return incremental
}

const folds: Readonly<Record<string, Fold>> = {
  sum: (values) => total(values).value,
  avg: mean,
  count: (values) => values.length,
  group: () => 1,
  min: extreme((value, best) => value < best),
  max: extreme((value, best) => value > best),
  stddev: (values) => Math.sqrt(deviation(values)),
  stdvar: deviation,
  quantile: (values, q) => quantileOf(q, values.slice()),
}

export function aggregate(
  node: Aggregation,
  vector: Vector,
  parameter: Float64Array | string | null,
  steps: number,
): Vector {
  const groups = groupsOf(node, vector)
  if (node.op === 'topk' || node.op === 'bottomk') {
    if ((parameter as Float64Array).some(Number.isNaN)) throw executionError('Parameter value is NaN')
    return groups
      .flatMap((group) => choose(group, node.op === 'topk', parameter as Float64Array, steps))
      .filter(anyPresent)
  }
  if (node.op === 'count_values') return groups.flatMap((group) => countValues(group, parameter as string, steps))
  const fold = folds[node.op]!
  return groups
    .map(({ labels, members }) => {
      const out = emptySeries(labels, steps)
      const gathered = new Float64Array(members.length)
      for (let step = 0; step < steps; step++) {
        let count = 0
        for (const member of members) if (member.present[step] === 1) gathered[count++] = member.values[step]!
        if (count === 0) continue
        out.values[step] = fold(
          gathered.subarray(0, count),
          parameter === null ? 0 : (parameter as Float64Array)[step]!,
        )
        out.present[step] = 1
      }
      return out
    })
    .filter(anyPresent)
}

function choose({ members }: Group, top: boolean, parameter: Float64Array, steps: number): StepSeries[] {
  const chosen = members.map((member) => ({ ...member, present: new Uint8Array(steps) }))
  for (let step = 0; step < steps; step++) {
    const k = Math.min(Math.trunc(parameter[step]!), members.length)
    if (k < 1) continue
    const indexes = members.flatMap((member, index) => (member.present[step] === 1 ? [index] : []))
    const value = (index: number): number => members[index]!.values[step]!
    // NaN comes last on either side, and equal values keep their order.
    indexes.sort((a, b) => {
      const [x, y] = [value(a), value(b)]
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) === Number.isNaN(y) ? 0 : Number.isNaN(x) ? 1 : -1
      return top ? y - x : x - y
    })
    const best = indexes.slice(0, k)
    for (const index of best) chosen[index]!.present[step] = 1
    // An instant answer comes in order of rank.
    if (steps === 1) return best.map((index) => chosen[index]!)
  }
  return chosen
}

function countValues({ labels, members }: Group, label: string, steps: number): StepSeries[] {
  if (!/^[^\s{}]+$/.test(label)) throw executionError(`invalid label name ${JSON.stringify(label)}`)
  const out = new Map<string, StepSeries>()
  for (const member of members) {
    for (let step = 0; step < steps; step++) {
      if (member.present[step] !== 1) continue
      const text = goNumber(member.values[step]!)
      let series = out.get(text)
      if (series === undefined) {
        series = emptySeries(setLabel(labels, label, text), steps)
        out.set(text, series)
      }
      series.values[step]!++
      series.present[step] = 1
    }
  }
  return [...out.values()]
}
