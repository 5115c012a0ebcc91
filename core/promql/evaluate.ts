// Works a checked tree out over a grid of steps. Selectors are resolved once, samples read once per series; what does not depend on the step
// is worked out once. Bounded in samples touched and in time: the caller's `signal` is asked between nodes.

import type { Querier } from '../series/seam.ts'
import { aggregate } from './aggregate.ts'
import { calculate } from './arithmetic.ts'
import {
  type AtModifier,
  type Binary,
  type Call,
  type MatrixSelector,
  type Node,
  type Subquery,
  setOperators,
  type VectorSelector,
} from './ast.ts'
import { setOperation, vectorScalar, vectorVector } from './binary.ts'
import { typeOf } from './check.ts'
import { ColumnReader, type Columns } from './columns.ts'
import { executionError } from './errors.ts'
import { absentLabels, histogramCall, labelCall } from './label-functions.ts'
import { pointFunctions, timeFunctions } from './point-functions.ts'
import { keepsName, rangeFunctions } from './range-functions.ts'
import { anyPresent, emptySeries, mapPoints, type StepSeries, unique, type Vector, withoutName } from './vector.ts'

export type Grid = {
  /** Evaluation times, milliseconds, evenly spaced. */
  readonly times: Float64Array
  readonly stepMs: number
}
export type EvaluateOptions = {
  readonly querier: Querier
  readonly lookbackMs: number
  /** Step of subqueries that name none. */
  readonly defaultStepMs: number
  readonly maxSamples: number
  readonly aborted: () => boolean
  /** What `@ start()` and `@ end()` mean: the bounds of the whole query. */
  readonly start: number
  readonly end: number
}
export type Value = Vector | Float64Array | string

type SeriesColumns = { readonly labels: StepSeries['labels']; readonly columns: Columns }

export function gridOf(start: number, end: number, stepMs: number): Grid {
  const steps = stepMs > 0 ? Math.floor((end - start) / stepMs) + 1 : 1
  return { times: Float64Array.from({ length: Math.max(0, steps) }, (_, index) => start + index * stepMs), stepMs }
}

export class Evaluator {
  private readonly options: EvaluateOptions
  private samples = 0

  constructor(options: EvaluateOptions) {
    this.options = options
  }

  vector(node: Node, grid: Grid): Vector {
    return this.value(node, grid) as Vector
  }

  scalar(node: Node, grid: Grid): Float64Array {
    return this.value(node, grid) as Float64Array
  }

  value(node: Node, grid: Grid): Value {
    if (this.options.aborted()) throw executionError('query timed out in expression evaluation')
    const steps = grid.times.length
    if (steps > 1 && node.kind !== 'number' && node.kind !== 'string' && invariant(node)) {
      return broadcast(this.step(node, { times: grid.times.slice(0, 1), stepMs: grid.stepMs }), steps)
    }
    return this.step(node, grid)
  }

  private step(node: Node, grid: Grid): Value {
    const steps = grid.times.length
    switch (node.kind) {
      case 'number':
        return new Float64Array(steps).fill(node.value)
      case 'string':
        return node.value
      case 'paren':
        return this.value(node.inner, grid)
      case 'unary': {
        const inner = this.value(node.inner, grid)
        if (node.op === '+' || typeof inner === 'string') return inner
        if (inner instanceof Float64Array) return inner.map((value) => -value)
        return mapPoints(inner, (value) => -value, withoutName)
      }
      case 'selector':
        return this.selector(node, grid)
      case 'aggregation': {
        const parameter = node.parameter === null ? null : (this.value(node.parameter, grid) as Float64Array | string)
        return aggregate(node, this.vector(node.inner, grid), parameter, steps)
      }
      case 'binary':
        return this.binary(node, grid)
      case 'call':
        return this.call(node, grid)
      default:
        throw executionError('a range vector is no result: wrap it into a function')
    }
  }

