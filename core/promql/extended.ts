// Ranges that know their bounds: `anchored` takes the value before the range as the one at its start; `smoothed` draws a line between the
// samples on either side of each bound. Windows given to these functions reach beyond the range, by the lookback.

import type { Columns } from './columns.ts'
import type { RangeFunction, RangeWindow } from './range-functions.ts'
import type { StepSeries } from './vector.ts'

export const anchoredFunctions: ReadonlySet<string> = new Set(['changes', 'delta', 'increase', 'rate', 'resets'])
export const smoothedFunctions: ReadonlySet<string> = new Set(['delta', 'increase', 'rate'])

/** On the line between two samples; a counter that was reset between them starts from zero. */
function between({ times, values }: Columns, index: number, time: number, counter: boolean): number {
  const [x, y] = [times[index]!, times[index + 1]!]
  const after = values[index + 1]!
  const before = counter && after < values[index]! ? 0 : values[index]!
  return before + ((after - before) * (time - x)) / (y - x)
}

type Bounds = { readonly lo: number; readonly first: number; readonly last: number }

/** The samples that decide the values at the bounds: the last at or before `start` (else the first), the first at or after `end`. */
function boundsIn({ times }: Columns, lo: number, hi: number, start: number, end: number, smoothed: boolean): Bounds {
  let first = lo
  while (first + 1 < hi && times[first + 1]! <= start) first++
  let last = hi - 1
  if (smoothed) {
    last = lo
    while (last < hi - 1 && times[last]! < end) last++
  }
  return { lo, first, last }
}

function valuesAt(
  columns: Columns,
  { lo, first, last }: Bounds,
  start: number,
  end: number,
  smoothed: boolean,
  counter: boolean,
): { readonly left: number; readonly right: number } {
  const { times, values } = columns
  const cutsLeft = smoothed && times[first]! < start && first < last
  const cutsRight = smoothed && times[last]! > end && last > lo
  return {
    left: cutsLeft ? between(columns, first, start, counter) : values[first]!,
    right: cutsRight ? between(columns, last - 1, end, counter) : values[last]!,
  }
}

function change(window: RangeWindow, smoothed: boolean, counter: boolean, perSecond: boolean): number | undefined {
  const { columns, lo, hi, start, end } = window
  const { times, values } = columns
  const bounds = boundsIn(columns, lo, hi, start, end, smoothed)
  if (times[bounds.last]! <= start || (smoothed && times[bounds.first]! > end)) return undefined
  const { left, right } = valuesAt(columns, bounds, start, end, smoothed, counter)
  let result = right - left
  if (counter) {
    const from = times[bounds.first]! <= start ? bounds.first + 1 : bounds.first
    const to = times[bounds.last]! >= end ? bounds.last - 1 : bounds.last
    let before = left
    for (let index = from; index <= to; index++) {
      if (values[index]! < before) result += before
      before = values[index]!
    }
    if (right < before) result += before
  }
  return perSecond ? result / ((end - start) / 1000) : result
}

const counted =
  (counts: (before: number, after: number) => boolean): RangeFunction =>
  ({ columns, lo, hi, start, end }) => {
    if (columns.times[hi - 1]! <= start) return undefined
    const { first } = boundsIn(columns, lo, hi, start, end, false)
    let total = 0
    for (let index = first + 1; index < hi; index++)
      if (counts(columns.values[index - 1]!, columns.values[index]!)) total++
    return total
  }

export function extendedFunction(name: string, smoothed: boolean): RangeFunction | undefined {
  switch (name) {
    case 'rate':
      return (window) => change(window, smoothed, true, true)
    case 'increase':
      return (window) => change(window, smoothed, true, false)
    case 'delta':
      return (window) => change(window, smoothed, false, false)
    case 'resets':
      return counted((before, after) => after < before)
    case 'changes':
      return counted((before, after) => before !== after && !(Number.isNaN(before) && Number.isNaN(after)))
    default:
      return undefined
  }
}

/** The range itself, with a sample at either bound. */
export function extendRange(columns: Columns, start: number, end: number, smoothed: boolean): Columns {
  const none = { times: new Float64Array(0), values: new Float64Array(0), stale: new Uint8Array(0), length: 0 }
  if (columns.length === 0) return none
  const bounds = boundsIn(columns, 0, columns.length, start, end, smoothed)
  if (columns.times[bounds.last]! <= start) return none
  const { left, right } = valuesAt(columns, bounds, start, end, smoothed, false)
  const from = columns.times[bounds.first]! <= start ? bounds.first + 1 : bounds.first
  const to = columns.times[bounds.last]! >= end ? bounds.last - 1 : bounds.last
  const times = [start, ...columns.times.subarray(from, Math.max(from, to + 1)), end]
  const values = [left, ...columns.values.subarray(from, Math.max(from, to + 1)), right]
  return {
    times: Float64Array.from(times),
    values: Float64Array.from(values),
    stale: new Uint8Array(times.length),
    length: times.length,
  }
}

/** An instant selector drawn smoothly: on the line between neighbours, or the last value where none follows. Neighbours lie within the lookback. */
export function smooth(columns: Columns, times: Float64Array, lookbackMs: number, out: StepSeries): void {
  let next = 0
  for (let step = 0; step < times.length; step++) {
    const time = times[step]!
    while (next < columns.length && columns.times[next]! < time) next++
    const hasNext = next < columns.length && columns.times[next]! <= time + lookbackMs
    const hasBefore = next > 0 && columns.times[next - 1]! > time - lookbackMs
    if (hasNext && columns.times[next] === time) out.values[step] = columns.values[next]!
    else if (hasBefore && hasNext) out.values[step] = between(columns, next - 1, time, false)
    else if (hasBefore) out.values[step] = columns.values[next - 1]!
    else continue
    out.present[step] = 1
  }
}
