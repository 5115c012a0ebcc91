// Queries that are asked again and again at one moment after another: compiled once, then answered from numbers. A plan gives what the full
// evaluator gives, bit for bit and in the same order, or declines; it never guesses.

import type { Labels, Matcher, Querier } from '../../series/seam.ts'
import { parseQuery } from '../parser.ts'
import { openCompiler, type Plan } from './compile.ts'
import type { Moment } from './rows.ts'

export type StandingAnswer = {
  readonly samples: readonly { readonly labels: Labels; readonly value: number }[]
  /** The full evaluator would tell warnings or infos beside this. */
  readonly noted: boolean
  /** Samples that were read for it. */
  readonly read: number
}
export type StandingQueries = {
  /** Is there a plan for this query? Throws `promql.parse`. */
  has(query: string): boolean
  /** Numbers the rows of the query's plan where that is due, one part of it after another with a pause behind each, so that the next answer takes
   * no longer than its numbers. Throws `promql.parse`. */
  prepare(query: string, time: number, pause: () => Promise<void>): Promise<void>
  /** Null: the full evaluator must answer, now or always. `time` in milliseconds. */
  answer(query: string, time: number): StandingAnswer | null
  /** Is there a matching series with a sample in (from, to] that did not end there? */
  sees(matchers: readonly Matcher[], from: number, to: number): boolean
  /** Samples came in: what was worked out for a moment holds no more. Left out: of any metric. */
  changed(metric?: string): void
  /** Forgets all plans. */
  clear(): void
}
export type StandingLimits = {
  readonly lookbackMs: number
  readonly maxSamples: number
  readonly maxPlans?: number
  /** Series of one selector; left out: any number. */
  readonly maxRows?: number
  /** Samples of one answer; left out: any number. */
  readonly maxAnswer?: number
}

export function openStandingQueries(querier: Querier, limits: StandingLimits): StandingQueries {
  const maxPlans = limits.maxPlans ?? 10_000
  let compiler = openCompiler(querier, limits.maxRows)
  const plans = new Map<string, Plan | null>()
  const selected = new Map<string, { stamp: number; refs: Uint32Array }>()
  const cell = { times: new Float64Array(1), values: new Float64Array(1), stale: new Uint8Array(1) }
  let moment: Moment | null = null

  /** Matching series, resolved again only when the answer may be another. */
  const resolved = (matchers: readonly Matcher[]): Uint32Array => {
    const stamp = querier.bulk?.stamp(matchers) ?? querier.generation
    const key = JSON.stringify(matchers)
    const known = selected.get(key)
    if (known?.stamp === stamp) return known.refs
    if (selected.size >= maxPlans) selected.clear()
    const refs = querier.select(matchers)
    selected.set(key, { stamp, refs })
    return refs
  }

  const planOf = (query: string): Plan | null => {
    const known = plans.get(query)
    if (known !== undefined) return known
    if (plans.size >= maxPlans) clear()
    const made = compiler.compile(parseQuery(query))
    plans.set(query, made)
    return made
  }
  const clear = (): void => {
    compiler = openCompiler(querier, limits.maxRows)
    plans.clear()
    selected.clear()
    moment = null
  }

  /** One and the same while nothing changes, so that plans which share a part work it out once. */
  const momentOf = (time: number): Moment => {
    if (moment?.time !== time) moment = { time, lookbackMs: limits.lookbackMs, samples: 0, noted: false }
    moment.samples = 0
    moment.noted = false
    return moment
  }

  return {
    has: (query) => planOf(query) !== null,
    async prepare(query, time, pause) {
      const plan = planOf(query)
      if (plan === null || !plan.parts.some((part) => part.stale())) return
      for (const part of plan.parts) {
        if (!part.run(momentOf(time))) return
        await pause()
      }
    },
    answer(query, time) {
      const plan = planOf(query)?.root
      if (plan === undefined) return null
      const moment = momentOf(time)
      if (!plan.run(moment) || moment.samples > limits.maxSamples) return null
      if (plan.count > (limits.maxAnswer ?? Number.POSITIVE_INFINITY)) return null
      const samples: { labels: Labels; value: number }[] = []
      for (let i = 0; i < plan.count; i++) {
        const row = plan.live[i]!
        samples.push({ labels: plan.labels(row), value: plan.values[row]! })
      }
      return { samples, noted: moment.noted, read: moment.samples }
    },
    sees(matchers, from, to) {
      for (const ref of resolved(matchers))
        if (querier.latest(ref, from, to, cell) === 1 && cell.stale[0] === 0) return true
      return false
    },
    changed(metric) {
      if (metric === undefined) moment = null
      else for (const part of compiler.readers(metric)) part.forget()
    },
    clear,
  }
}
