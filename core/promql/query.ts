// The language as its callers see it: text and times in, columns out. Instant and range queries share everything but the grid.

import type { Labels, Matcher, Querier } from '../series/seam.ts'
import { type Node, walk } from './ast.ts'
import { typeOf } from './check.ts'
import { executionError } from './errors.ts'
import { Evaluator, gridOf, type Value } from './evaluate.ts'
import { parseQuery } from './parser.ts'
import { keyOf, type Vector } from './vector.ts'

export type QueryLimits = {
  readonly lookbackMs: number
  readonly defaultStepMs: number
  /** Samples one query may touch. */
  readonly maxSamples: number
}
export const defaultLimits: QueryLimits = { lookbackMs: 300_000, defaultStepMs: 60_000, maxSamples: 50_000_000 }

/** Message-shaped: survives a structured clone. Times are milliseconds. */
export type QueryResult =
  | { readonly type: 'scalar'; readonly time: number; readonly value: number }
  | { readonly type: 'string'; readonly time: number; readonly value: string }
  | {
      readonly type: 'vector'
      readonly time: number
      readonly samples: readonly { readonly labels: Labels; readonly value: number }[]
    }
  | { readonly type: 'matrix'; readonly series: readonly MatrixSeries[] }
export type MatrixSeries = { readonly labels: Labels; readonly times: Float64Array; readonly values: Float64Array }

const never = (): boolean => false

export function instantQuery(
  querier: Querier,
  query: string | Node,
  time: number,
  limits: QueryLimits = defaultLimits,
  aborted: () => boolean = never,
): QueryResult {
  const node = typeof query === 'string' ? parseQuery(query) : query
  const type = typeOf(node)
  if (type === 'matrix') return rawRange(querier, node, time, limits)
  const evaluator = new Evaluator({ querier, ...limits, aborted, start: time, end: time })
  const value: Value = evaluator.value(node, gridOf(time, time, 0))
  if (typeof value === 'string') return { type: 'string', time, value }
  if (value instanceof Float64Array) return { type: 'scalar', time, value: value[0]! }
  return {
    type: 'vector',
    time,
    samples: value.flatMap((series) =>
      series.present[0] === 1 ? [{ labels: series.labels, value: series.values[0]! }] : [],
    ),
  }
}

export function rangeQuery(
  querier: Querier,
  query: string | Node,
  range: { readonly start: number; readonly end: number; readonly stepMs: number },
  limits: QueryLimits = defaultLimits,
  aborted: () => boolean = never,
): QueryResult {
  const node = typeof query === 'string' ? parseQuery(query) : query
  const type = typeOf(node)
  if (type !== 'scalar' && type !== 'vector') {
    throw executionError(
      `invalid expression type "${type === 'matrix' ? 'range vector' : type}" for range query, must be Scalar or instant Vector`,
    )
  }
  const grid = gridOf(range.start, range.end, range.stepMs)
  const evaluator = new Evaluator({ querier, ...limits, aborted, start: range.start, end: range.end })
  const value = evaluator.value(node, grid)
  const vector: Vector =
    value instanceof Float64Array
      ? [{ labels: [], values: value, present: new Uint8Array(value.length).fill(1) }]
      : (value as Vector)
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
  return { type: 'matrix', series: series.sort((a, b) => (keyOf(a.labels) < keyOf(b.labels) ? -1 : 1)) }
}

/** `up[5m]` as an instant query: the samples themselves. */
function rawRange(querier: Querier, node: Node, time: number, limits: QueryLimits): QueryResult {
  const evaluator = new Evaluator({ querier, ...limits, aborted: never, start: time, end: time })
  const series: MatrixSeries[] = []
  evaluator.rawRange(node, time, (labels, times, values) => series.push({ labels, times, values }))
  return { type: 'matrix', series: series.sort((a, b) => (keyOf(a.labels) < keyOf(b.labels) ? -1 : 1)) }
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
