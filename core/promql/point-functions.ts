// Functions of one value. Times are UTC, as everywhere in Prometheus.

import { greatestOf, leastOf } from './arithmetic.ts'

export type PointFunction = (value: number, ...parameters: readonly number[]) => number

const date =
  (read: (date: Date) => number): PointFunction =>
  (seconds) =>
    read(new Date(Math.floor(seconds) * 1000))

const dayOfYear = (at: Date): number =>
  Math.floor(
    (Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()) - Date.UTC(at.getUTCFullYear(), 0, 1)) /
      86_400_000,
  ) + 1

/** Parameters follow in the order of the query. */
export const pointFunctions: ReadonlyMap<string, PointFunction> = new Map<string, PointFunction>([
  ...(
    [
      'abs',
      'ceil',
      'exp',
      'floor',
      'log10',
      'log2',
      'sqrt',
      'acos',
      'acosh',
      'asin',
      'asinh',
      'atan',
      'atanh',
      'cos',
      'cosh',
      'sin',
      'sinh',
      'tan',
      'tanh',
    ] as const
  ).map((name) => [name, (value: number) => Math[name](value)] as const),
  ['ln', Math.log],
  ['sgn', Math.sign],
  ['deg', (value) => (value * 180) / Math.PI],
  ['rad', (value) => (value * Math.PI) / 180],
  ['clamp', (value, low = Number.NaN, high = Number.NaN) => greatestOf(low, leastOf(high, value))],
  ['clamp_max', (value, high = Number.NaN) => leastOf(high, value)],
  ['clamp_min', (value, low = Number.NaN) => greatestOf(low, value)],
  [
    'round',
    (value, nearest = 1) => {
      const inverse = 1 / nearest
      return Math.floor(value * inverse + 0.5) / inverse
    },
  ],
  ['day_of_month', date((at) => at.getUTCDate())],
  ['day_of_week', date((at) => at.getUTCDay())],
  ['day_of_year', date(dayOfYear)],
  ['days_in_month', date((at) => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate())],
  ['hour', date((at) => at.getUTCHours())],
  ['minute', date((at) => at.getUTCMinutes())],
  ['month', date((at) => at.getUTCMonth() + 1)],
  ['year', date((at) => at.getUTCFullYear())],
])

/** Without an argument they take the time of evaluation. */
export const timeFunctions: ReadonlySet<string> = new Set([
  'day_of_month',
  'day_of_week',
  'day_of_year',
  'days_in_month',
  'hour',
  'minute',
  'month',
  'year',
])
