// Aggregations that fold: series are put into groups by labels once, then each step of a group becomes one value. count_values makes groups
// by the values as well.

import { type Aggregation, unwrap } from './ast.ts'
import { choose, choosers } from './choose.ts'
import { executionError } from './errors.ts'
import type { Evaluation } from './evaluation.ts'
import { groupsOf, keeper } from './groups.ts'
import { goNumber } from './number-text.ts'
import { quantileOf } from './quantile.ts'
import { quote } from './strings.ts'
import { KahanSum, meanOf } from './sum.ts'
import { anyPresent, emptySeries, keyOf, type StepSeries, setLabel, type Vector } from './vector.ts'

type Fold = (values: Float64Array, parameter: number) => number

const extreme =
  (better: (value: number, best: number) => boolean): Fold =>
  (values) => {
    let best = values[0]!
    for (const value of values) if (better(value, best) || Number.isNaN(best)) best = value
    return best
  }

/** Welford's running variance. */
function deviation(values: Float64Array): number {
  let mean = 0
  let squares = 0
  let count = 0
  for (const value of values) {
    count++
    const delta = value - mean
    mean += delta / count
    squares += delta * (value - mean)
  }
  return squares / count
}

function total(values: Float64Array): KahanSum {
  const sum = new KahanSum()
  for (const value of values) sum.add(value)
  return sum
}

const folds: Readonly<Record<string, Fold>> = {
  sum: (values) => total(values).value,
  avg: (values) => meanOf(values, 0, values.length),
  count: (values) => values.length,
  group: () => 1,
  min: extreme((value, best) => value < best),
  max: extreme((value, best) => value > best),
  stddev: (values) => Math.sqrt(deviation(values)),
  stdvar: deviation,
  quantile: (values, q) => quantileOf(q, values.slice()),
}

export function aggregate(
  evaluation: Evaluation,
  node: Aggregation,
  vector: Vector,
  parameter: Float64Array | string | null,
  steps: number,
): Vector {
  if (node.op === 'count_values') return countValues(evaluation, node, vector, parameter as string, steps)
  if (choosers.has(node.op)) return choose(evaluation, node, vector, parameter as Float64Array, steps)
  if (node.op === 'quantile') warnOfQuantile(evaluation, node, parameter as Float64Array)
  const groups = groupsOf(node, vector)
  evaluation.demand(groups.length, steps)
  const fold = folds[node.op]!
  return groups
    .map(({ labels, members }) => {
      const out = emptySeries(
        labels,
        steps,
        members.some((one) => one.dropName),
      )
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

function warnOfQuantile({ options }: Evaluation, node: Aggregation, values: Float64Array): void {
  const start = unwrap(node.parameter!).span.start
  if (values.some(Number.isNaN)) options.notes.quantile(Number.NaN, start)
  const [least, most] = boundsOf(values)
  if (most > 1) options.notes.quantile(most, start)
  if (least < 0) options.notes.quantile(least, start)
}

/** Least and greatest; a loop, since a spread of many arguments would overflow the stack. */
function boundsOf(values: Float64Array): readonly [least: number, most: number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    if (value < least) least = value
    if (value > most) most = value
  }
  return [least, most]
}

/** One series per group and value: the value becomes a label before groups are formed. */
function countValues(evaluation: Evaluation, node: Aggregation, vector: Vector, label: string, steps: number): Vector {
  if (label === '') throw executionError(`invalid label name ${quote(label)}`)
  const keep = keeper({ ...node, grouping: node.without ? node.grouping : [...node.grouping, label] })
  const out = new Map<string, StepSeries>()
  for (const member of vector) {
    for (let step = 0; step < steps; step++) {
      if (member.present[step] !== 1) continue
      const labels = setLabel(member.labels, label, goNumber(member.values[step]!)).filter(keep)
      const key = keyOf(labels)
      let series = out.get(key)
      if (series === undefined) {
        evaluation.demand(out.size + 1, steps)
        series = emptySeries(labels, steps)
        out.set(key, series)
      }
      series.values[step]!++
      series.present[step] = 1
    }
  }
  return [...out.values()]
}
