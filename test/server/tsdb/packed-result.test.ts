import { describe, expect, it } from 'vitest'
import type { QueryResult } from '../../../core/promql/query.ts'
import { buffersOfResult, packResult, unpackResult } from '../../../server/tsdb/packed-result.ts'

const labels = (name: string, ...more: [string, string][]) => [['__name__', name] as const, ...more]
const results: readonly (readonly [string, QueryResult])[] = [
  ['a scalar', { type: 'scalar', time: 5, value: 1.5, infos: ['said'] }],
  ['a string', { type: 'string', time: 5, value: 'text' }],
  ['a vector of nothing', { type: 'vector', time: 5, samples: [] }],
  [
    'a vector with notes',
    {
      type: 'vector',
      time: 5,
      samples: Array.from({ length: 200 }, (_, i) => ({ labels: labels('m', ['i', String(i % 7)]), value: i })),
      warnings: ['mind'],
    },
  ],
  [
    'a matrix with a series without labels and one without points',
    {
      type: 'matrix',
      series: [
        { labels: [], times: Float64Array.of(1, 2), values: Float64Array.of(Number.NaN, -0) },
        { labels: labels('m'), times: Float64Array.of(), values: Float64Array.of() },
        { labels: labels('m', ['a', '✓']), times: Float64Array.of(3), values: Float64Array.of(4) },
      ],
    },
  ],
]

describe('a result between two threads', () => {
  it.each(results)('%s comes out as it went in, and its buffers are handed over', async (_what, result) => {
    const packed = packResult(result)
    const sent = structuredClone(packed, { transfer: buffersOfResult(packed) })
    let pauses = 0
    expect(await unpackResult(sent, async () => void pauses++)).toEqual(result)
    const rows = result.type === 'vector' ? result.samples.length : result.type === 'matrix' ? result.series.length : 0
    expect(pauses).toBe(Math.ceil(rows / 64))
    for (const buffer of buffersOfResult(packed)) expect(buffer.byteLength).toBe(0)
  })
})