  private binary(node: Binary, grid: Grid): Value {
    const left = this.value(node.left, grid)
    const right = this.value(node.right, grid)
    if (left instanceof Float64Array && right instanceof Float64Array) {
      return left.map((value, step) => calculate(node.op, value, right[step]!))
    }
    if (right instanceof Float64Array) return vectorScalar(node, left as Vector, right, true)
    if (left instanceof Float64Array) return vectorScalar(node, right as Vector, left, false)
    const steps = grid.times.length
    if (setOperators.has(node.op)) return setOperation(node, left as Vector, right as Vector, steps)
    return vectorVector(node, left as Vector, right as Vector, steps)
  }

  private count(samples: number): void {
    this.samples += samples
    if (this.samples > this.options.maxSamples) {
      throw executionError('query processing would load too many samples into memory in query execution')
    }
  }

  private atTime(at: AtModifier | null, time: number): number {
    if (at === null) return time
    return at === 'start' ? this.options.start : at === 'end' ? this.options.end : at
  }

  /** Newest live sample at each step; `pick` says which column becomes the value. */
  private selector(node: VectorSelector, grid: Grid, pick: 'value' | 'time' = 'value'): Vector {
    const { querier, lookbackMs } = this.options
    const times = grid.times.map((time) => this.atTime(node.at, time) - node.offsetMs)
    if (times.length === 0) return []
    const reader = new ColumnReader(querier)
    const out: StepSeries[] = []
    for (const ref of querier.select(node.matchers)) {
      const columns = reader.read(ref, times[0]! - lookbackMs, times.at(-1)!)
      if (columns.length === 0) continue
      this.count(columns.length)
      const series = emptySeries(querier.labels(ref), times.length)
      let next = 0
      for (let step = 0; step < times.length; step++) {
        while (next < columns.length && columns.times[next]! <= times[step]!) next++
        const last = next - 1
        if (last < 0 || columns.stale[last] === 1 || columns.times[last]! <= times[step]! - lookbackMs) continue
        series.values[step] = pick === 'value' ? columns.values[last]! : columns.times[last]! / 1000
        series.present[step] = 1
      }
      if (anyPresent(series)) out.push(series)
    }
    return out
  }

  /** Calls `each` with the samples of every series that the range of any step may hold. The columns live until the next call. */
  private ranges(node: Node, grid: Grid, each: (series: SeriesColumns) => void): void {
    if (node.kind === 'paren') return this.ranges(node.inner, grid, each)
    if (node.kind === 'subquery') return this.subquery(node, grid, each)
    const { selector, rangeMs } = node as MatrixSelector
    const ends = grid.times.map((time) => this.atTime(selector.at, time) - selector.offsetMs)
    if (ends.length === 0) return
    const { querier } = this.options
    const reader = new ColumnReader(querier)
    for (const ref of querier.select(selector.matchers)) {
      const columns = reader.readLive(ref, ends[0]! - rangeMs, ends.at(-1)!)
      if (columns.length === 0) continue
      this.count(columns.length)
      each({ labels: querier.labels(ref), columns })
    }
  }

  private subquery(node: Subquery, grid: Grid, each: (series: SeriesColumns) => void): void {
    const ends = grid.times.map((time) => this.atTime(node.at, time) - node.offsetMs)
    if (ends.length === 0) return
    const stepMs = node.stepMs === 0 ? this.options.defaultStepMs : node.stepMs
    // Steps of a subquery lie on multiples of its step, whatever the query's own grid is.
    let first = Math.floor((ends[0]! - node.rangeMs) / stepMs) * stepMs
    if (first <= ends[0]! - node.rangeMs) first += stepMs
    const inner = gridOf(first, ends.at(-1)!, stepMs)
    this.count(inner.times.length)
    for (const series of this.vector(node.inner, inner)) {
      const live = series.present.reduce((sum, flag) => sum + flag, 0)
      this.count(live)
      const times = new Float64Array(live)
      const values = new Float64Array(live)
      let at = 0
      for (let step = 0; step < inner.times.length; step++) {
        if (series.present[step] !== 1) continue
        times[at] = inner.times[step]!
        values[at++] = series.values[step]!
      }
      each({ labels: series.labels, columns: { times, values, stale: new Uint8Array(0), length: live } })
    }
  }

