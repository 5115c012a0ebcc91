// Functions over the samples of a range. Each takes the columns, the first and one-past-last index of the window, and where the window lies;
// it answers NaN-able numbers, or undefined for "no result here". Sums are compensated (Kahan, Neumaier's form), as upstream's are.

import type { Columns } from './columns.ts'
import { quantileOf } from './quantile.ts'
import { KahanSum } from './sum.ts'

export type RangeWindow = {
  readonly columns: Columns
  readonly lo: number
  readonly hi: number
  /** Evaluation time, and the bounds of the window (start exclusive), milliseconds. */
  readonly at: number
  readonly start: number
  readonly end: number
  /** Value of the function's scalar argument at this step. */
  readonly parameter: number
}
export type RangeFunction = (window: RangeWindow) => number | undefined

function extrapolated(window: RangeWindow, counter: boolean, perSecond: boolean): number | undefined {
  const { columns, lo, hi, start, end } = window
  if (hi - lo < 2) return undefined
  const { times, values } = columns
  const first = values[lo]!
  let result = values[hi - 1]! - first
  if (counter) {
    for (let index = lo + 1; index < hi; index++) if (values[index]! < values[index - 1]!) result += values[index - 1]!
  }
  const sampled = (times[hi - 1]! - times[lo]!) / 1000
  const average = sampled / (hi - lo - 1)
  let toStart = (times[lo]! - start) / 1000
  let toEnd = (end - times[hi - 1]!) / 1000
  // Beyond 1.1 average gaps the series probably begins or ends inside the window: then only half a gap is assumed.
  const threshold = average * 1.1
  if (toStart >= threshold) toStart = average / 2
  if (counter) {
    // A counter cannot have been below zero.
    const toZero = result > 0 && first >= 0 ? sampled * (first / result) : toStart
    if (toZero < toStart) toStart = toZero
  }
  if (toEnd >= threshold) toEnd = average / 2
  const factor = (sampled + toStart + toEnd) / sampled
  return (result * factor) / (perSecond ? (end - start) / 1000 : 1)
}

function instant(window: RangeWindow, perSecond: boolean): number | undefined {
  const { columns, lo, hi } = window
  if (hi - lo < 2) return undefined
  const [last, before] = [columns.values[hi - 1]!, columns.values[hi - 2]!]
  const seconds = (columns.times[hi - 1]! - columns.times[hi - 2]!) / 1000
  if (seconds === 0) return undefined
  if (!perSecond) return last - before
  return (last < before ? last : last - before) / seconds
}

/** Least squares over the window; intercept at `origin`. */
function regression(
  { columns, lo, hi }: RangeWindow,
  origin: number,
): { slope: number; intercept: number } | undefined {
  if (hi - lo < 2) return undefined
  const { times, values } = columns
  const [sumX, sumY, sumXy, sumX2] = [new KahanSum(), new KahanSum(), new KahanSum(), new KahanSum()]
  let constant = true
  for (let index = lo; index < hi; index++) {
    const x = (times[index]! - origin) / 1000
    const y = values[index]!
    if (y !== values[lo]) constant = false
    sumX.add(x)
    sumY.add(y)
    sumXy.add(x * y)
    sumX2.add(x * x)
  }
  const n = hi - lo
  if (constant) {
    return Number.isFinite(values[lo])
      ? { slope: 0, intercept: values[lo]! }
      : { slope: Number.NaN, intercept: Number.NaN }
  }
  const covariance = sumXy.value - (sumX.value * sumY.value) / n
  const variance = sumX2.value - (sumX.value * sumX.value) / n
  const slope = covariance / variance
  return { slope, intercept: sumY.value / n - (slope * sumX.value) / n }
}

function variance({ columns, lo, hi }: RangeWindow): number {
  let count = 0
  const mean = new KahanSum()
  const squares = new KahanSum()
  for (let index = lo; index < hi; index++) {
    const value = columns.values[index]!
    count++
    const delta = value - mean.value
    mean.add(delta / count)
    squares.add(delta * (value - mean.value))
  }
  return squares.value / count
}

function average({ columns, lo, hi }: RangeWindow): number {
  const sum = new KahanSum()
  for (let index = lo; index < hi; index++) sum.add(columns.values[index]!)
  const total = sum.value
  if (Number.isFinite(total) || Number.isNaN(total)) return sum.over(hi - lo)
  // The sum overflowed, which the mean need not.
  let mean = 0
  for (let index = lo; index < hi; index++) {
    const value = columns.values[index]!
    if (!Number.isFinite(value)) return total
    mean += value / (hi - lo) - 0
  }
  return mean
}

const fold =
  (better: (value: number, best: number) => boolean): RangeFunction =>
  ({ columns, lo, hi }) => {
    let best = columns.values[lo]!
    for (let index = lo + 1; index < hi; index++) {
      const value = columns.values[index]!
      if (better(value, best) || Number.isNaN(best)) best = value
    }
    return best
  }

const count =
  (counts: (before: number, after: number) => boolean): RangeFunction =>
  ({ columns, lo, hi }) => {
    let total = 0
    for (let index = lo + 1; index < hi; index++)
      if (counts(columns.values[index - 1]!, columns.values[index]!)) total++
    return total
  }

/** Called with at least one sample in the window. */
export const rangeFunctions: ReadonlyMap<string, RangeFunction> = new Map<string, RangeFunction>([
  ['rate', (window) => extrapolated(window, true, true)],
  ['increase', (window) => extrapolated(window, true, false)],
  ['delta', (window) => extrapolated(window, false, false)],
  ['irate', (window) => instant(window, true)],
  ['idelta', (window) => instant(window, false)],
  ['deriv', (window) => regression(window, window.columns.times[window.lo]!)?.slope],
  [
    'predict_linear',
    (window) => {
      const line = regression(window, window.at)
      return line === undefined ? undefined : line.slope * window.parameter + line.intercept
    },
  ],
  ['changes', count((before, after) => before !== after && !(Number.isNaN(before) && Number.isNaN(after)))],
  ['resets', count((before, after) => after < before)],
  ['avg_over_time', average],
  ['min_over_time', fold((value, best) => value < best)],
  ['max_over_time', fold((value, best) => value > best)],
  [
    'sum_over_time',
    ({ columns, lo, hi }) => {
      const sum = new KahanSum()
      for (let index = lo; index < hi; index++) sum.add(columns.values[index]!)
      return sum.value
    },
  ],
  ['count_over_time', ({ lo, hi }) => hi - lo],
  ['last_over_time', ({ columns, hi }) => columns.values[hi - 1]!],
  ['present_over_time', () => 1],
  ['stddev_over_time', (window) => Math.sqrt(variance(window))],
  ['stdvar_over_time', variance],
  ['quantile_over_time', ({ columns, lo, hi, parameter }) => quantileOf(parameter, columns.values.slice(lo, hi))],
])

/** They answer samples of the series itself, so the metric keeps its name. */
export const keepsName: ReadonlySet<string> = new Set(['last_over_time'])
