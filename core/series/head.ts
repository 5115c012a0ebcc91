// The newest samples of every series, in rings of typed arrays; read through seam.ts. Bounded in series and in samples per series: what
// passes a limit is refused by name. Samples of a series come in order of time.

import { RE2JS } from 're2js'
import type { Labels } from '../sample/sample.ts'
import type { Appender, AppendRefusal, Matcher, Querier, SeriesRef, Window } from './seam.ts'

export type HeadLimits = { readonly maxSeries: number; readonly samplesPerSeries: number }

type Ring = {
  readonly labels: Labels
  times: Float64Array
  values: Float64Array
  stale: Uint8Array
  /** Samples ever taken; the newest lies at (count - 1) % times.length. */
  count: number
}

const firstCapacity = 32

export type Head = Appender & Querier & { readonly size: number }

const nameLabel = '__name__'

export function openHead(limits: HeadLimits): Head {
  const rings: Ring[] = []
  const byKey = new Map<string, SeriesRef>()
  const byName = new Map<string, SeriesRef[]>()
  const capacity = limits.samplesPerSeries
  let minTime = Number.POSITIVE_INFINITY
  let maxTime = Number.NEGATIVE_INFINITY

  const labelValue = (labels: Labels, name: string): string => labels.find(([key]) => key === name)?.[1] ?? ''
  const compile = (matcher: Matcher): ((value: string) => boolean) => {
    if (matcher.op === '=') return (value) => value === matcher.value
    if (matcher.op === '!=') return (value) => value !== matcher.value
    // `.` takes newlines as well, as in Prometheus.
    const pattern = RE2JS.compile(`(?s:${matcher.value})`)
    const wanted = matcher.op === '=~'
    return (value) => pattern.matches(value) === wanted
  }
  const select = (matchers: readonly Matcher[]): Uint32Array => {
    const named = matchers.find((one) => one.name === nameLabel && one.op === '=')
    const candidates = named === undefined ? rings.map((_, ref) => ref) : (byName.get(named.value) ?? [])
    const tests = matchers.map((one) => ({ name: one.name, matches: compile(one) }))
    return Uint32Array.from(
      candidates.filter((ref) => tests.every((test) => test.matches(labelValue(rings[ref]!.labels, test.name)))),
    )
  }
  /** A ring that never wrapped lies in order, so growing is copying. */
  const grow = (ring: Ring): void => {
    const length = Math.min(capacity, ring.times.length * 2)
    const [times, values, stale] = [new Float64Array(length), new Float64Array(length), new Uint8Array(length)]
    times.set(ring.times)
    values.set(ring.values)
    stale.set(ring.stale)
    Object.assign(ring, { times, values, stale })
  }
  const copy = (ring: Ring, index: number, out: Window, to: number): void => {
    out.times[to] = ring.times[index]!
    out.values[to] = ring.values[index]!
    out.stale[to] = ring.stale[index]!
  }

  /** First sample from `low` on that is later than `time`: by halves, since times rise. */
  const after = (ring: Ring, low: number, time: number): number => {
    let [from, to] = [low, ring.count]
    while (from < to) {
      const middle = (from + to) >>> 1
      if (ring.times[middle % ring.times.length]! <= time) from = middle + 1
      else to = middle
    }
    return from
  }

  return {
    series(labels): SeriesRef | AppendRefusal {
      const sorted = labels.every(([name], index) => name !== '' && (index === 0 || labels[index - 1]![0] < name))
      if (!sorted || labelValue(labels, nameLabel) === '') return 'invalid_labels'
      const key = JSON.stringify(labels)
      const known = byKey.get(key)
      if (known !== undefined) return known
      if (rings.length >= limits.maxSeries) return 'series_limit'
      const ref = rings.length
      rings.push({
        labels: labels.map(([name, value]) => [name, value] as const),
        times: new Float64Array(Math.min(firstCapacity, capacity)),
        values: new Float64Array(Math.min(firstCapacity, capacity)),
        stale: new Uint8Array(Math.min(firstCapacity, capacity)),
        count: 0,
      })
      byKey.set(key, ref)
      const name = labelValue(labels, nameLabel)
      const list = byName.get(name)
      if (list === undefined) byName.set(name, [ref])
      else list.push(ref)
      return ref
    },
    append(ref, time, value, stale) {
      const ring = rings[ref]!
      if (ring.count > 0) {
        const newest = ring.times[(ring.count - 1) % ring.times.length]!
        if (time === newest) return 'duplicate'
        if (time < newest) return 'out_of_order'
      }
      if (ring.count === ring.times.length && ring.count < capacity) grow(ring)
      const at = ring.count % ring.times.length
      ring.times[at] = time
      ring.values[at] = value
      ring.stale[at] = stale ? 1 : 0
      ring.count++
      minTime = Math.min(minTime, time)
      maxTime = Math.max(maxTime, time)
      return null
    },
    select,
    labels: (ref) => rings[ref]!.labels,
    window(ref, t0, t1, out) {
      const ring = rings[ref]!
      const length = ring.times.length
      const oldest = Math.max(0, ring.count - length)
      const first = after(ring, oldest, t0)
      const last = after(ring, first, t1)
      const from = Math.max(first, last - out.times.length)
      for (let sample = from; sample < last; sample++) copy(ring, sample % length, out, sample - from)
      return last - first
    },
    latest(ref, t0, t1, out) {
      const ring = rings[ref]!
      const length = ring.times.length
      const last = after(ring, Math.max(0, ring.count - length), t1) - 1
      if (last < Math.max(0, ring.count - length) || ring.times[last % length]! <= t0) return 0
      copy(ring, last % length, out, 0)
      return 1
    },
    get generation() {
      return rings.length
    },
    labelNames: (matchers) =>
      [...new Set([...select(matchers)].flatMap((ref) => rings[ref]!.labels.map(([name]) => name)))].sort(),
    labelValues: (name, matchers) =>
      [...new Set([...select(matchers)].map((ref) => labelValue(rings[ref]!.labels, name)))]
        .filter((value) => value !== '')
        .sort(),
    get minTime() {
      return minTime
    },
    get maxTime() {
      return maxTime
    },
    get size() {
      return rings.length
    },
  }
}
