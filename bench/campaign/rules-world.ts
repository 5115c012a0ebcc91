// A small store that lives as badly as real ones do, and queries that are asked of it at every tick, both by their plans and by the full
// evaluator. Whatever differs by a bit or in its order is a difference. The same seed gives the same life.

import { isInferwardError } from '../../core/base/errors.ts'
import { defaultLimits, instantQuery } from '../../core/promql/query.ts'
import { openStandingQueries } from '../../core/promql/standing/standing.ts'
import { openHead } from '../../core/series/head.ts'
import type { Labels } from '../../core/series/seam.ts'
import { type Random, ruleExpression, type Vocabulary } from '../rule-grammar.ts'

export type WorldReport = {
  readonly ticks: number
  /** Answered by plans. */
  readonly standing: number
  /** Plans that left a tick to the full evaluator. */
  readonly declined: number
  readonly answered: number
  readonly differences: readonly string[]
}

export const worldWords: Vocabulary = {
  gauges: ['load', 'limit', 'wild', '{__name__=~"load|limit"}', 'gone'],
  counters: ['requests_total', 'errors_total', 'wild'],
  histograms: ['latency'],
  infos: [{ metric: 'build_info', on: 'instance', brings: 'version' }],
  labels: ['job', 'instance', 'code'],
  matchers: ['job="api"', 'job!="api"', 'code=~"5.."', 'instance=~"0|1|2"', 'code=""', 'instance!="1"'],
  ranges: ['30s', '1m', '2m', '5m', '10m', '15m'],
}

type Life = {
  readonly labels: Labels
  readonly kind: 'gauge' | 'counter' | 'wild' | 'one'
  ref: number
  value: number
  rests: number
}

const everyMs = 15_000

export function liveThrough(
  seed: number,
  random: Random,
  options: { readonly ticks: number; readonly queries: number; readonly extra?: () => string },
): WorldReport {
  const chance = (p: number): boolean => random() < p
  // Half of the lives take samples behind newer ones.
  const outOfOrderMs = chance(0.5) ? 20 * 60_000 : 0
  const head = openHead({ maxSeries: 10_000, retentionMs: 30 * 60_000, outOfOrderMs })
  const standing = openStandingQueries(head, {
    lookbackMs: defaultLimits.lookbackMs,
    maxSamples: defaultLimits.maxSamples,
  })
  const between = (low: number, high: number): number => low + Math.floor(random() * (high - low))
  const queries = Array.from({ length: options.queries }, () =>
    options.extra !== undefined && chance(0.3) ? options.extra() : ruleExpression(random, worldWords),
  )
  let lives: Life[] = []
  let now = 1_700_000_000_000
  let born = 0

  const bear = (): void => {
    const instance = String(born++ % 7)
    const job = chance(0.6) ? 'api' : 'web'
    const add = (name: string, extra: Readonly<Record<string, string>>, kind: Life['kind']): void => {
      const all: [string, string][] = Object.entries({ __name__: name, job, instance, ...extra })
      const labels = all.filter(([, value]) => value !== '').sort((a, b) => (a[0] < b[0] ? -1 : 1))
      lives.push({ labels, kind, ref: -1, value: between(0, 50), rests: 0 })
    }
    add('load', {}, 'gauge')
    add('limit', chance(0.5) ? {} : { instance: '' }, 'gauge')
    add('wild', chance(0.5) ? { code: '500' } : {}, 'wild')
    for (const code of ['200', '500']) add('requests_total', { code }, 'counter')
    if (chance(0.5)) add('errors_total', { code: '503' }, 'counter')
    for (const le of chance(0.95) ? ['0.1', '0.5', '1', '+Inf'] : ['0.1', '1', '1.0', 'wrong', '+Inf'])
      add('latency_bucket', { le }, 'counter')
    add('build_info', { version: pickOf(['a', 'b', 'c']) }, 'one')
  }
  const pickOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1e308, -1e308, 5e-324]

  const sample = (life: Life): void => {
    if (life.rests > 0) {
      life.rests--
      return
    }
    if (chance(0.01)) life.rests = between(1, 30)
    const ref = head.series(life.labels)
    if (typeof ref === 'string') return
    const time = now + (chance(0.3) ? between(-4000, 4000) : 0)
    if (chance(0.006)) {
      head.append(ref, time, Number.NaN, true)
      return
    }
    if (life.kind === 'counter')
      life.value = chance(0.02) ? between(0, 5) : life.value + between(0, 9) / pickOf([1, 1, 3])
    else if (life.kind === 'gauge') life.value = chance(0.3) ? life.value : (random() - 0.5) * pickOf([1, 10, 1e6])
    else if (life.kind === 'wild') life.value = chance(0.2) ? pickOf(odd) : random() * 10
    else life.value = 1
    head.append(ref, time, life.value, false)
    for (; outOfOrderMs > 0 && chance(0.06); ) {
      const before = time - between(1, chance(0.7) ? 300_000 : 1_500_000)
      head.append(ref, before, chance(0.1) ? pickOf(odd) : life.value + between(-3, 3), chance(0.02))
    }
  }

  for (let i = 0; i < between(2, 6); i++) bear()
  let [ticks, planned, declined, answered] = [0, 0, 0, 0]
  const differences: string[] = []
  for (let tick = 0; tick < options.ticks; tick++) {
    now += everyMs
    if (chance(0.03)) bear()
    if (chance(0.05)) lives = lives.filter(() => chance(0.9))
    if (chance(0.02)) now += between(0, 20) * 60_000
    if (chance(0.05)) head.collect()
    for (const life of lives) sample(life)
    standing.changed()
    const at = now + (chance(0.3) ? between(-60_000, 20_000) : 0)
    for (const query of queries) {
      if (!standing.has(query)) continue
      ticks++
      const plan = standing.answer(query, at)
      if (plan === null) declined++
      else planned++
      let full: string
      try {
        const result = instantQuery(head, query, at)
        full = result.type === 'vector' ? textOf(result.samples) : result.type
        if (result.type === 'vector' && result.samples.length > 0) answered++
        const told = 'warnings' in result || 'infos' in result
        if (plan !== null && told && !plan.noted) full += ' and notes'
      } catch (error) {
        if (!isInferwardError(error)) throw error
        full = error.message
      }
      const given = plan === null ? full : textOf(plan.samples)
      if (given !== full && differences.length < 10)
        differences.push(`seed ${seed}, tick ${tick}: ${query} at ${at}\n  plan ${given}\n  full ${full}`)
    }
  }
  return { ticks, standing: planned, declined, answered, differences }
}

/** Bit for bit: NaN is NaN, 0 is not -0. */
function textOf(samples: readonly { readonly labels: Labels; readonly value: number }[]): string {
  return samples
    .map(({ labels, value }) => `${JSON.stringify(labels)} ${Object.is(value, -0) ? '-0' : value}`)
    .join('; ')
}
