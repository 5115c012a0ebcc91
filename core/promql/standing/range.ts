// Functions over ranges of stored series. What two ends of a window tell is worked out in columns; the rest is asked of the full evaluator's own
// functions, one series at a time, so that there is one arithmetic only.

import type { Edges, Labels, Run } from '../../series/seam.ts'
import { counterName } from '../annotations.ts'
import type { MatrixSelector } from '../ast.ts'
import { extrapolate, keepsName, type RangeFunction, rangeFunctions } from '../range-functions.ts'
import { metricName, withoutName } from '../vector.ts'
import { KeptWindows } from './kept.ts'
import { constant, distinct } from './numbering.ts'
import { type Moment, noColumn, type ScalarPlan, type Source } from './rows.ts'
import { lookAt, SeriesRows } from './selector.ts'

type Columns = { readonly times: Float64Array; readonly values: Float64Array; readonly stale: Uint8Array }

/** What an end of the window says by itself. */
const byEdges: Readonly<Record<string, (edges: Edges, row: number) => number>> = {
  count_over_time: ({ counts }, row) => counts[row]!,
  present_over_time: () => 1,
  first_over_time: ({ firstValues }, row) => firstValues[row]!,
  last_over_time: ({ lastValues }, row) => lastValues[row]!,
  ts_of_first_over_time: ({ firstTimes }, row) => firstTimes[row]! / 1000,
  ts_of_last_over_time: ({ lastTimes }, row) => lastTimes[row]! / 1000,
}
const rates: ReadonlySet<string> = new Set(['rate', 'increase', 'delta'])
const noRun: Run = { times: new Float64Array(0), values: new Float64Array(0), base: 0, mask: 0, from: 0, count: 0 }

export class RangeRows extends SeriesRows {
  private readonly name: string
  private readonly rangeMs: number
  private readonly parameters: readonly ScalarPlan[]
  private readonly named: boolean
  private edges = newEdges(0)
  private columns = newColumns(256)
  private readonly found: Run = { ...noRun }
  /** Two series differ in nothing but the name, which goes: only the full evaluator knows which of them are there. */
  private ambiguous = false
  /** Once windows had to be put together from chunks, they are kept. */
  private kept: KeptWindows | null = null
  private keeps = true

  constructor(
    source: Source,
    name: string,
    matrix: MatrixSelector,
    parameters: readonly ScalarPlan[],
    named = keepsName.has(name),
  ) {
    super(source, matrix.selector as MatrixSelector['selector'])
    this.name = name
    this.rangeMs = matrix.rangeMs
    this.parameters = parameters
    this.named = named
  }

  protected override renewed(): void {
    this.edges = newEdges(this.size)
    this.kept = null
    const all = this.seriesNames()
    this.ambiguous =
      !this.named &&
      !constant(this.seriesColumn(metricName)) &&
      !distinct(
        [...this.names()].map((name) => this.seriesColumn(name)),
        this.size,
      )
    if (all.has('__type__') || all.has('__unit__')) this.ambiguous = true
  }

  protected work(moment: Moment): boolean {
    if (!this.refresh() || this.ambiguous) return false
    for (const parameter of this.parameters) if (!parameter.run(moment)) return false
    const end = lookAt(this.selector, moment)
    const start = end - this.rangeMs
    const edge = byEdges[this.name]
    if (edge !== undefined || rates.has(this.name)) {
      this.readEdges(start, end)
      if (edge === undefined) this.rate(start, end, moment)
      else this.count = this.eachEdge(edge, moment)
    } else this.count = this.eachRun(start, end, moment)
    this.note(moment)
    return true
  }

  private readEdges(start: number, end: number): void {
    const { bulk } = this.source
    if (!this.moveKept(start, end)) {
      const before = bulk.copied
      bulk.edges(this.refs, start, end, this.edges)
      this.keep(bulk.copied - before)
      return
    }
    const { counts, firstTimes, firstValues, lastTimes, lastValues, falls } = this.edges
    const { lo, hi, times, values, fell } = this.kept!
    for (let row = 0; row < this.size; row++) {
      const [first, last] = [lo[row]!, hi[row]! - 1]
      counts[row] = last - first + 1
      if (last < first) continue
      firstTimes[row] = times[first]!
      firstValues[row] = values[first]!
      lastTimes[row] = times[last]!
      lastValues[row] = values[last]!
      falls[row] = fell[row]! > times[first]! ? 1 : 0
    }
  }

  private moveKept(start: number, end: number): boolean {
    if (this.kept === null) return false
    if (this.kept.move(start, end)) return true
    this.kept = null
    this.keeps = false
    return false
  }

  private keep(copied: number): void {
    if (this.keeps && copied * 8 > this.size) this.kept = new KeptWindows(this.source.bulk, this.refs)
  }

