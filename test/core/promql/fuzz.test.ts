// Random queries over a small store: they never fail but by an InferwardError, print back to themselves, and give at one step of a range what
// they give at that instant. The seed is in the name of a failure.

import { describe, expect, it } from 'vitest'
import { isInferwardError } from '../../../core/base/errors.ts'
import { parseQuery } from '../../../core/promql/parser.ts'
import { printNode } from '../../../core/promql/print.ts'
import { instantQuery, type QueryLimits, type QueryResult, rangeQuery } from '../../../core/promql/query.ts'
import { parseSeries } from '../../../core/promql/series-notation.ts'
import { keyOf } from '../../../core/promql/vector.ts'
import { openHead } from '../../../core/series/head.ts'
import { randomFrom, randomQuery, series, stepMs } from './random-query.ts'

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const rounds = Number(process.env.FUZZ_ROUNDS ?? 1500)
const options = { experimental: true, delayedNames: true }
const limits: QueryLimits = { lookbackMs: 300_000, defaultStepMs: 60_000, maxSamples: 1_000_000, options }

const head = openHead({ maxSeries: 100, retentionMs: Number.POSITIVE_INFINITY })
for (const row of series) {
  const { labels, samples } = parseSeries(row)
  const ref = head.series(labels)
  if (typeof ref === 'string') throw new Error(ref)
  samples.forEach((sample, index) => {
    if (sample !== undefined) head.append(ref, index * stepMs, sample.value, sample.stale)
  })
}

/** The result, or the message of the failure; whatever is no InferwardError is thrown on. */
function attempt(work: () => QueryResult): QueryResult | string {
  try {
    return work()
  } catch (error) {
    if (isInferwardError(error)) return error.message
    throw error
  }
}

describe(`random queries (FUZZ_SEED=${seed})`, () => {
  it('never fail but by an InferwardError, and print back to themselves', () => {
    const random = randomFrom(seed)
    let answered = 0
    for (let round = 0; round < rounds; round++) {
      const query = randomQuery(random, 1 + Math.floor(random() * 4))
      const node = parseQuery(query, options)
      expect(printNode(parseQuery(printNode(node), options)), query).toBe(printNode(node))
      const time = Math.floor(random() * 50) * 30_000
      const result = attempt(() => instantQuery(head, query, time, limits))
      if (typeof result !== 'string') answered++
    }
    // Most of them have an answer, else this would test little.
    expect(answered).toBeGreaterThan(rounds / 2)
  })

  it('give at a step of a range what they give at that instant', () => {
    const random = randomFrom(seed + 1)
    for (let round = 0; round < rounds / 2; round++) {
      const query = randomQuery(random, 1 + Math.floor(random() * 3))
      // These see the range itself, or choose by an order that a range does not have.
      if (/start\(\)|end\(\)|step\(\)|topk|bottomk|limitk/.test(query)) continue
      const time = 300_000 + Math.floor(random() * 30) * 30_000
      const range = { start: time - 60_000, end: time + 60_000, stepMs: 30_000 }
      const one = attempt(() => instantQuery(head, query, time, limits))
      const many = attempt(() => rangeQuery(head, query, range, limits))
      // Another step of the range may fail where this one does not.
      if (typeof one === 'string' || typeof many === 'string' || one.type === 'string' || one.type === 'matrix')
        continue
      const samples = one.type === 'scalar' ? [{ labels: [], value: one.value }] : one.samples
      const wanted = samples.map(({ labels, value }) => [keyOf(labels), value] as const).sort(byKey)
      const given = (many.type === 'matrix' ? many.series : [])
        .flatMap(({ labels, times, values }) => {
          const index = times.indexOf(time)
          return index < 0 ? [] : [[keyOf(labels), values[index]!] as const]
        })
        .sort(byKey)
      expect(given, `${query} at ${time}`).toEqual(wanted)
    }
  })

  it('broken anywhere are refused by a parse error', () => {
    const random = randomFrom(seed + 2)
    for (let round = 0; round < rounds; round++) {
      const query = randomQuery(random, 3)
      const at = Math.floor(random() * query.length)
      const junk = '(){}[],"\'`@#:=~!<>/^-+\\\u0000\ud83dé0aAx '
      const piece = random() < 0.5 ? '' : junk[Math.floor(random() * junk.length)]!
      const broken = query.slice(0, at) + piece + query.slice(at + Math.floor(random() * 4))
      try {
        parseQuery(broken, options)
      } catch (error) {
        if (!isInferwardError(error) || error.code !== 'promql.parse') throw new Error(`${broken}: ${String(error)}`)
        expect(error.message, broken).toMatch(/^(?:\d+:\d+|unknown position): parse error: /)
      }
    }
  })
})

const byKey = (a: readonly [string, number], b: readonly [string, number]): number => (a[0] < b[0] ? -1 : 1)
