// What the parts of the evaluator share: the grid of steps, what bounds a query, and the way back into the evaluator. Types, and the few
// rules about grids that every part needs.

import type { Querier } from '../series/seam.ts'
import type { Annotations } from './annotations.ts'
import type { AtModifier, Node } from './ast.ts'
import { executionError } from './errors.ts'
import type { Naming, Vector } from './vector.ts'

export type Grid = {
  /** Evaluation times, milliseconds, evenly spaced. */
  readonly times: Float64Array
  readonly stepMs: number
  /** One moment, not a range that happens to have one step: only then do results keep the order that an operation gave them. */
  readonly single: boolean
}
export type EvaluateOptions = {
  readonly querier: Querier
  readonly lookbackMs: number
  /** Step of subqueries that name none. */
  readonly defaultStepMs: number
  /** Samples read by the whole query, and points of any one vector in it. */
  readonly maxSamples: number
  readonly aborted: () => boolean
  /** What `@ start()` and `@ end()` mean: the bounds of the whole query. */
  readonly start: number
  readonly end: number
  /** Metric names that go are kept until the end, so that functions and matchers in between still see them. */
  readonly delayedNames: boolean
  readonly notes: Annotations
}
/** A vector, a scalar per step, or a string. */
export type Value = Vector | Float64Array | string

export type Evaluation = {
  readonly options: EvaluateOptions
  readonly naming: Naming
  value(node: Node, grid: Grid): Value
  vector(node: Node, grid: Grid): Vector
  scalar(node: Node, grid: Grid): Float64Array
  /** Counts samples read; throws past the limit, and when the caller has given up. */
  count(samples: number): void
  /** Throws when `series` of `steps` points are more than a vector may have. */
  demand(series: number, steps: number): void
}

export const tooManySamples = 'query processing would load too many samples into memory in query execution'

export function gridOf(start: number, end: number, stepMs: number, limit = Number.POSITIVE_INFINITY): Grid {
  const steps = stepMs > 0 ? Math.floor((end - start) / stepMs) + 1 : 1
  if (steps > limit) throw executionError(tooManySamples)
  const times = Float64Array.from({ length: Math.max(0, steps) }, (_, index) => start + index * stepMs)
  return { times, stepMs, single: start === end }
}

type Shift = { readonly at: AtModifier | null; readonly offsetMs: number }

/** The moment that a selector looks at, at one step. */
export function lookTime(options: EvaluateOptions, { at, offsetMs }: Shift, time: number): number {
  const base = at === null ? time : at === 'start' ? options.start : at === 'end' ? options.end : at
  return base - offsetMs
}