  private eachEdge(edge: (edges: Edges, row: number) => number, moment: Moment): number {
    const { edges, values, live, size } = this
    let count = 0
    for (let row = 0; row < size; row++) {
      if (edges.counts[row] === 0) continue
      moment.samples += edges.counts[row]!
      values[row] = edge(edges, row)
      live[count++] = row
    }
    return count
  }

  private rate(start: number, end: number, moment: Moment): void {
    const { counts, firstTimes, firstValues, lastTimes, lastValues, falls } = this.edges
    const { values, live, size } = this
    const counter = this.name !== 'delta'
    const perSecond = this.name === 'rate'
    let [count, samples] = [0, 0]
    for (let row = 0; row < size; row++) {
      const n = counts[row]!
      samples += n
      if (n < 2) continue
      const first = firstValues[row]!
      let rise = lastValues[row]! - first
      if (counter && falls[row] === 1) rise = this.withResets(row, start, end, rise)
      values[row] = extrapolate(rise, first, firstTimes[row]!, lastTimes[row]!, n, start, end, counter, perSecond)
      live[count++] = row
    }
    moment.samples += samples
    this.count = count
  }

  private withResets(row: number, start: number, end: number, given: number): number {
    // What is kept was moved to this window; the store is asked for a single series only.
    this.source.bulk.run(this.refs[row]!, start, end, this.found)
    const { values, base, mask, from, count } = this.found
    let rise = given
    let before = values[base + (from & mask)]!
    for (let i = 1; i < count; i++) {
      const value = values[base + ((from + i) & mask)]!
      if (value < before) rise += before
      before = value
    }
    return rise
  }

  private eachKept(start: number, end: number, moment: Moment): number {
    const { values, live, size } = this
    const kept = this.kept!
    const f = rangeFunctions.get(this.name) as RangeFunction
    const [parameter = 0, second = 0] = this.parameters.map((one) => one.value)
    const columns = { times: kept.times, values: kept.values, stale: new Uint8Array(0), length: kept.times.length }
    const window = { columns, lo: 0, hi: 0, at: moment.time, start, end, parameter, second }
    let count = 0
    for (let row = 0; row < size; row++) {
      window.lo = kept.lo[row]!
      window.hi = kept.hi[row]!
      if (window.lo === window.hi) continue
      moment.samples += window.hi - window.lo
      const value = f(window)
      if (value === undefined) continue
      values[row] = value
      live[count++] = row
    }
    return count
  }

  private eachRun(start: number, end: number, moment: Moment): number {
    if (this.moveKept(start, end)) return this.eachKept(start, end, moment)
    const { found, refs, values, live, size } = this
    const { bulk } = this.source
    const before = bulk.copied
    const f = rangeFunctions.get(this.name) as RangeFunction
    const [parameter = 0, second = 0] = this.parameters.map((one) => one.value)
    const window = {
      columns: { ...this.columns, length: 0 },
      lo: 0,
      hi: 0,
      at: moment.time,
      start,
      end,
      parameter,
      second,
    }
    let count = 0
    for (let row = 0; row < size; row++) {
      bulk.run(refs[row]!, start, end, found)
      const length = found.count
      if (length === 0) continue
      moment.samples += length
      if (length > this.columns.times.length) {
        this.columns = newColumns(length * 2)
        window.columns = { ...this.columns, length: 0 }
      }
      const { times: fromTimes, values: fromValues, base, mask, from } = found
      const { times, values: copied } = window.columns
      for (let i = 0; i < length; i++) {
        const at = base + ((from + i) & mask)
        times[i] = fromTimes[at]!
        copied[i] = fromValues[at]!
      }
      window.columns.length = length
      window.hi = length
      const value = f(window)
      if (value === undefined) continue
      values[row] = value
      live[count++] = row
    }
    this.keep(bulk.copied - before)
    return count
  }

  private note(moment: Moment): void {
    if (this.count === 0) return
    if (this.name === 'rate' || this.name === 'increase')
      moment.noted ||= this.metric === null || !counterName.test(this.metric)
    const q = this.parameters[0]?.value ?? 0
    if (this.name === 'quantile_over_time') moment.noted ||= !(q >= 0 && q <= 1)
  }

  labels(row: number): Labels {
    const labels = this.seriesLabels(row)
    return this.named ? labels : withoutName(labels)
  }
  names(): ReadonlySet<string> {
    const names = this.seriesNames()
    if (this.named || !names.has(metricName)) return names
    return new Set([...names].filter((name) => name !== metricName))
  }
  column(name: string): Int32Array {
    return name === metricName && !this.named ? noColumn(this.size) : this.seriesColumn(name)
  }
}

function newEdges(size: number): Edges {
  return {
    counts: new Int32Array(size),
    firstTimes: new Float64Array(size),
    firstValues: new Float64Array(size),
    lastTimes: new Float64Array(size),
    lastValues: new Float64Array(size),
    falls: new Uint8Array(size),
  }
}

function newColumns(length: number): Columns {
  return { times: new Float64Array(length), values: new Float64Array(length), stale: new Uint8Array(0) }
}
