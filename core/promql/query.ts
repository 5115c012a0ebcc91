// The language as its callers see it: text and times in, columns out. Instant and range queries share everything but the grid.

import type { Labels, Matcher, Querier } from '../series/seam.ts'
import { Annotations } from './annotations.ts'
import { type MatrixSelector, type Node, type Subquery, unwrap, walk } from './ast.ts'
import { typeNames, typeOf } from './check.ts'
import { resolve } from './durations.ts'
import { executionError } from './errors.ts'
import { Evaluator } from './evaluate.ts'
import { gridOf, type Value } from './evaluation.ts'
import { type ParseOptions, parseQuery } from './parser.ts'
import { rawRange } from './ranges.ts'
import { compareLabels } from './sort.ts'
import { dropAtOnce, dropNames, sameLabels, type Vector } from './vector.ts'

export type QueryOptions = ParseOptions & {
  /** Metric names that an operation takes away stay visible to what is around it, and go at the end of the query. */
  readonly delayedNames: boolean
}
export type QueryLimits = {
  readonly lookbackMs: number
  readonly defaultStepMs: number
  /** Samples one query may touch, and points of any one vector in it. */
  readonly maxSamples: number
  /** What upstream keeps behind feature flags; off where left out. */
  readonly options?: QueryOptions
}
export const defaultLimits: QueryLimits = { lookbackMs: 300_000, defaultStepMs: 60_000, maxSamples: 50_000_000 }
const defaultOptions: QueryOptions = { experimental: false, delayedNames: false }

/** Told beside a result, as Prometheus words it; left out where there is nothing to tell. */
type Notes = { readonly warnings?: readonly string[]; readonly infos?: readonly string[] }

/** Message-shaped: survives a structured clone. Times are milliseconds. */
export type QueryResult = Notes &
  (
    | { readonly type: 'scalar'; readonly time: number; readonly value: number }
    | { readonly type: 'string'; readonly time: number; readonly value: string }
    | {
        readonly type: 'vector'
        readonly time: number
        readonly samples: readonly { readonly labels: Labels; readonly value: number }[]
      }
    | { readonly type: 'matrix'; readonly series: readonly MatrixSeries[] }
  )
export type MatrixSeries = { readonly labels: Labels; readonly times: Float64Array; readonly values: Float64Array }

const never = (): boolean => false

type Prepared = {
  readonly node: Node
  readonly evaluator: Evaluator
  /** What was noted so far, as fields of a result. */
  readonly notes: () => Notes
}

function prepare(
  querier: Querier,
  query: string | Node,
  range: { readonly start: number; readonly end: number; readonly stepMs: number },
  { options = defaultOptions, lookbackMs, defaultStepMs, maxSamples }: QueryLimits,
  aborted: () => boolean,
): Prepared {
  const parsed = typeof query === 'string' ? parseQuery(query, options) : query
  const annotations = new Annotations()
  const { start, end } = range
  const { delayedNames } = options
  return {
    node: resolve(parsed, range),
    evaluator: new Evaluator({
      querier,
      lookbackMs,
      defaultStepMs,
      maxSamples,
      aborted,
      start,
      end,
      delayedNames,
      notes: annotations,
    }),
    notes: () => {
      const { warnings, infos } = annotations.texts(typeof query === 'string' ? query : null)
      return { ...(warnings.length > 0 ? { warnings } : {}), ...(infos.length > 0 ? { infos } : {}) }
    },
  }
}