  /** The samples of a range at one time, as they are. */
  rawRange(
    node: Node,
    time: number,
    each: (labels: StepSeries['labels'], times: Float64Array, values: Float64Array) => void,
  ): void {
    this.ranges(node, gridOf(time, time, 0), ({ labels, columns }) => {
      each(labels, columns.times.slice(0, columns.length), columns.values.slice(0, columns.length))
    })
  }

  private rangeCall(node: Call, grid: Grid): Vector {
    const f = rangeFunctions.get(node.name)!
    const steps = grid.times.length
    const matrixIndex = node.args.findIndex((argument) => typeOf(argument) === 'matrix')
    const scalarNode = node.args.find((argument) => typeOf(argument) === 'scalar')
    const parameters = scalarNode === undefined ? null : this.scalar(scalarNode, grid)
    const out: StepSeries[] = []
    const relabel = keepsName.has(node.name) ? (labels: StepSeries['labels']) => labels : withoutName
    const bounds = rangeBounds(node.args[matrixIndex]!)
    this.ranges(node.args[matrixIndex]!, grid, ({ labels, columns }) => {
      const series = emptySeries(relabel(labels), steps)
      let lo = 0
      let hi = 0
      for (let step = 0; step < steps; step++) {
        const end = this.atTime(bounds.at, grid.times[step]!) - bounds.offsetMs
        const start = end - bounds.rangeMs
        while (hi < columns.length && columns.times[hi]! <= end) hi++
        while (lo < hi && columns.times[lo]! <= start) lo++
        if (lo === hi) continue
        const value = f({ columns, lo, hi, at: grid.times[step]!, start, end, parameter: parameters?.[step] ?? 0 })
        if (value === undefined) continue
        series.values[step] = value
        series.present[step] = 1
      }
      if (anyPresent(series)) out.push(series)
    })
    return unique(out)
  }

  private call(node: Call, grid: Grid): Value {
    const { name, args } = node
    const steps = grid.times.length
    if (rangeFunctions.has(name)) return this.rangeCall(node, grid)
    const point = pointFunctions.get(name)
    if (point !== undefined) {
      const vector =
        args.length === 0 && timeFunctions.has(name)
          ? [
              {
                ...full(
                  [],
                  grid.times.map((time) => time / 1000),
                ),
              },
            ]
          : this.vector(args[0]!, grid)
      const parameters = args.slice(1).map((argument) => this.scalar(argument, grid))
      if (name === 'clamp' && parameters[0]!.some((low, step) => low > parameters[1]![step]!)) {
        const [low, high] = parameters as [Float64Array, Float64Array]
        return mapPoints(
          vector.map((series) => ({
            ...series,
            present: series.present.map((flag, step) => (low[step]! > high[step]! ? 0 : flag)),
          })),
          (value, step) => point(value, low[step]!, high[step]!),
          withoutName,
        ).filter(anyPresent)
      }
      return mapPoints(vector, (value, step) => point(value, ...parameters.map((one) => one[step]!)), withoutName)
    }
    switch (name) {
      case 'time':
        return grid.times.map((time) => time / 1000)
      case 'pi':
        return new Float64Array(steps).fill(Math.PI)
      case 'vector':
        return [full([], this.scalar(args[0]!, grid))]
      case 'scalar':
        return this.toScalar(this.vector(args[0]!, grid), steps)
      case 'timestamp': {
        const inner = unwrap(args[0]!)
        if (inner.kind === 'selector')
          return unique(
            this.selector(inner, grid, 'time').map((series) => ({ ...series, labels: withoutName(series.labels) })),
          )
        return mapPoints(this.vector(inner, grid), (_value, step) => grid.times[step]! / 1000, withoutName)
      }
      case 'sort':
      case 'sort_desc':
        return this.sorted(this.vector(args[0]!, grid), name === 'sort_desc', steps)
      case 'absent':
        return this.absent(args[0]!, this.presence(this.vector(args[0]!, grid), steps))
      case 'absent_over_time':
        return this.absentOverTime(args[0]!, grid)
      case 'histogram_quantile':
      case 'histogram_fraction':
        return histogramCall(
          name,
          args.slice(0, -1).map((one) => this.scalar(one, grid)),
          this.vector(args.at(-1)!, grid),
          steps,
        )
      case 'label_replace':
      case 'label_join':
        return labelCall(
          name,
          this.vector(args[0]!, grid),
          args.slice(1).map((one) => this.value(one, grid) as string),
        )
      default:
        // The remaining ones speak of native histograms, of which a float series has none.
        for (const argument of args) this.value(argument, grid)
        return []
    }
  }

