// The newest stretch of every series, in memory: the index says which series there are, the sample store holds what they said. Bounded in series
// and in time: what passes a limit is refused by name, what grows old is given back. Samples of a series come in order of time, or as far
// out of it as the window says.

import type { Labels } from '../sample/sample.ts'
import { firstTimeOf } from './chunk.ts'
import { openSampleStore, type SampleStore } from './sample-store.ts'
import type { Appender, AppendObserver, AppendRefusal, Querier, SeriesRef, Window } from './seam.ts'
import { openSeriesIndex } from './series-index.ts'

export type HeadLimits = {
  readonly maxSeries: number
  /** How far back samples are kept, counted from the newest one of all, milliseconds. */
  readonly retentionMs: number
  /** How far behind the newest sample of all a sample may come behind newer ones of its series, milliseconds; left out: not at all. */
  readonly outOfOrderMs?: number
}

export type HeadStats = {
  readonly series: number
  readonly chunks: number
  readonly chunkBytes: number
  /** Memory taken from the system for samples. */
  readonly reservedBytes: number
}

export type Head = Appender &
  Querier & {
    readonly size: number
    /** Gives back what is older than `before` (left out: than the retention); series without a newer sample go. Answers how many went. */
    collect(before?: number): number
    /** From now on samples at or before `time` are refused: they lie in a block that nobody changes any more. */
    close(time: number): void
    /** Widens the window for samples out of order for a while, where there is one: what was taken once is taken again when it is replayed, though
     * newer samples of others are there already. */
    allow(extraMs: number): void
    /** -1: no such series. */
    find(labels: Labels): SeriesRef
    has(ref: SeriesRef): boolean
    /** References lie below this. */
    readonly bound: number
    /** What a snapshot is made of, see SampleStore. */
    dump: SampleStore['dump']
    /** Puts back a series of a snapshot; the observer hears of it and of its open samples, not of those in chunks. */
    restore(labels: Labels, chunks: readonly Uint8Array[], open: Window, count: number): AppendRefusal | null
    stats(): HeadStats
    /** How many series carry a label with this value. */
    cardinality(name: string, value: string): number
  }

const nameLabel = '__name__'
const silent: AppendObserver = { appended: () => {}, created: () => {}, removed: () => {} }

export function openHead(limits: HeadLimits, observer: AppendObserver = silent): Head {
  const index = openSeriesIndex()
  const samples = openSampleStore()
  let minTime = Number.POSITIVE_INFINITY
  let maxTime = Number.NEGATIVE_INFINITY
  let closed = Number.NEGATIVE_INFINITY
  const windowMs = limits.outOfOrderMs ?? 0
  let extraMs = 0

  const head: Head = {
    series(labels: Labels): SeriesRef | AppendRefusal {
      if (!valid(labels)) return 'invalid_labels'
      const known = index.find(labels)
      if (known >= 0) return known
      if (index.size >= limits.maxSeries) return 'series_limit'
      const ref = index.add(labels)
      observer.created(ref, labels)
      return ref
    },
    append(ref, time, value, stale) {
      let refusal: AppendRefusal | null = 'out_of_bounds'
      if (time >= maxTime - limits.retentionMs && time > closed) refusal = samples.append(ref, time, value, stale)
      if (refusal !== null && refusal !== 'duplicate' && windowMs > 0)
        refusal =
          time >= maxTime - windowMs - extraMs && time > closed ? samples.insert(ref, time, value, stale) : 'too_old'
      if (refusal !== null) return refusal
      if (time < minTime) minTime = time
      if (time > maxTime) maxTime = time
      observer.appended(ref, time, value, stale)
      return null
    },
    select: index.select,
    labels: index.labels,
    window: samples.window,
    latest: samples.latest,
    get generation() {
      return index.generation
    },
    bulk: {
      stamp: index.stamp,
      column: index.column,
      text: index.text,
      find: index.findText,
      namesOf: index.namesOf,
      newest: samples.bulk.newest,
      edges: samples.bulk.edges,
      run: samples.bulk.run,
      get copied() {
        return samples.bulk.copied
      },
      get insertions() {
        return samples.bulk.insertions
      },
      insertionsOf: samples.bulk.insertionsOf,
    },
    labelNames(matchers) {
      if (matchers.length === 0) return index.names()
      const names = new Set<string>()
      for (const ref of index.select(matchers)) for (const [name] of index.labels(ref)) names.add(name)
      return [...names].sort()
    },
    labelValues(name, matchers) {
      if (matchers.length === 0) return index.values(name)
      const values = new Set<string>()
      for (const ref of index.select(matchers))
        for (const [key, value] of index.labels(ref)) if (key === name) values.add(value)
      return [...values].sort()
    },
    get minTime() {
      return minTime
    },
    get maxTime() {
      return maxTime
    },
    get size() {
      return index.size
    },
    collect(before) {
      const oldest = before ?? maxTime - limits.retentionMs
      if (!Number.isFinite(oldest)) return 0
      let gone = 0
      for (let ref = 0; ref < index.bound; ref++) {
        if (!index.has(ref)) continue
        if (samples.lastTime(ref) >= oldest) samples.truncate(ref, oldest)
        else {
          samples.drop(ref)
          index.remove(ref)
          observer.removed(ref)
          gone++
        }
      }
      minTime = Math.max(minTime, oldest)
      return gone
    },
    close(time) {
      closed = Math.max(closed, time)
    },
    allow(ms) {
      extraMs = ms
    },
    find: index.find,
    has: index.has,
    get bound() {
      return index.bound
    },
    dump: samples.dump,
    restore(labels, chunks, open, count) {
      const ref = head.series(labels)
      if (typeof ref === 'string') return ref
      if (samples.lastTime(ref) !== Number.NEGATIVE_INFINITY) return 'duplicate'
      if (chunks.length > 0) {
        samples.restore(ref, chunks)
        minTime = Math.min(minTime, firstTimeOf(chunks[0]!))
      }
      for (let i = 0; i < count; i++) {
        if (samples.append(ref, open.times[i]!, open.values[i]!, open.stale[i] === 1) !== null) continue
        minTime = Math.min(minTime, open.times[i]!)
        maxTime = Math.max(maxTime, open.times[i]!)
        observer.appended(ref, open.times[i]!, open.values[i]!, open.stale[i] === 1)
      }
      return null
    },
    cardinality: index.cardinality,
    stats: () => ({
      series: index.size,
      chunks: samples.chunks,
      chunkBytes: samples.chunkBytes,
      reservedBytes: samples.reservedBytes,
    }),
  }
  return head
}

/** Sorted by name, no name twice, none empty, and a metric name among them. */
function valid(labels: Labels): boolean {
  let named = false
  for (let i = 0; i < labels.length; i++) {
    const [name, value] = labels[i]!
    if (name === '' || value === '' || (i > 0 && labels[i - 1]![0] >= name)) return false
    if (name === nameLabel) named = true
  }
  return named
}
