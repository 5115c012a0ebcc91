// Queries that never look across hosts: which they are, why others are not, and, over random ones, that the answer over the fleet is the answers
// of the hosts put together. The seed is in the name of a failure.

import { describe, expect, it } from 'vitest'
import { isInferwardError } from '../../../core/base/errors.ts'
import {
  constantFunctions,
  functionsOfAll,
  functionsOfOneSeries,
  functionsThatLabel,
  localityOf,
} from '../../../core/promql/host-local.ts'
import { parseQuery } from '../../../core/promql/parser.ts'
import { instantQuery, type QueryLimits } from '../../../core/promql/query.ts'
import { parseSeries } from '../../../core/promql/series-notation.ts'
import { signatures } from '../../../core/promql/signatures.ts'
import { keyOf } from '../../../core/promql/vector.ts'
import { openHead } from '../../../core/series/head.ts'
import type { Labels } from '../../../core/series/seam.ts'
import { randomFrom, randomQuery, series, stepMs } from './random-query.ts'

const reason = (query: string): string => {
  const found = localityOf(query, 'host')
  return found.local ? '' : `${query.slice(found.span.start, found.span.end)}: ${found.reason}`
}

describe('a query that never looks across hosts', () => {
  it.each([
    'up == 0',
    'rate(errors_total[5m]) > 0.1',
    'sum by (host, engine) (rate(errors_total[5m])) / sum by (host, engine) (rate(requests_total[5m])) > 0.01',
    'min without (cpu) (idle) < 0.1',
    'max by (host) (a) unless on (host) b == 0',
    '(a or b) and on (host, gpu) c',
    'a * on (host) group_left (version) b',
    'a + ignoring (gpu) b',
    'histogram_quantile(0.99, sum by (host, le) (rate(latency_bucket[1m]))) > 0.05',
    'quantile by (host) (0.9, load)',
    'max_over_time(sum by (host) (load)[10m:15s])',
    'time() - started > 60',
    'label_replace(a, "role", "$1", "name", "(.*)") > 0',
    'count_values by (host) ("version", build)',
    'hour(a) > 3',
    'a offset 5m',
  ])('is %s', (query) => {
    expect(reason(query)).toBe('')
  })

  it.each([
    ['1', '1: it reads no series'],
    ['sum(a)', 'sum(a): sum is not by "host"'],
    ['sum by (gpu) (a)', 'sum by (gpu) (a): sum is not by "host"'],
    ['max without (host) (a)', 'max without (host) (a): max drops "host"'],
    ['a and on (rack) b', 'a and on (rack) b: "and" matches series of different hosts: add "host"'],
    ['a / ignoring (host) b', 'a / ignoring (host) b: "/" matches series of different hosts: do not ignore "host"'],
    ['a * ignoring (gpu) group_left (host) b', 'a * ignoring (gpu) group_left (host) b: "*" copies "host"'],
    ['absent(a)', 'absent(a): absent() asks the whole fleet'],
    ['a > scalar(b)', 'scalar(b): scalar() asks whether there is one series in the whole fleet'],
    ['a or vector(0)', 'vector(0): vector() gives a row that is of no host'],
    ['topk by (host) (3, a)', 'topk by (host) (3, a): topk may choose among equals'],
    ['quantile by (host) (scalar(b), a)', 'scalar(b): the parameter of quantile reads series'],
    ['label_replace(a, "host", "x", "", "")', 'label_replace(a, "host", "x", "", ""): label_replace() writes "host"'],
    ['label_join(a, "host", "", "b")', 'label_join(a, "host", "", "b"): label_join() writes "host"'],
    ['count_values by (gpu, host) ("host", a)', 'count_values by (gpu, host) ("host", a): count_values writes "host"'],
    ['hour() > 3', 'hour(): hour() reads no series here'],
    ['a @ 1000', 'a @ 1000: it reads a fixed moment of the past'],
    ['a offset -5m', 'a offset -5m: it reads ahead of its time'],
  ])('is not %s', (query, words) => {
    expect(reason(query)).toBe(words)
  })

  it('tells how far back it reads', () => {
    expect(localityOf('increase(a[30s]) > 0 or max_over_time(a[10m:15s]) > 0', 'host')).toMatchObject({
      local: true,
      reachMs: 15 * 60_000,
    })
  })

  it('knows every function there is', () => {
    const known = [...functionsOfOneSeries, ...functionsThatLabel, ...constantFunctions, ...functionsOfAll.keys()]
    expect(known.sort()).toEqual([...signatures.keys()].sort())
  })
})

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const rounds = Number(process.env.FUZZ_ROUNDS ?? 2000)
const options = { experimental: true, delayedNames: true }
const limits: QueryLimits = { lookbackMs: 300_000, defaultStepMs: 60_000, maxSamples: 1_000_000, options }
const parsed = series.map(parseSeries)
const valueUnder = (labels: Labels, name: string): string => labels.find(([key]) => key === name)?.[1] ?? ''

function headOf(wanted: (labels: Labels) => boolean) {
  const head = openHead({ maxSeries: 100, retentionMs: Number.POSITIVE_INFINITY })
  for (const { labels, samples } of parsed) {
    if (!wanted(labels)) continue
    const ref = head.series(labels)
    if (typeof ref === 'string') throw new Error(ref)
    samples.forEach((sample, index) => {
      if (sample !== undefined) head.append(ref, index * stepMs, sample.value, sample.stale)
    })
  }
  return head
}

describe(`random queries (FUZZ_SEED=${seed})`, () => {
  it.each([
    'job',
    'instance',
  ])('that never look across "%s" give over all what they give over each, put together', (label) => {
    const fleet = headOf(() => true)
    const hosts = [...new Set(parsed.map(({ labels }) => valueUnder(labels, label)))]
    const heads = hosts.map((host) => ({ host, head: headOf((labels) => valueUnder(labels, label) === host) }))
    const random = randomFrom(seed)
    let compared = 0
    let rows = 0
    for (let round = 0; round < rounds; round++) {
      const query = randomQuery(random, 1 + Math.floor(random() * 4))
      const node = parseQuery(query, options)
      if (!localityOf(node, label).local) continue
      const time = Math.floor(random() * 50) * 30_000
      const answer = (head: ReturnType<typeof headOf>) => {
        const result = instantQuery(head, query, time, limits)
        return result.type === 'vector'
          ? result.samples.map(({ labels, value }) => ({ labels, key: keyOf(labels), value }))
          : []
      }
      let whole: ReturnType<typeof answer>
      let parts: ReturnType<typeof answer>
      try {
        whole = answer(fleet)
        parts = heads.flatMap(({ host, head }) => {
          const found = answer(head)
          // Each host speaks of itself alone.
          for (const { labels } of found) expect(valueUnder(labels, label), query).toBe(host)
          return found
        })
      } catch (error) {
        // Many partners where one is allowed, say: one host's fault is the fleet's, so there is nothing to compare.
        if (isInferwardError(error)) continue
        throw error
      }
      const order = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1)
      whole.sort(order)
      parts.sort(order)
      expect(
        parts.map(({ key }) => key),
        query,
      ).toEqual(whole.map(({ key }) => key))
      whole.forEach(({ value }, i) => {
        const other = parts[i]!.value
        if (Object.is(value, other)) return
        expect(Math.abs(value - other), query).toBeLessThanOrEqual(1e-9 * Math.max(Math.abs(value), Math.abs(other)))
      })
      compared++
      rows += whole.length
    }
    // Else this would test little.
    expect(compared).toBeGreaterThan(rounds / 20)
    expect(rows).toBeGreaterThan(compared)
  })
})
