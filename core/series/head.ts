// The newest stretch of every series, in memory: the index says which series there are, the sample store holds what they said. Bounded in series
// and in time: what passes a limit is refused by name, what grows old is given back. Samples of a series come in order of time.

import type { Labels } from '../sample/sample.ts'
import { openSampleStore } from './sample-store.ts'
import type { Appender, AppendObserver, AppendRefusal, Querier, SeriesRef } from './seam.ts'
import { openSeriesIndex } from './series-index.ts'

export type HeadLimits = {
  readonly maxSeries: number
  /** How far back samples are kept, counted from the newest one of all, milliseconds. */
  readonly retentionMs: number
}

export type HeadStats = {
  readonly series: number
  readonly chunkBytes: number
  /** Memory taken from the system for samples. */
  readonly reservedBytes: number
}

export type Head = Appender &
  Querier & {
    readonly size: number
    /** Gives back what is older than the retention; series without a newer sample go. Answers how many went. */
    collect(): number
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

  return {
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
      if (time < maxTime - limits.retentionMs) return 'out_of_bounds'
      const refusal = samples.append(ref, time, value, stale)
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
    collect() {
      const oldest = maxTime - limits.retentionMs
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
    cardinality: index.cardinality,
    stats: () => ({ series: index.size, chunkBytes: samples.chunkBytes, reservedBytes: samples.reservedBytes }),
  }
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