export function instantQuery(
  querier: Querier,
  query: string | Node,
  time: number,
  limits: QueryLimits = defaultLimits,
  aborted: () => boolean = never,
): QueryResult {
  const range = { start: time, end: time, stepMs: 0 }
  const { node, evaluator, notes } = prepare(querier, query, range, limits, aborted)
  if (typeOf(node) === 'matrix') {
    const series = rangeSamples(evaluator, unwrap(node) as MatrixSelector | Subquery, time)
    return { type: 'matrix', series, ...notes() }
  }
  const value: Value = evaluator.value(node, gridOf(time, time, 0))
  if (typeof value === 'string') return { type: 'string', time, value, ...notes() }
  if (value instanceof Float64Array) return { type: 'scalar', time, value: value[0]!, ...notes() }
  const samples = dropNames(value).flatMap((series) =>
    series.present[0] === 1 ? [{ labels: series.labels, value: series.values[0]! }] : [],
  )
  return { type: 'vector', time, samples, ...notes() }
}

export function rangeQuery(
  querier: Querier,
  query: string | Node,
  range: { readonly start: number; readonly end: number; readonly stepMs: number },
  limits: QueryLimits = defaultLimits,
  aborted: () => boolean = never,
): QueryResult {
  const { node, evaluator, notes } = prepare(querier, query, range, limits, aborted)
  const type = typeOf(node)
  if (type !== 'scalar' && type !== 'vector') {
    throw executionError(
      `invalid expression type "${typeNames[type]}" for range query, must be Scalar or instant Vector`,
    )
  }
  const grid = gridOf(range.start, range.end, range.stepMs, limits.maxSamples)
  const value = evaluator.value(node, grid)
  const vector: Vector =
    value instanceof Float64Array
      ? [{ labels: [], values: value, present: new Uint8Array(value.length).fill(1), dropName: false }]
      : dropNames(value as Vector)
  const series = vector.flatMap((one) => {
    const kept: number[] = []
    for (let step = 0; step < grid.times.length; step++) if (one.present[step] === 1) kept.push(step)
    if (kept.length === 0) return []
    return [
      {
        labels: one.labels,
        times: Float64Array.from(kept, (step) => grid.times[step]!),
        values: Float64Array.from(kept, (step) => one.values[step]!),
      },
    ]
  })
  return { type: 'matrix', series: series.sort((a, b) => compareLabels(a.labels, b.labels)), ...notes() }
}

/** `up[5m]` as an instant query: the samples themselves. */
function rangeSamples(evaluator: Evaluator, node: MatrixSelector | Subquery, time: number): readonly MatrixSeries[] {
  const series = rawRange(evaluator, node, time).map(({ labels, dropName, columns: { times, values } }) => ({
    labels: dropName ? dropAtOnce(labels).labels : labels,
    times,
    values,
  }))
  series.sort((a, b) => compareLabels(a.labels, b.labels))
  for (const [index, one] of series.entries()) {
    if (index > 0 && compareLabels(series[index - 1]!.labels, one.labels) === 0) throw executionError(sameLabels)
  }
  return series
}

export type SelectorUse = {
  readonly matchers: readonly Matcher[]
  /** True inside absent() and absent_over_time(): there, nothing is an answer. */
  readonly absent: boolean
  /** How far behind the evaluation the wanted samples may lie: oldest and newest, milliseconds. */
  readonly fromMs: number
  readonly toMs: number
}

/** Every selector of a query with the stretch of time that it reads, for who must know what a query needs. */
export function selectorsOf(node: Node, lookbackMs: number): readonly SelectorUse[] {
  const uses: SelectorUse[] = []
  walk(node, (one, parents) => {
    if (one.kind !== 'selector') return
    let [fromMs, toMs] = [one.offsetMs, one.offsetMs]
    const parent = parents.at(-1)
    fromMs += parent?.kind === 'matrix' ? parent.rangeMs : lookbackMs
    for (const above of parents) {
      if (above.kind !== 'subquery') continue
      fromMs += above.rangeMs + above.offsetMs
      toMs += above.offsetMs
    }
    const absent = parents.some(
      (above) => above.kind === 'call' && (above.name === 'absent' || above.name === 'absent_over_time'),
    )
    uses.push({ matchers: one.matchers, absent, fromMs, toMs })
  })
  return uses
}
