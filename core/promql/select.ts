// Instant selectors over a grid: at each step the newest live sample that the lookback still reaches.

import type { VectorSelector } from './ast.ts'
import { ColumnReader } from './columns.ts'
import { type Evaluation, type Grid, lookTime } from './evaluation.ts'
import { smooth } from './extended.ts'
import { anyPresent, emptySeries, type StepSeries, type Vector } from './vector.ts'

/** `pick` says which column becomes the value; times are given in seconds. */
export function select(evaluation: Evaluation, node: VectorSelector, grid: Grid, pick: 'value' | 'time'): Vector {
  const { querier, lookbackMs } = evaluation.options
  const times = grid.times.map((time) => lookTime(evaluation.options, node, time))
  if (times.length === 0) return []
  if (times.length === 1 && node.extended !== 'smoothed') return selectOne(evaluation, node, times[0]!, pick)
  const reader = new ColumnReader(querier)
  // The time of a sample is never drawn between others.
  const ahead = node.extended === 'smoothed' && pick === 'value' ? lookbackMs : 0
  const out: StepSeries[] = []
  for (const ref of querier.select(node.matchers)) {
    const from = times[0]! - lookbackMs
    const to = times.at(-1)! + ahead
    const columns = ahead > 0 ? reader.readLive(ref, from, to) : reader.read(ref, from, to)
    evaluation.count(columns.length)
    if (columns.length === 0) continue
    evaluation.demand(out.length + 1, times.length)
    const series = emptySeries(querier.labels(ref), times.length)
    if (ahead > 0) smooth(columns, times, lookbackMs, series)
    else {
      let next = 0
      for (let step = 0; step < times.length; step++) {
        while (next < columns.length && columns.times[next]! <= times[step]!) next++
        const last = next - 1
        if (last < 0 || columns.stale[last] === 1 || columns.times[last]! <= times[step]! - lookbackMs) continue
        series.values[step] = pick === 'value' ? columns.values[last]! : columns.times[last]! / 1000
        series.present[step] = 1
      }
    }
    if (anyPresent(series)) out.push(series)
  }
  return out
}

/** The same at one moment: the newest sample is all that is asked of the store. */
function selectOne(evaluation: Evaluation, node: VectorSelector, time: number, pick: 'value' | 'time'): Vector {
  const { querier, lookbackMs } = evaluation.options
  const cell = { times: new Float64Array(1), values: new Float64Array(1), stale: new Uint8Array(1) }
  const out: StepSeries[] = []
  for (const ref of querier.select(node.matchers)) {
    evaluation.count(1)
    if (querier.latest(ref, time - lookbackMs, time, cell) === 0 || cell.stale[0] === 1) continue
    const series = emptySeries(querier.labels(ref), 1)
    series.values[0] = pick === 'value' ? cell.values[0]! : cell.times[0]! / 1000
    series.present[0] = 1
    out.push(series)
  }
  return out
}
