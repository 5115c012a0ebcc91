// Functions over ranges, on a grid of steps: each series is read once, and the window walks over its columns. Ranges come from the store or
// from a subquery, whose own grid lies on multiples of its step.

import { type Call, type MatrixSelector, type Node, type Subquery, unwrap } from './ast.ts'
import { typeOf } from './check.ts'
import { ColumnReader, type Columns } from './columns.ts'
import { executionError } from './errors.ts'
import { type Evaluation, type Grid, gridOf, lookTime } from './evaluation.ts'
import { anchoredFunctions, extendedFunction, extendRange, smoothedFunctions } from './extended.ts'
import { keepsName, type RangeFunction, rangeFunctions } from './range-functions.ts'
import {
  anyPresent,
  emptySeries,
  keyOf,
  labelValue,
  metricName,
  type StepSeries,
  sameLabels,
  unique,
  type Vector,
} from './vector.ts'

type RangeSeries = Pick<StepSeries, 'labels' | 'dropName'> & { readonly columns: Columns }
type Range = MatrixSelector | Subquery

/** Shift, range and reach of a matrix selector or subquery. */
function boundsOfRange(node: Range, lookbackMs: number) {
  if (node.kind === 'subquery') return { shift: node, rangeMs: node.rangeMs, before: 0, after: 0, extended: null }
  const { extended } = node.selector
  return {
    shift: node.selector,
    rangeMs: node.rangeMs,
    before: extended === null ? 0 : lookbackMs,
    after: extended === 'smoothed' ? lookbackMs : 0,
    extended,
  }
}

/** Calls `each` with the samples of every series that the range of any step may hold. The columns live until the next call. */
function eachSeries(evaluation: Evaluation, node: Range, grid: Grid, each: (series: RangeSeries) => void): void {
  if (node.kind === 'subquery') return eachOfSubquery(evaluation, node, grid, each)
  const { options } = evaluation
  const bounds = boundsOfRange(node, options.lookbackMs)
  const ends = grid.times.map((time) => lookTime(options, bounds.shift, time))
  if (ends.length === 0) return
  const from = ends[0]! - bounds.rangeMs - bounds.before
  const to = ends.at(-1)! + bounds.after
  const reader = new ColumnReader(options.querier)
  for (const ref of options.querier.select(node.selector.matchers)) {
    const columns = reader.readLive(ref, from, to)
    evaluation.count(columns.length)
    if (columns.length > 0) each({ labels: options.querier.labels(ref), dropName: false, columns })
  }
}

function eachOfSubquery(evaluation: Evaluation, node: Subquery, grid: Grid, each: (series: RangeSeries) => void): void {
  const { options } = evaluation
  const ends = grid.times.map((time) => lookTime(options, node, time))
  if (ends.length === 0) return
  const stepMs = node.stepMs === 0 ? options.defaultStepMs : node.stepMs
  const start = ends[0]! - node.rangeMs
  const first = Math.floor(start / stepMs) * stepMs + stepMs
  const inner = gridOf(first, ends.at(-1)!, stepMs, options.maxSamples)
  if (inner.times.length === 0) return
  evaluation.count(inner.times.length)
  for (const { labels, dropName, values: all, present } of evaluation.vector(node.inner, inner)) {
    let live = 0
    for (const flag of present) live += flag
    evaluation.count(live)
    const times = new Float64Array(live)
    const values = new Float64Array(live)
    let at = 0
    for (let step = 0; step < inner.times.length; step++) {
      if (present[step] !== 1) continue
      times[at] = inner.times[step]!
      values[at++] = all[step]!
    }
    each({ labels, dropName, columns: { times, values, stale: new Uint8Array(0), length: live } })
  }
}

/** The samples of a range at one time, as they are. */
export function rawRange(evaluation: Evaluation, node: Range, time: number): readonly RangeSeries[] {
  const out: RangeSeries[] = []
  const { lookbackMs } = evaluation.options
  const { shift, rangeMs, extended } = boundsOfRange(node, lookbackMs)
  const end = lookTime(evaluation.options, shift, time)
  eachSeries(evaluation, node, gridOf(time, time, 0), ({ labels, dropName, columns }) => {
    const held = extended === null ? columns : extendRange(columns, end - rangeMs, end, extended === 'smoothed')
    if (held.length === 0) return
    const { times, values, length } = held
    out.push({
      labels,
      dropName,
      columns: { times: times.slice(0, length), values: values.slice(0, length), stale: new Uint8Array(0), length },
    })
  })
  return out
}

