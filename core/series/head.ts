// The newest samples of every series, in rings of typed arrays; read through seam.ts. Bounded in series and in samples per series: what
// passes a limit is refused by name. Samples of a series come in order of time.

import { RE2JS } from 're2js'
import type { Labels } from '../sample/sample.ts'
import type { Appender, AppendRefusal, Matcher, Querier, SeriesRef, Window } from './seam.ts'

export type HeadLimits = { readonly maxSeries: number; readonly samplesPerSeries: number }

type Ring = {
  readonly labels: Labels
  readonly times: Float64Array
  readonly values: Float64Array
  readonly stale: Uint8Array
  /** Samples ever taken; the newest lies at (count - 1) % capacity. */
  count: number
}

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
    const pattern = RE2JS.compile(matcher.value)
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
  const copy = (ring: Ring, index: number, out: Window, to: number): void => {
    out.times[to] = ring.times[index]!
    out.values[to] = ring.values[index]!
    out.stale[to] = ring.stale[index]!
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
        times: new Float64Array(capacity),
        values: new Float64Array(capacity),
        stale: new Uint8Array(capacity),
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
        const newest = ring.times[(ring.count - 1) % capacity]!
        if (time === newest) return 'duplicate'
        if (time < newest) return 'out_of_order'
      }
      const at = ring.count % capacity
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
      let first = Math.max(0, ring.count - capacity)
      while (first < ring.count && ring.times[first % capacity]! <= t0) first++
      let last = ring.count
      while (last > first && ring.times[(last - 1) % capacity]! > t1) last--
      first = Math.max(first, last - out.times.length)
      for (let sample = first; sample < last; sample++) copy(ring, sample % capacity, out, sample - first)
      return last - first
    },
    latest(ref, t0, t1, out) {
      const ring = rings[ref]!
      for (let sample = ring.count - 1; sample >= Math.max(0, ring.count - capacity); sample--) {
        const time = ring.times[sample % capacity]!
        if (time > t1) continue
        if (time <= t0) return 0
        copy(ring, sample % capacity, out, 0)
        return 1
      }
      return 0
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
