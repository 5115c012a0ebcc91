// Functions over the samples of a range. Each takes the columns, the first and one-past-last index of the window, and where the window lies;
// it answers NaN-able numbers, or undefined for "no result here". Sums are compensated (Kahan, Neumaier's form), as upstream's are.

import type { Columns } from './columns.ts'
import { executionError } from './errors.ts'
import { quantileOf } from './quantile.ts'
import { KahanSum, meanOf } from './sum.ts'

export type RangeWindow = {
  readonly columns: Columns
  readonly lo: number
  readonly hi: number
  /** Evaluation time, and the bounds of the window (start exclusive), milliseconds. */
  readonly at: number
  readonly start: number
  readonly end: number
  /** Values of the function's scalar arguments at this step. */
  readonly parameter: number
  readonly second: number
}
export type RangeFunction = (window: RangeWindow) => number | undefined

function extrapolated(window: RangeWindow, counter: boolean, perSecond: boolean): number | undefined {
  const { columns, lo, hi, start, end } = window
  if (hi - lo < 2) return undefined
  const { times, values } = columns
  const first = values[lo]!
  let rise = values[hi - 1]! - first
  if (counter) {
    for (let index = lo + 1; index < hi; index++) if (values[index]! < values[index - 1]!) rise += values[index - 1]!
  }
  return extrapolate(rise, first, times[lo]!, times[hi - 1]!, hi - lo, start, end, counter, perSecond)
}

/** What a rise between the first and the last of `count` samples says of the whole window. */
export function extrapolate(
  rise: number,
  first: number,
  firstTime: number,
  lastTime: number,
  count: number,
  start: number,
  end: number,
  counter: boolean,
  perSecond: boolean,
): number {
  const sampled = (lastTime - firstTime) / 1000
  const average = sampled / (count - 1)
  let toStart = (firstTime - start) / 1000
  let toEnd = (end - lastTime) / 1000
  // Beyond 1.1 average gaps the series probably begins or ends inside the window: then only half a gap is assumed.
  const threshold = average * 1.1
  if (toStart >= threshold) toStart = average / 2
  if (counter) {
    // A counter cannot have been below zero.
    const toZero = rise > 0 && first >= 0 ? sampled * (first / rise) : toStart
    if (toZero < toStart) toStart = toZero
  }
  if (toEnd >= threshold) toEnd = average / 2
  // Two samples of one moment span no time: there is nothing to extrapolate by.
  const factor = sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled
  return rise * (perSecond ? factor / ((end - start) / 1000) : factor)
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
  return meanOf(columns.values, lo, hi)
}

/** Median of the distances from the median. */
function medianDeviation({ columns, lo, hi }: RangeWindow): number {
  const values = columns.values.slice(lo, hi)
  if (values.some(Number.isNaN)) return Number.NaN
  const median = quantileOf(0.5, values)
  return quantileOf(
    0.5,
    values.map((value) => Math.abs(value - median)),
  )
}

/** Time of the sample that `better` prefers, seconds. */
const timeOf =
  (better: (value: number, best: number) => boolean): RangeFunction =>
  ({ columns, lo, hi }) => {
    let best = lo
    for (let index = lo; index < hi; index++) {
      if (better(columns.values[index]!, columns.values[best]!) || Number.isNaN(columns.values[best])) best = index
    }
    return columns.times[best]! / 1000
  }

/** Holt's linear method: `parameter` smooths the value, `second` the trend. */
function doubleExponential({ columns, lo, hi, parameter, second }: RangeWindow): number | undefined {
  const inside = (factor: number): boolean => factor > 0 && factor < 1
  if (!inside(parameter))
    throw executionError(`invalid smoothing factor. Expected: 0 < sf < 1, got: ${parameter.toFixed(6)}`)
  if (!inside(second)) throw executionError(`invalid trend factor. Expected: 0 < tf < 1, got: ${second.toFixed(6)}`)
  if (hi - lo < 2) return undefined
  const { values } = columns
  let before = 0
  let level = values[lo]!
  let trend = values[lo + 1]! - values[lo]!
  for (let index = lo + 1; index < hi; index++) {
    if (index > lo + 1) trend = second * (level - before) + (1 - second) * trend
    const next = parameter * values[index]! + (1 - parameter) * (level + trend)
    before = level
    level = next
  }
  return level
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
  ['first_over_time', ({ columns, lo }) => columns.values[lo]!],
  ['last_over_time', ({ columns, hi }) => columns.values[hi - 1]!],
  ['mad_over_time', medianDeviation],
  ['double_exponential_smoothing', doubleExponential],
  ['ts_of_first_over_time', ({ columns, lo }) => columns.times[lo]! / 1000],
  ['ts_of_last_over_time', ({ columns, hi }) => columns.times[hi - 1]! / 1000],
  ['ts_of_min_over_time', timeOf((value, best) => value <= best)],
  ['ts_of_max_over_time', timeOf((value, best) => value >= best)],
  ['present_over_time', () => 1],
  ['stddev_over_time', (window) => Math.sqrt(variance(window))],
  ['stdvar_over_time', variance],
  ['quantile_over_time', ({ columns, lo, hi, parameter }) => quantileOf(parameter, columns.values.slice(lo, hi))],
])

/** They answer samples of the series itself, so the metric keeps its name. */
export const keepsName: ReadonlySet<string> = new Set(['first_over_time', 'last_over_time'])
