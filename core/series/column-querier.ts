// Samples of a few selections in plain columns, as a Querier: what is cut out of a store for a query that is worked out elsewhere. Message-shaped:
// the columns travel as transferred buffers. It answers for the selections that were cut out, and for nothing else.

import type { Labels } from '../sample/sample.ts'
import type { Matcher, Querier, SeriesRef, Window } from './seam.ts'

export type Extract = {
  /** Which series each selection means, as indexes into `labels`. */
  readonly selections: readonly { readonly key: string; readonly refs: Uint32Array }[]
  readonly labels: PackedLabels
  /** Samples of series i lie at [offsets[i], offsets[i + 1]), oldest first. */
  readonly offsets: Float64Array
  readonly times: Float64Array
  readonly values: Float64Array
  readonly stale: Uint8Array
}

/** Label sets as numbers of their texts, each text once: millions of small strings would take longer to hand over than the samples. */
export type PackedLabels = {
  readonly texts: readonly string[]
  /** Numbers of name and value, one label after another. */
  readonly pairs: Uint32Array
  /** Labels of set i lie at [2 · starts[i], 2 · starts[i + 1]). */
  readonly starts: Uint32Array
}

export function packLabels(sets: readonly Labels[]): PackedLabels {
  const packer = labelPacker()
  for (const labels of sets) packer.add(labels)
  return packer.done()
}

export type LabelPacker = {
  /** Answers the number of the set. */
  add(labels: Labels): number
  done(): PackedLabels
}

/** One set after another, so that many of them can be packed in turns. */
export function labelPacker(): LabelPacker {
  const ids = new Map<string, number>()
  let pairs = new Uint32Array(1024)
  let starts = new Uint32Array(256)
  let count = 0
  let at = 0
  const id = (text: string): number => {
    let found = ids.get(text)
    if (found === undefined) {
      found = ids.size
      ids.set(text, found)
    }
    return found
  }
  return {
    add(labels) {
      pairs = grown(pairs, at + 2 * labels.length)
      starts = grown(starts, count + 2)
      for (const [name, value] of labels) {
        pairs[at++] = id(name)
        pairs[at++] = id(value)
      }
      starts[++count] = at / 2
      return count - 1
    },
    done: () => ({ texts: [...ids.keys()], pairs: pairs.subarray(0, at), starts: starts.subarray(0, count + 1) }),
  }
}

function grown(array: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  if (length <= array.length) return array
  const larger = new Uint32Array(Math.max(array.length * 2, length))
  larger.set(array)
  return larger
}

/** Set by number; each is made once. */
export function labelUnpacker({ texts, pairs, starts }: PackedLabels): (index: number) => Labels {
  const made: Labels[] = []
  return (index) => {
    let labels = made[index]
    if (labels === undefined) {
      const list: (readonly [string, string])[] = []
      for (let at = starts[index]! * 2; at < starts[index + 1]! * 2; at += 2)
        list.push([texts[pairs[at]!]!, texts[pairs[at + 1]!]!])
      labels = list
      made[index] = labels
    }
    return labels
  }
}

export const selectionKey = (matchers: readonly Matcher[]): string =>
  JSON.stringify(matchers.map(({ name, op, value }) => [name, op, value]))

export function columnQuerier(extract: Extract): Querier {
  const { offsets, times, values, stale } = extract
  const labels = labelUnpacker(extract.labels)
  const refsOf = new Map(extract.selections.map((one) => [one.key, one.refs]))
  const select = (matchers: readonly Matcher[]): Uint32Array => {
    const refs = refsOf.get(selectionKey(matchers))
    if (refs === undefined) throw new Error('a selection was asked for that was not cut out')
    return refs
  }
  /** First sample of the series later than `time`. */
  const after = (ref: SeriesRef, time: number): number => {
    let [low, high] = [offsets[ref]!, offsets[ref + 1]!]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (times[middle]! <= time) low = middle + 1
      else high = middle
    }
    return low
  }
  const copy = (from: number, count: number, out: Window): void => {
    for (let i = 0; i < count; i++) {
      out.times[i] = times[from + i]!
      out.values[i] = values[from + i]!
      out.stale[i] = stale[from + i]!
    }
  }
  return {
    select,
    labels,
    window(ref, t0, t1, out) {
      const [first, last] = [after(ref, t0), after(ref, t1)]
      const count = Math.min(last - first, out.times.length)
      copy(last - count, count, out)
      return last - first
    },
    latest(ref, t0, t1, out) {
      const last = after(ref, t1) - 1
      if (last < offsets[ref]! || times[last]! <= t0) return 0
      copy(last, 1, out)
      return 1
    },
    generation: 0,
    labelNames: (matchers) =>
      [...new Set([...select(matchers)].flatMap((ref) => labels(ref).map(([name]) => name)))].sort(),
    labelValues: (name, matchers) =>
      [
        ...new Set(
          [...select(matchers)].flatMap((ref) => labels(ref).flatMap(([key, value]) => (key === name ? [value] : []))),
        ),
      ].sort(),
    get minTime() {
      return times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY)
    },
    get maxTime() {
      return times.reduce((most, time) => Math.max(most, time), Number.NEGATIVE_INFINITY)
    },
  }
}
