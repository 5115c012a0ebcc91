// The leaves of a plan: series of the store, resolved once and kept while the store says that the answer stands.

import type { Labels } from '../../series/seam.ts'
import type { VectorSelector } from '../ast.ts'
import { metricName } from '../vector.ts'
import { type Moment, noColumn, Rows, type Source } from './rows.ts'

/** Rows that are series. */
export abstract class SeriesRows extends Rows {
  protected refs: Uint32Array = new Uint32Array(0)
  protected readonly source: Source
  readonly selector: VectorSelector
  private stamp = Number.NaN
  private tooMany = false
  private known: ReadonlySet<string> = new Set()

  constructor(source: Source, selector: VectorSelector) {
    super()
    this.source = source
    this.selector = selector
  }

  /** The metric where the selector means one only. */
  get metric(): string | null {
    return this.selector.matchers.find(({ name, op }) => name === metricName && op === '=')?.value ?? null
  }

  override stale(): boolean {
    return this.source.bulk.stamp(this.selector.matchers) !== this.stamp
  }

  /** False where there are more series than a plan may hold. */
  protected refresh(): boolean {
    const { querier, bulk, maxRows } = this.source
    const { matchers } = this.selector
    const stamp = bulk.stamp(matchers)
    if (stamp === this.stamp) return !this.tooMany
    this.stamp = stamp
    this.refs = querier.select(matchers)
    this.tooMany = this.refs.length > maxRows
    if (this.tooMany) this.refs = new Uint32Array(0)
    this.known = bulk.namesOf(this.refs)
    this.renew(this.refs.length)
    this.renewed()
    return !this.tooMany
  }

  protected renewed(): void {}

  protected seriesLabels(row: number): Labels {
    return this.source.querier.labels(this.refs[row]!)
  }
  protected seriesNames(): ReadonlySet<string> {
    return this.known
  }
  protected seriesColumn(name: string): Int32Array {
    return this.known.has(name) ? this.source.bulk.column(this.refs, name) : noColumn(this.size)
  }
}

/** When a selector looks, at this moment: an instant query's start and end are the moment itself. */
export function lookAt({ at, offsetMs }: VectorSelector, { time }: Moment): number {
  return (typeof at === 'number' ? at : time) - offsetMs
}

export class InstantRows extends SeriesRows {
  protected work(moment: Moment): boolean {
    if (!this.refresh()) return false
    const time = lookAt(this.selector, moment)
    moment.samples += this.size
    this.count = this.source.bulk.newest(this.refs, time - moment.lookbackMs, time, this.values, this.live)
    return true
  }

  labels(row: number): Labels {
    return this.seriesLabels(row)
  }
  names(): ReadonlySet<string> {
    return this.seriesNames()
  }
  column(name: string): Int32Array {
    return this.seriesColumn(name)
  }
}
