// Standing queries beside the full evaluator: the same bits in the same order over stores that live badly, and the few things that only plans do.

import { describe, expect, it } from 'vitest'
import { liveThrough } from '../../../../bench/campaign/rules-world.ts'
import { parseQuery } from '../../../../core/promql/parser.ts'
import { instantQuery } from '../../../../core/promql/query.ts'
import { openStandingQueries, type StandingQueries } from '../../../../core/promql/standing/standing.ts'
import { type Head, openHead } from '../../../../core/series/head.ts'
import { randomFrom, randomQuery } from '../random-query.ts'

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const minute = 60_000

function store(): { head: Head; standing: StandingQueries; add: (text: string, time: number, value: number) => void } {
  const head = openHead({ maxSeries: 1000, retentionMs: 60 * minute })
  const standing = openStandingQueries(head, { lookbackMs: 5 * minute, maxSamples: 10_000 })
  const add = (text: string, time: number, value: number): void => {
    const [, name = '', inner = ''] = /^(\w+)\{(.*)\}$/.exec(text) ?? []
    const pairs = inner.split(',').map((pair) => pair.split('=') as [string, string])
    const labels = [['__name__', name] as [string, string], ...pairs].sort((a, b) => (a[0] < b[0] ? -1 : 1))
    expect(head.append(head.series(labels) as number, time, value, false)).toBeNull()
  }
  return { head, standing, add }
}

describe(`standing queries (FUZZ_SEED=${seed})`, () => {
  it('give what the full evaluator gives, bit for bit and in its order', () => {
    let [standing, answered] = [0, 0]
    for (let life = 0; life < 12; life++) {
      const random = randomFrom(seed + life)
      const report = liveThrough(seed + life, random, { ticks: 80, queries: 25 })
      expect(report.differences).toEqual([])
      standing += report.standing
      answered += report.answered
    }
    // Else this would test little.
    expect(standing).toBeGreaterThan(15_000)
    expect(answered).toBeGreaterThan(4000)
  }, 90_000)

  it('give it for queries of every other kind as well', () => {
    for (let life = 0; life < 6; life++) {
      const random = randomFrom(seed - 1 - life)
      const extra = (): string => {
        for (;;) {
          const query = randomQuery(random, 1 + Math.floor(random() * 4))
          try {
            parseQuery(query)
            return query
          } catch {
            // Meant for the options that upstream keeps behind flags.
          }
        }
      }
      expect(liveThrough(seed - 1 - life, random, { ticks: 40, queries: 40, extra }).differences).toEqual([])
    }
  })

  it('are made ready part by part, once for as long as no series comes or goes', async () => {
    const { standing, add } = store()
    add('m{i=1}', minute, 1)
    const query = 'sum by (i) (m) > 0 and on (i) (m + 1)'
    let pauses = 0
    const prepare = () => standing.prepare(query, minute, async () => void pauses++)
    await prepare()
    // m, its sum, the comparison, m + 1, the whole.
    expect(pauses).toBe(5)
    add('m{i=1}', 2 * minute, 2)
    standing.changed()
    await prepare()
    expect(pauses).toBe(5)
    add('other{i=1}', 2 * minute, 2)
    await prepare()
    expect(pauses).toBe(5)
    add('m{i=2}', 2 * minute, 2)
    await prepare()
    expect(pauses).toBe(10)
    expect(standing.answer(query, 2 * minute)!.samples).toHaveLength(2)
    await standing.prepare('m', 2 * minute, async () => expect.unreachable())
    await standing.prepare('sort(m)', 2 * minute, async () => expect.unreachable())
  })

  it.each([
    'up == 0',
    '1 - up > bool 3',
    'avg_over_time(up[5m] offset 1m) > 0.9 and on (job) rate(errors_total[5m]) > 0',
    'sum by (job) (rate(errors_total{code=~"5.."}[5m])) / sum by (job) (rate(errors_total[5m])) > 0.01',
    'histogram_quantile(0.99, sum by (le, job) (rate(latency_bucket[5m])))',
    'quantile without (instance) (0.9, up) unless absent(down)',
    'topk(3, up) or vector(1)',
    'up * on (instance) group_left (version) build_info > 0',
    'scalar(sum(up)) - up > time()',
    'predict_linear(free[15m], 3600) < 0',
  ])('has a plan for %s', (query) => {
    expect(store().standing.has(query)).toBe(true)
  })

  it.each([
    '1',
    'up[5m]',
    'max_over_time(up[5m:1m])',
    'label_replace(up, "a", "b", "c", "d")',
    'count_values("value", up)',
    'sort(up)',
  ])('leaves %s to the full evaluator', (query) => {
    const { standing } = store()
    expect(standing.has(query)).toBe(false)
    expect(standing.answer(query, 0)).toBeNull()
  })

  it('see series that come, go and come again under the same reference', () => {
    const { head, standing, add } = store()
    const seen = (time: number) => standing.answer('sum by (job) (load)', time)?.samples
    add('load{job=a,instance=1}', 0, 1)
    expect(seen(0)).toEqual([{ labels: [['job', 'a']], value: 1 }])
    add('load{job=b,instance=1}', 1000, 2)
    standing.changed()
    expect(seen(1000)?.map(({ value }) => value)).toEqual([1, 2])
    add('other{job=x,instance=1}', 90 * minute, 1)
    expect(head.collect()).toBe(2)
    add('load{job=c,instance=1}', 90 * minute, 3)
    standing.changed()
    expect(seen(90 * minute)).toEqual([{ labels: [['job', 'c']], value: 3 }])
  })

  it('work a moment out once, until what they read has changed', () => {
    const { standing, add } = store()
    add('load{job=a}', 0, 1)
    add('limit{job=a}', 0, 1)
    const seen = () => standing.answer('load + on (job) limit', 1000)?.samples[0]?.value
    expect(seen()).toBe(2)
    add('load{job=a}', 1000, 5)
    standing.changed('limit')
    // Nobody said that `load` had changed: the moment stands.
    expect(standing.answer('load', 1000)?.samples[0]?.value).toBe(1)
    standing.changed('load')
    expect(seen()).toBe(6)
  })

  it('leave errors to the full evaluator, and never answer past the sample limit', () => {
    const { head, standing, add } = store()
    add('load{job=a,instance=1}', 0, 1)
    add('load{job=a,instance=2}', 0, 2)
    expect(standing.answer('load + on (job) load', 0)).toBeNull()
    expect(() => instantQuery(head, 'load + on (job) load', 0)).toThrow('many-to-many')
    const strict = openStandingQueries(head, { lookbackMs: minute, maxSamples: 1 })
    expect(strict.answer('load', 0)).toBeNull()
    expect(strict.answer('load{instance="1"}', 0)?.samples).toHaveLength(1)
  })

  it('say where the full evaluator would tell something beside the result', () => {
    const { standing, add } = store()
    for (let i = 0; i < 5; i++) add('load{job=a}', i * 15_000, i)
    for (let i = 0; i < 5; i++) add('load_total{job=a}', i * 15_000, i)
    expect(standing.answer('rate(load[5m])', minute)?.noted).toBe(true)
    expect(standing.answer('rate(load_total[5m])', minute)?.noted).toBe(false)
    expect(standing.answer('quantile(2, load)', minute)?.noted).toBe(true)
  })
})
