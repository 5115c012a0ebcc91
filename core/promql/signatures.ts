// What each function takes and gives. The table is the whole truth for the type check; what works a function out stands elsewhere, and a
// test compares the two.

import type { ValueType } from './ast.ts'

export type Signature = {
  readonly args: readonly ValueType[]
  /** How many arguments there may be at least and at most; further ones are of the last type. */
  readonly least: number
  readonly most: number
  readonly returns: ValueType
  /** 0: none; n: the last argument may be left out, or repeat up to n times; -1: without end. */
  readonly variadic: number
}

const table: Record<string, Signature> = {}
const add = (names: string, args: readonly ValueType[], returns: ValueType, variadic = 0): void => {
  const least = variadic === 0 ? args.length : args.length - 1
  const most = variadic < 0 ? Number.POSITIVE_INFINITY : least + variadic
  for (const name of names.split(' ')) {
    table[name] = { args, least, most: variadic === 0 ? args.length : most, returns, variadic }
  }
}

add('abs ceil exp floor ln log10 log2 sgn sqrt deg rad', ['vector'], 'vector')
add('acos acosh asin asinh atan atanh cos cosh sin sinh tan tanh', ['vector'], 'vector')
add('absent sort sort_desc timestamp', ['vector'], 'vector')
add('histogram_avg histogram_count histogram_sum histogram_stddev histogram_stdvar', ['vector'], 'vector')
add('day_of_month day_of_week day_of_year days_in_month hour minute month year', ['vector'], 'vector', 1)
add('clamp', ['vector', 'scalar', 'scalar'], 'vector')
add('clamp_max clamp_min', ['vector', 'scalar'], 'vector')
add('round', ['vector', 'scalar'], 'vector', 1)
add('scalar', ['vector'], 'scalar')
add('vector', ['scalar'], 'vector')
add('time pi', [], 'scalar')
add('histogram_quantile', ['scalar', 'vector'], 'vector')
add('histogram_fraction', ['scalar', 'scalar', 'vector'], 'vector')
add('label_replace', ['vector', 'string', 'string', 'string', 'string'], 'vector')
add('label_join', ['vector', 'string', 'string', 'string'], 'vector', -1)
add('rate increase delta irate idelta deriv changes resets', ['matrix'], 'vector')
add('avg_over_time min_over_time max_over_time sum_over_time count_over_time', ['matrix'], 'vector')
add('first_over_time last_over_time present_over_time absent_over_time', ['matrix'], 'vector')
add('stddev_over_time stdvar_over_time', ['matrix'], 'vector')
add('quantile_over_time', ['scalar', 'matrix'], 'vector')
add('predict_linear', ['matrix', 'scalar'], 'vector')

const stable = new Set(Object.keys(table))
add('mad_over_time', ['matrix'], 'vector')
add('ts_of_min_over_time ts_of_max_over_time ts_of_first_over_time ts_of_last_over_time', ['matrix'], 'vector')
add('double_exponential_smoothing', ['matrix', 'scalar', 'scalar'], 'vector')
add('sort_by_label sort_by_label_desc', ['vector', 'string'], 'vector', -1)
add('histogram_quantiles', ['vector', 'string', 'scalar', 'scalar'], 'vector', 9)
add('info', ['vector', 'vector'], 'vector', 1)
add('min_of max_of', ['scalar', 'scalar'], 'scalar')
add('start end step range', [], 'scalar')

export const signatures: ReadonlyMap<string, Signature> = new Map(Object.entries(table))

/** Aggregations; the value says what parameter they need. */
export const aggregations: ReadonlyMap<string, 'none' | 'scalar' | 'string'> = new Map([
  ...['sum', 'avg', 'count', 'min', 'max', 'group', 'stddev', 'stdvar'].map((op) => [op, 'none'] as const),
  ...['topk', 'bottomk', 'quantile', 'limitk', 'limit_ratio'].map((op) => [op, 'scalar'] as const),
  ['count_values', 'string'] as const,
])

/** Functions and aggregations that must be switched on. */
export const experimental: ReadonlySet<string> = new Set([
  ...[...signatures.keys()].filter((name) => !stable.has(name)),
  'limitk',
  'limit_ratio',
])