  private toScalar(vector: Vector, steps: number): Float64Array {
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

  /** Only an instant answer has an order. */
  private sorted(vector: Vector, descending: boolean, steps: number): Vector {
    if (steps !== 1) return vector
    return [...vector].sort((a, b) => {
      const [x, y] = [a.values[0]!, b.values[0]!]
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) === Number.isNaN(y) ? 0 : Number.isNaN(x) ? 1 : -1
      return descending ? y - x : x - y
    })
  }

  private presence(vector: Vector, steps: number): Uint8Array {
    const out = new Uint8Array(steps)
    for (const { present } of vector) for (let step = 0; step < steps; step++) out[step]! |= present[step]!
    return out
  }

  private absent(argument: Node, present: Uint8Array): Vector {
    const missing = present.map((flag) => 1 - flag)
    if (!missing.includes(1)) return []
    return [{ labels: absentLabels(argument), values: new Float64Array(present.length).fill(1), present: missing }]
  }

  private absentOverTime(argument: Node, grid: Grid): Vector {
    const steps = grid.times.length
    const present = new Uint8Array(steps)
    const bounds = rangeBounds(argument)
    this.ranges(argument, grid, ({ columns }) => {
      let next = 0
      for (let step = 0; step < steps; step++) {
        const end = this.atTime(bounds.at, grid.times[step]!) - bounds.offsetMs
        while (next < columns.length && columns.times[next]! <= end) next++
        if (next > 0 && columns.times[next - 1]! > end - bounds.rangeMs) present[step] = 1
      }
    })
    return this.absent(argument, present)
  }
}

function full(labels: StepSeries['labels'], values: Float64Array): StepSeries {
  return { labels, values, present: new Uint8Array(values.length).fill(1) }
}

function unwrap(node: Node): Node {
  return node.kind === 'paren' ? unwrap(node.inner) : node
}

function rangeBounds(node: Node): { rangeMs: number; offsetMs: number; at: AtModifier | null } {
  const inner = unwrap(node)
  if (inner.kind === 'matrix')
    return { rangeMs: inner.rangeMs, offsetMs: inner.selector.offsetMs, at: inner.selector.at }
  const { rangeMs, offsetMs, at } = inner as Subquery
  return { rangeMs, offsetMs, at }
}

/** True where every step gives the same: constants, and selectors pinned by `@`. */
function invariant(node: Node): boolean {
  switch (node.kind) {
    case 'number':
    case 'string':
      return true
    case 'selector':
    case 'subquery':
      return node.at !== null
    case 'matrix':
      return node.selector.at !== null
    case 'paren':
    case 'unary':
      return invariant(node.inner)
    case 'aggregation':
      return invariant(node.inner) && (node.parameter === null || invariant(node.parameter))
    case 'binary':
      return invariant(node.left) && invariant(node.right)
    case 'call':
      if (node.name === 'timestamp' && node.args[0]?.kind === 'selector') return invariant(node.args[0])
      // These read the clock of the step, whatever their arguments are pinned to.
      if (
        node.name === 'time' ||
        node.name === 'timestamp' ||
        node.name === 'predict_linear' ||
        timeFunctions.has(node.name)
      )
        return false
      return node.args.every(invariant)
  }
}

function broadcast(value: Value, steps: number): Value {
  if (typeof value === 'string') return value
  if (value instanceof Float64Array) return new Float64Array(steps).fill(value[0]!)
  return value.map((series) => ({
    labels: series.labels,
    values: new Float64Array(steps).fill(series.values[0]!),
    present: new Uint8Array(steps).fill(series.present[0]!),
  }))
}