export function rangeCall(evaluation: Evaluation, node: Call, grid: Grid): Vector {
  const { options } = evaluation
  const args = node.args.map(unwrap)
  const range = args.find((argument) => typeOf(argument) === 'matrix') as Range
  // Worked out after a subquery, as upstream does: of equal notes the last one says the place.
  let parameters: readonly Float64Array[] | undefined
  const scalars = (): readonly Float64Array[] => {
    parameters ??= args.filter((one) => typeOf(one) === 'scalar').map((one) => evaluation.scalar(one, grid))
    return parameters
  }
  const bounds = boundsOfRange(range, options.lookbackMs)
  const f = functionFor(node.name, bounds.extended)
  // Where a subquery stands, no place in the text is left: upstream points at the beginning.
  const argumentStart = args[0]!.kind === 'subquery' ? 0 : args[0]!.span.start
  const checksQuantile = node.name === 'quantile_over_time'
  const steps = grid.times.length
  const out: StepSeries[] = []
  eachSeries(evaluation, range, grid, ({ labels, dropName, columns }) => {
    const [first, second] = scalars()
    evaluation.demand(out.length + 1, steps)
    const named = keepsName.has(node.name) && !dropName ? { labels, dropName } : evaluation.naming(labels)
    const series = emptySeries(named.labels, steps, named.dropName)
    let lo = 0
    let hi = 0
    for (let step = 0; step < steps; step++) {
      const end = lookTime(options, bounds.shift, grid.times[step]!)
      const start = end - bounds.rangeMs
      while (hi < columns.length && columns.times[hi]! <= end + bounds.after) hi++
      while (lo < hi && columns.times[lo]! <= start - bounds.before) lo++
      if (lo === hi) continue
      const value = f({
        columns,
        lo,
        hi,
        at: grid.times[step]!,
        start,
        end,
        parameter: first?.[step] ?? 0,
        second: second?.[step] ?? 0,
      })
      if (value === undefined) continue
      series.values[step] = value
      series.present[step] = 1
      if (checksQuantile && !(first![step]! >= 0 && first![step]! <= 1))
        options.notes.quantile(first![step]!, argumentStart)
    }
    if (!anyPresent(series)) return
    out.push(series)
    if (node.name === 'rate' || node.name === 'increase')
      options.notes.counter(labelValue(labels, metricName), argumentStart)
  })
  scalars()
  return options.delayedNames ? unique(out) : demandUnique(out)
}

function functionFor(name: string, extended: 'anchored' | 'smoothed' | null): RangeFunction {
  if (extended === null) return rangeFunctions.get(name)!
  const allowed = extended === 'anchored' ? anchoredFunctions : smoothedFunctions
  const f = allowed.has(name) ? extendedFunction(name, extended === 'smoothed') : undefined
  if (f !== undefined) return f
  throw executionError(
    `${extended} modifier can only be used with: ${[...allowed].sort().join(', ')} - not with ${name}`,
  )
}

/** Here two series of equal labels are refused even where they never meet at a step. */
function demandUnique(vector: Vector): Vector {
  const keys = new Set(vector.map((series) => keyOf(series.labels)))
  if (keys.size < vector.length) throw executionError(sameLabels)
  return vector
}

/** At which steps the range holds any sample of any series. */
export function rangePresence(evaluation: Evaluation, node: Node, grid: Grid): Uint8Array {
  const { options } = evaluation
  const range = unwrap(node) as Range
  const steps = grid.times.length
  const present = new Uint8Array(steps)
  const { shift, rangeMs, extended } = boundsOfRange(range, options.lookbackMs)
  if (extended !== null) functionFor('absent_over_time', extended)
  eachSeries(evaluation, range, grid, ({ columns }) => {
    let next = 0
    for (let step = 0; step < steps; step++) {
      const end = lookTime(options, shift, grid.times[step]!)
      while (next < columns.length && columns.times[next]! <= end) next++
      if (next > 0 && columns.times[next - 1]! > end - rangeMs) present[step] = 1
    }
  })
  return present
}
