// From bodies as they came to requests as they go out: series are dealt to lanes by their labels, so that the samples of one series stay in order
// however many requests are under way. Labels of the server itself are added where a series has none of that name.

import { decodeWriteRequest, encodeWriteRequest } from '../../core/sample/remote-write.ts'
import { type Labels, receivedLabels, type SeriesSamples } from '../../core/sample/sample.ts'
import { decodeWrite2 } from '../../core/sample/write-2.ts'

export type Batch = { readonly body: Uint8Array; readonly samples: number }

/** Throws `remote_write.malformed`. */
export function seriesOfBody(body: Uint8Array, kind: 'write' | 'write2'): readonly SeriesSamples[] {
  if (kind === 'write2') return decodeWrite2(body)
  const out: { labels: Labels; times: number[]; values: number[]; stale: boolean[] }[] = []
  decodeWriteRequest(body, {
    series: (labels) => void out.push({ labels, times: [], values: [], stale: [] }),
    sample: (time, value, stale) => {
      const one = out.at(-1)!
      one.times.push(time)
      one.values.push(value)
      one.stale.push(stale)
    },
  })
  return out
}

/** Requests for each lane, in the order they must be made. */
export function batchesOf(
  series: readonly SeriesSamples[],
  options: {
    readonly lanes: number
    readonly maxSamples: number
    readonly externalLabels: Readonly<Record<string, string>>
  },
): readonly (readonly Batch[])[] {
  const external = Object.entries(options.externalLabels)
  const lanes = Array.from({ length: options.lanes }, () => [] as SeriesSamples[])
  for (const one of series) {
    const labels = receivedLabels(withExternal(one.labels, external))
    if (labels === null || labels.length === 0) continue
    lanes[hashOf(labels) % options.lanes]!.push({ ...one, labels })
  }
  return lanes.map((lane) => cut(lane, options.maxSamples))
}

function cut(series: readonly SeriesSamples[], maxSamples: number): readonly Batch[] {
  const out: Batch[] = []
  let part: SeriesSamples[] = []
  let samples = 0
  const close = (): void => {
    if (samples > 0) out.push({ body: encodeWriteRequest(part), samples })
    part = []
    samples = 0
  }
  for (const { labels, times, values, stale } of series) {
    for (let from = 0; from < times.length; ) {
      const to = Math.min(times.length, from + maxSamples - samples)
      part.push({
        labels,
        times: times.slice(from, to),
        values: values.slice(from, to),
        ...(stale === undefined ? {} : { stale: stale.slice(from, to) }),
      })
      samples += to - from
      from = to
      if (samples >= maxSamples) close()
    }
  }
  close()
  return out
}

function withExternal(labels: Labels, external: readonly (readonly [string, string])[]): Labels {
  const missing = external.filter(([name]) => !labels.some(([own]) => own === name))
  return missing.length === 0 ? labels : [...labels, ...missing]
}

function hashOf(labels: Labels): number {
  let hash = 0x811c9dc5
  for (const pair of labels)
    for (const text of pair)
      for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}
