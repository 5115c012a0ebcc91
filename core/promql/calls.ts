// Function calls: which room of the evaluator answers them. Functions of a point and of a range stand in tables; the rest is here or one step
// away.

import { greatestOf, leastOf } from './arithmetic.ts'
import { type Call, unwrap } from './ast.ts'
import type { Evaluation, Grid, Value } from './evaluation.ts'
import { histogramCall } from './histogram-functions.ts'
import { infoCall } from './info.ts'
import { absentLabels, labelCall } from './label-functions.ts'
import { pointFunctions, timeFunctions } from './point-functions.ts'
import { rangeFunctions } from './range-functions.ts'
import { rangeCall, rangePresence } from './ranges.ts'
import { select } from './select.ts'
import { sortCall } from './sort.ts'
import { anyPresent, mapPoints, type Naming, type StepSeries, unique, type Vector } from './vector.ts'

export function call(evaluation: Evaluation, node: Call, grid: Grid): Value {
  const { name } = node
  const args = node.args.map(unwrap)
  const steps = grid.times.length
  if (rangeFunctions.has(name)) return rangeCall(evaluation, node, grid)
  if (pointFunctions.has(name)) return pointCall(evaluation, { ...node, args }, grid)
  switch (name) {
    case 'time':
      return grid.times.map((time) => time / 1000)
    case 'pi':
      return new Float64Array(steps).fill(Math.PI)
    case 'min_of':
    case 'max_of': {
      const [left, right] = args.map((one) => evaluation.scalar(one, grid))
      const choose = name === 'min_of' ? leastOf : greatestOf
      return left!.map((value, step) => choose(value, right![step]!))
    }
    case 'vector':
      return [constant(evaluation.scalar(args[0]!, grid))]
    case 'scalar':
      return toScalar(evaluation.vector(args[0]!, grid), steps)
    case 'timestamp': {
      const inner = args[0]!
      if (inner.kind !== 'selector')
        return mapPoints(evaluation.vector(inner, grid), (_value, step) => grid.times[step]! / 1000, evaluation.naming)
      return unique(select(evaluation, inner, grid, 'time').map((series) => renamed(series, evaluation.naming)))
    }
    case 'sort':
    case 'sort_desc':
    case 'sort_by_label':
    case 'sort_by_label_desc':
      return sortCall(evaluation, { ...node, args }, grid)
    case 'absent':
      return absent(absentLabels(args[0]!), presence(evaluation.vector(args[0]!, grid), steps))
    case 'absent_over_time':
      return absent(absentLabels(args[0]!), rangePresence(evaluation, args[0]!, grid))
    case 'histogram_quantile':
    case 'histogram_quantiles':
    case 'histogram_fraction':
      return histogramCall(evaluation, node, grid)
    case 'label_replace':
    case 'label_join': {
      const words = args.slice(1).map((one) => evaluation.value(one, grid) as string)
      return labelCall(name, evaluation.vector(args[0]!, grid), words)
    }
    case 'info':
      return infoCall(evaluation, { ...node, args }, grid)
    default:
      // The remaining ones speak of native histograms, of which a float series has none.
      for (const argument of args) evaluation.value(argument, grid)
      return []
  }
}

function constant(values: Float64Array): StepSeries {
  return { labels: [], values, present: new Uint8Array(values.length).fill(1), dropName: false }
}

function renamed(series: StepSeries, naming: Naming): StepSeries {
  return { ...series, ...naming(series.labels) }
}

function pointCall(evaluation: Evaluation, { name, args }: Call, grid: Grid): Vector {
  const point = pointFunctions.get(name)!
  const seconds = grid.times.map((time) => Math.floor(time / 1000))
  const ofClock = args.length === 0 && timeFunctions.has(name)
  if (ofClock) return [constant(seconds.map((time) => point(time)))]
  const vector = evaluation.vector(args[0]!, grid)
  const parameters = args.slice(1).map((argument) => evaluation.scalar(argument, grid))
  const [low, high] = parameters
  if (name !== 'clamp' || low === undefined || high === undefined || !low.some((value, at) => value > high[at]!)) {
    return mapPoints(vector, (value, step) => point(value, ...parameters.map((one) => one[step]!)), evaluation.naming)
  }
  // Between bounds that have crossed, nothing remains.
  const kept = vector.map((series) => ({
    ...series,
    present: series.present.map((flag, step) => (low[step]! > high[step]! ? 0 : flag)),
  }))
  return mapPoints(kept, (value, step) => point(value, low[step]!, high[step]!), evaluation.naming).filter(anyPresent)
}

function toScalar(vector: Vector, steps: number): Float64Array {
  const out = new Float64Array(steps).fill(Number.NaN)
  const seen = new Uint8Array(steps)
  for (const { values, present } of vector) {
    for (let step = 0; step < steps; step++) {
      if (present[step] !== 1) continue
      out[step] = seen[step] === 1 ? Number.NaN : values[step]!
      seen[step] = 1
    }
  }
  return out
}

function presence(vector: Vector, steps: number): Uint8Array {
  const out = new Uint8Array(steps)
  for (const { present } of vector) for (let step = 0; step < steps; step++) out[step]! |= present[step]!
  return out
}

function absent(labels: StepSeries['labels'], present: Uint8Array): Vector {
  const missing = present.map((flag) => 1 - flag)
  if (!missing.includes(1)) return []
  return [{ labels, values: new Float64Array(present.length).fill(1), present: missing, dropName: false }]
}
