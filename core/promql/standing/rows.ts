// What a part of a standing plan gives: numbered rows, of which some are there at a moment. Rows, their labels and whatever hangs on them are
// worked out anew only when the series behind them change; a moment touches numbers alone. Invariant: `live` lists rows in the order in which
// the full evaluator would give their series, since sums depend on it.

import type { BulkReader, Labels, Querier } from '../../series/seam.ts'

/** One evaluation. */
export type Moment = {
  readonly time: number
  readonly lookbackMs: number
  /** Samples read, as the full evaluator counts them. */
  samples: number
  /** The full evaluator would tell something beside the result. */
  noted: boolean
}

export type Source = {
  readonly querier: Querier
  readonly bulk: BulkReader
  /** Selectors that mean more series are left to the full evaluator. */
  readonly maxRows: number
}

export abstract class Rows {
  /** Changes when rows are numbered anew. */
  version = 0
  size = 0
  values = new Float64Array(0)
  live = new Int32Array(0)
  count = 0
  private ran: Moment | null = null
  private answered = false
  private cost = 0
  private noted = false

  /** False: the full evaluator must answer. The same moment is worked out once. */
  run(moment: Moment): boolean {
    if (this.ran === moment) {
      moment.samples += this.cost
      moment.noted ||= this.noted
      return this.answered
    }
    const { samples, noted } = moment
    moment.noted = false
    this.answered = this.work(moment)
    this.cost = moment.samples - samples
    this.noted = moment.noted
    moment.noted ||= noted
    this.ran = moment
    return this.answered
  }

  /** Must rows be numbered anew before the next moment? What hangs on them is asked itself. */
  stale(): boolean {
    return false
  }

  /** What was worked out holds no more, though the moment is the same. */
  forget(): void {
    this.ran = null
  }

  protected abstract work(moment: Moment): boolean
  abstract labels(row: number): Labels
  /** Names of labels that any row may have. */
  abstract names(): ReadonlySet<string>
  /** Numbers of the rows' values of a label, see BulkReader. */
  abstract column(name: string): Int32Array

  /** The rows are others from now on. */
  protected renew(size: number): void {
    this.version++
    this.size = size
    this.values = new Float64Array(size)
    this.live = new Int32Array(size)
    this.count = 0
  }
}

/** A number at each moment. */
export type ScalarPlan = {
  value: number
  run(moment: Moment): boolean
}

export const noColumn = (size: number): Int32Array => new Int32Array(size).fill(-1)
