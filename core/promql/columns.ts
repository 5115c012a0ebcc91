// Raw samples of one series in columns, read once per query and walked by the windows of all steps. Stale markers are kept with their flag.

import type { Querier, SeriesRef, Window } from '../series/seam.ts'

export type Columns = {
  readonly times: Float64Array
  readonly values: Float64Array
  readonly stale: Uint8Array
  readonly length: number
}

/** Reads samples of (from, to] into its own columns, which live until the next read. */
export class ColumnReader {
  private window: Window = columns(256)
  private readonly querier: Querier

  constructor(querier: Querier) {
    this.querier = querier
  }

  read(ref: SeriesRef, from: number, to: number): Columns {
    let length = this.querier.window(ref, from, to, this.window)
    if (length > this.window.times.length) {
      this.window = columns(2 ** Math.ceil(Math.log2(length)))
      length = this.querier.window(ref, from, to, this.window)
    }
    return { ...this.window, length }
  }

  /** The same without stale markers: what functions over ranges see. */
  readLive(ref: SeriesRef, from: number, to: number): Columns {
    const { times, values, stale, length } = this.read(ref, from, to)
    let kept = 0
    for (let index = 0; index < length; index++) {
      if (stale[index] === 1) continue
      times[kept] = times[index]!
      values[kept] = values[index]!
      stale[kept++] = 0
    }
    return { times, values, stale, length: kept }
  }
}

function columns(length: number): Window {
  return { times: new Float64Array(length), values: new Float64Array(length), stale: new Uint8Array(length) }
}
