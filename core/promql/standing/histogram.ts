// histogram_quantile over classic buckets: which rows make a histogram, and in which order their bounds lie, is worked out once.

import type { Labels } from '../../series/seam.ts'
import { boundOf } from '../histogram-functions.ts'
import { quantileOfCounts } from '../quantile.ts'
import { metricName } from '../vector.ts'
import { constant, firstRows, gather, numberRows } from './numbering.ts'
import { type Moment, noColumn, Rows, type ScalarPlan } from './rows.ts'

const bucketLabel = 'le'
const notOfHistogram: ReadonlySet<string> = new Set([bucketLabel, metricName])

export class HistogramRows extends Rows {
  private readonly q: ScalarPlan
  private readonly child: Rows
  private readonly text: (id: number) => string
  private built = -1
  /** Histogram of each row, -1 where its `le` is no number. */
  private groups = new Int32Array(0)
  /** Where the count of each row goes: buckets of one histogram lie side by side, by rising bounds. */
  private places = new Int32Array(0)
  private starts = new Int32Array(0)
  protected uppers = new Float64Array(0)
  protected counts = new Float64Array(0)
  protected present = new Uint8Array(0)
  private first = new Int32Array(0)
  protected seen = new Uint8Array(0)
  protected foundUppers = new Float64Array(0)
  protected foundCounts = new Float64Array(0)
  /** Two names, or two spellings of one bound: left to the full evaluator. */
  private mixed = false

  constructor(q: ScalarPlan, child: Rows, text: (id: number) => string) {
    super()
    this.q = q
    this.child = child
    this.text = text
  }

  private rebuild(): void {
    const { child } = this
    if (child.version === this.built) return
    this.built = child.version
    const names = child.names()
    this.mixed = names.has('__type__') || names.has('__unit__') || !constant(child.column(metricName))
    const numbering = numberRows(
      [...names].filter((name) => name !== bucketLabel).map((name) => child.column(name)),
      child.size,
    )
    this.first = firstRows(numbering) as Int32Array<ArrayBuffer>
    this.renew(numbering.count)
    const bounds = this.boundsOf(child.column(bucketLabel))
    this.groups = numbering.ids.map((group, row) => (Number.isNaN(bounds[row]!) ? -1 : group))
    const order = Int32Array.from({ length: child.size }, (_, row) => row).filter((row) => this.groups[row]! >= 0)
    order.sort(
      (a, b) =>
        this.groups[a]! - this.groups[b]! || (bounds[a]! < bounds[b]! ? -1 : bounds[a]! > bounds[b]! ? 1 : a - b),
    )
    this.starts = new Int32Array(numbering.count + 1)
    for (const row of order) this.starts[this.groups[row]! + 1]!++
    for (let group = 0; group < numbering.count; group++) this.starts[group + 1]! += this.starts[group]!
    this.places = new Int32Array(child.size)
    order.forEach((row, place) => {
      this.places[row] = place
      if (place > 0 && this.groups[order[place - 1]!] === this.groups[row] && bounds[order[place - 1]!] === bounds[row])
        this.mixed = true
    })
    this.uppers = Float64Array.from(order, (row) => bounds[row]!)
    this.counts = new Float64Array(order.length)
    this.present = new Uint8Array(order.length)
    this.seen = new Uint8Array(numbering.count)
    this.foundUppers = new Float64Array(order.length)
    this.foundCounts = new Float64Array(order.length)
  }

  /** NaN: no bound. */
  private boundsOf(column: Int32Array): Float64Array {
    const known = new Map<number, number>()
    return Float64Array.from(column, (id) => {
      let bound = known.get(id)
      if (bound === undefined) {
        bound = id === -1 ? Number.NaN : (boundOf(this.text(id)) ?? Number.NaN)
        known.set(id, bound)
      }
      return bound
    })
  }

  protected work(moment: Moment): boolean {
    const { child } = this
    if (!this.q.run(moment) || !child.run(moment)) return false
    this.rebuild()
    if (this.mixed) return false
    const { groups, places, counts, present, seen, live, starts, uppers, foundUppers, foundCounts } = this
    const q = this.q.value
    moment.noted ||= !(q >= 0 && q <= 1)
    present.fill(0)
    seen.fill(0)
    this.count = 0
    for (let i = 0; i < child.count; i++) {
      const row = child.live[i]!
      const group = groups[row]!
      if (group < 0) {
        moment.noted = true
        continue
      }
      if (seen[group] === 0) {
        seen[group] = 1
        live[this.count++] = group
      }
      counts[places[row]!] = child.values[row]!
      present[places[row]!] = 1
    }
    for (let i = 0; i < this.count; i++) {
      const group = live[i]!
      let found = 0
      for (let place = starts[group]!; place < starts[group + 1]!; place++) {
        if (present[place] === 0) continue
        foundUppers[found] = uppers[place]!
        foundCounts[found++] = counts[place]!
      }
      const { value, fallen } = quantileOfCounts(q, foundUppers, foundCounts, found)
      if (fallen !== null) moment.noted = true
      this.values[group] = value
    }
    return true
  }

  labels(row: number): Labels {
    return this.child.labels(this.first[row]!).filter(([name]) => !notOfHistogram.has(name))
  }
  names(): ReadonlySet<string> {
    return new Set([...this.child.names()].filter((name) => !notOfHistogram.has(name)))
  }
  column(name: string): Int32Array {
    return notOfHistogram.has(name) ? noColumn(this.size) : gather(this.child.column(name), this.first)
  }
}
