// Where the store and the language meet, types only: the head implements Querier and calls AppendObserver, PromQL does the reverse, and
// neither imports the other. Reading is columnar: a selector gives series references once, a window fills the caller's typed arrays, and
// no object is made per sample.

import type { Labels } from '../sample/sample.ts'

export type { Labels }

export type Matcher = { readonly name: string; readonly op: '=' | '!=' | '=~' | '!~'; readonly value: string }

/** Index of a series inside one Querier. Stable while the series lives; never reused within a Querier's generation. */
export type SeriesRef = number

/** Columns that `window` fills. The caller owns them and makes them large enough; reuse them between calls. */
export type Window = {
  readonly times: Float64Array
  readonly values: Float64Array
  /** 1 where the sample says "this series ended here"; its value is then meaningless. */
  readonly stale: Uint8Array
}

export type Querier = {
  /** References of all series that match, in no particular order. An empty matcher list is refused by the caller. */
  select(matchers: readonly Matcher[]): Uint32Array
  labels(ref: SeriesRef): Labels
  /** Fills `out` with samples of `ref` in (t0, t1] (left-open, milliseconds), oldest first, and returns how many there are. Where there are
   * more than the columns hold, the newest are given: the caller sees it by the count, and comes again with longer columns. */
  window(ref: SeriesRef, t0: number, t1: number, out: Window): number
  /** Newest sample in (t0, t1], written to index 0 of `out`; 0 or 1. Quicker than `window`. */
  latest(ref: SeriesRef, t0: number, t1: number, out: Window): number
  /** Grows when a series appears or disappears, so that resolved selectors can be kept. */
  readonly generation: number
  /** Left out by a Querier that reads series one by one. */
  readonly bulk?: BulkReader
  labelNames(matchers: readonly Matcher[]): readonly string[]
  labelValues(name: string, matchers: readonly Matcher[]): readonly string[]
  readonly minTime: number
  readonly maxTime: number
}

/** `too_old` is what `out_of_order` and `out_of_bounds` become where samples may come out of order within a window: older than that. */
export type AppendRefusal =
  | 'out_of_order'
  | 'out_of_bounds'
  | 'too_old'
  | 'duplicate'
  | 'series_limit'
  | 'invalid_labels'

/** The only way samples get in. Times are milliseconds. */
export type Appender = {
  /** Finds or makes the series. */
  series(labels: Labels): SeriesRef | AppendRefusal
  append(ref: SeriesRef, time: number, value: number, stale: boolean): AppendRefusal | null
}

/** Told about every accepted sample and every series that comes or goes, in order, before the append returns. */
export type AppendObserver = {
  appended(ref: SeriesRef, time: number, value: number, stale: boolean): void
  created(ref: SeriesRef, labels: Labels): void
  removed(ref: SeriesRef): void
}

/** What is needed of a window to tell how fast a counter rose in it; one row for each series asked for. */
export type Edges = {
  /** Samples in the window, stale markers not counted; the other columns mean nothing where it is 0. */
  readonly counts: Int32Array
  readonly firstTimes: Float64Array
  readonly firstValues: Float64Array
  readonly lastTimes: Float64Array
  readonly lastValues: Float64Array
  /** 1 where it may be that a value lies below the one before it. */
  readonly falls: Uint8Array
}

/** Where samples of one series lie: number i of `count` at index `base + ((from + i) & mask)`. Valid until the next call. */
export type Run = {
  times: Float64Array
  values: Float64Array
  base: number
  mask: number
  from: number
  count: number
}

/** Many series at once, for those who ask for the same ones again and again. Windows are (t0, t1], and stale markers are not among what is given. */
export type BulkReader = {
  /** Changes when the answer to `select` may have changed; other series may come and go without it. */
  stamp(matchers: readonly Matcher[]): number
  /** For each series a number that stands for its value of this label, -1 where it has none. A number stands for the same text as long as any
   * series has it. */
  column(refs: Uint32Array, name: string): Int32Array
  text(id: number): string
  /** The number that `column` gives for this text; -1 where no series has it. */
  find(text: string): number
  /** Names of all labels that any of the series has. */
  namesOf(refs: Uint32Array): ReadonlySet<string>
  /** Newest sample of each series unless that is a stale marker: its value goes to the place of the series in `refs`, the place to `live`. How
   * many there are. */
  newest(refs: Uint32Array, t0: number, t1: number, values: Float64Array, live: Int32Array): number
  edges(refs: Uint32Array, t0: number, t1: number, out: Edges): void
  run(ref: SeriesRef, t0: number, t1: number, out: Run): void
  /** Samples that came in behind newer ones, of all series and of one: who keeps what was read must read that series anew. */
  readonly insertions: number
  insertionsOf(ref: SeriesRef): number
  /** Windows that did not lie in a ring and were copied, in all. */
  readonly copied: number
}
