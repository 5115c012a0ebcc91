// A store without some hosts answers random queries that never look across hosts as the whole store does, less the rows of those hosts; by plans and
// by the full evaluator, while hosts come and go. The seed is in the name of a failure.

import { describe, expect, it } from 'vitest'
import { isInferwardError } from '../../../core/base/errors.ts'
import { localityOf } from '../../../core/promql/host-local.ts'
import { defaultLimits, instantQuery } from '../../../core/promql/query.ts'
import { parseSeries } from '../../../core/promql/series-notation.ts'
import { openStandingQueries } from '../../../core/promql/standing/standing.ts'
import { keyOf } from '../../../core/promql/vector.ts'
import { openHead } from '../../../core/series/head.ts'
import type { Labels } from '../../../core/series/seam.ts'
import { withoutHosts } from '../../../server/tsdb/without-hosts.ts'
import { randomFrom, randomQuery, series, stepMs } from '../../core/promql/random-query.ts'

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
/** The random queries know hosts as jobs. */
const hosts = (text: string): string => text.replaceAll('job', 'host')
const hostOf = (labels: Labels): string => labels.find(([name]) => name === 'host')?.[1] ?? ''
type Rows = readonly { readonly labels: Labels; readonly value: number }[]
const shown = (rows: Rows): readonly string[] => rows.map(({ labels, value }) => `${keyOf(labels)} ${value}`).sort()

describe(`a store without some hosts (FUZZ_SEED=${seed})`, () => {
  it('gives what the whole store gives, less the rows of those hosts', () => {
    const head = openHead({ maxSeries: 100, retentionMs: Number.POSITIVE_INFINITY })
    for (const row of series) {
      const { labels, samples } = parseSeries(hosts(row))
      const ref = head.series(labels)
      if (typeof ref === 'string') throw new Error(ref)
      samples.forEach((one, index) => {
        if (one !== undefined) head.append(ref, index * stepMs, one.value, one.stale)
      })
    }
    const held = { hosts: new Set<string>(), version: 0 }
    const view = withoutHosts(head, held)
    const standing = openStandingQueries(view, { lookbackMs: defaultLimits.lookbackMs, maxSamples: 1_000_000 })
    const random = randomFrom(seed)
    let [compared, planned, rows] = [0, 0, 0]
    for (let round = 0; round < 3000; round++) {
      const query = hosts(randomQuery(random, 1 + Math.floor(random() * 3)))
      const time = Math.floor(random() * 45) * stepMs
      if (random() < 0.2) {
        const host = random() < 0.5 ? 'api' : 'web'
        if (!held.hosts.delete(host)) held.hosts.add(host)
        held.version++
        standing.clear()
      }
      try {
        if (!localityOf(query, 'host').local) continue
        const whole = instantQuery(head, query, time)
        const part = instantQuery(view, query, time)
        if (whole.type !== 'vector' || part.type !== 'vector') continue
        const wanted = whole.samples.filter(({ labels }) => !held.hosts.has(hostOf(labels)))
        expect(shown(part.samples), query).toEqual(shown(wanted))
        compared++
        rows += wanted.length
        const plan = standing.answer(query, time)
        if (plan === null) continue
        expect(shown(plan.samples), query).toEqual(shown(wanted))
        planned++
      } catch (error) {
        // Switched-off functions, many partners where one is allowed: nothing to compare.
        if (!isInferwardError(error)) throw error
      }
    }
    expect(compared).toBeGreaterThan(100)
    expect(planned).toBeGreaterThan(10)
    expect(rows).toBeGreaterThan(compared / 4)
  })
})
