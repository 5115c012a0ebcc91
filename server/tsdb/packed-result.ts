// Results of queries between threads: a hundred thousand label sets as objects take longer to hand over than to work out. Packed on one side into a few
// columns, which travel as transferred buffers; put together on the other in turns, so that nobody there is held up. Invariant: what is unpacked is
// what was packed.

import type { MatrixSeries, QueryResult } from '../../core/promql/query.ts'
import { labelUnpacker, type PackedLabels, packLabels } from '../../core/series/column-querier.ts'
import type { Labels } from '../../core/series/seam.ts'

type Notes = Pick<QueryResult, 'warnings' | 'infos'>
export type PackedResult =
  | Extract<QueryResult, { type: 'scalar' | 'string' }>
  | (Notes & {
      readonly type: 'vector'
      readonly time: number
      readonly labels: PackedLabels
      readonly values: Float64Array
    })
  | (Notes & {
      readonly type: 'matrix'
      readonly labels: PackedLabels
      /** Points of series i lie at [offsets[i], offsets[i + 1]). */
      readonly offsets: Float64Array
      readonly times: Float64Array
      readonly values: Float64Array
    })

/** Rows between two looks at the time. */
const stride = 64

export function packResult(result: QueryResult): PackedResult {
  if (result.type === 'vector') {
    const { samples, ...rest } = result
    const values = Float64Array.from(samples, ({ value }) => value)
    return { ...rest, labels: packLabels(samples.map(({ labels }) => labels)), values }
  }
  if (result.type !== 'matrix') return result
  const { series, ...rest } = result
  const offsets = new Float64Array(series.length + 1)
  series.forEach((one, i) => {
    offsets[i + 1] = offsets[i]! + one.times.length
  })
  const [times, values] = [new Float64Array(offsets[series.length]!), new Float64Array(offsets[series.length]!)]
  series.forEach((one, i) => {
    times.set(one.times, offsets[i])
    values.set(one.values, offsets[i])
  })
  return { ...rest, labels: packLabels(series.map(({ labels }) => labels)), offsets, times, values }
}

/** `pause` is called now and then: it decides whether to give others a turn. */
export async function unpackResult(packed: PackedResult, pause: () => Promise<void>): Promise<QueryResult> {
  if (packed.type === 'vector') {
    const { labels, values, ...rest } = packed
    const labelsOf = labelUnpacker(labels)
    const samples: { readonly labels: Labels; readonly value: number }[] = []
    for (let i = 0; i < values.length; i++) {
      samples.push({ labels: labelsOf(i), value: values[i]! })
      if (i % stride === 0) await pause()
    }
    return { ...rest, samples }
  }
  if (packed.type !== 'matrix') return packed
  const { labels, offsets, times, values, ...rest } = packed
  const labelsOf = labelUnpacker(labels)
  const series: MatrixSeries[] = []
  for (let i = 0; i + 1 < offsets.length; i++) {
    const [from, to] = [offsets[i]!, offsets[i + 1]!]
    series.push({ labels: labelsOf(i), times: times.subarray(from, to), values: values.subarray(from, to) })
    if (i % stride === 0) await pause()
  }
  return { ...rest, series }
}

/** Buffers that go along instead of being copied. */
export function buffersOfResult(packed: PackedResult): ArrayBuffer[] {
  if (packed.type !== 'vector' && packed.type !== 'matrix') return []
  const { labels, values } = packed
  const columns = [labels.pairs, labels.starts, values]
  if (packed.type === 'matrix') columns.push(packed.offsets, packed.times)
  return columns.map((column) => column.buffer as ArrayBuffer)
}
