// Rules by their plans: an expression that has a plan is answered from it, every other by the full evaluator. One planned answer in a hundred or so is
// worked out both ways; a plan that ever differs is told about and no longer used.

import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import { openStandingQueries, type StandingAnswer } from '../../core/promql/standing/standing.ts'
import type { HasSeries, RuleQuery, VectorSample } from '../../core/rules/query.ts'
import type { RuleGroup } from '../../core/rules/rule.ts'
import type { Labels, Matcher, Querier } from '../../core/series/seam.ts'
import { lightSamples } from './query-road.ts'
import { type Reach, reachOf } from './reach.ts'

export type StandingRulesStats = {
  /** Evaluations answered by plans, and by the full evaluator. */
  readonly planned: number
  readonly unplanned: number
  /** Answers worked out both ways, and those that differed. */
  readonly checks: number
  readonly differences: number
}
export type StandingRules = {
  readonly query: RuleQuery
  readonly has: HasSeries
  /** Is there a plan for it? */
  planned(query: string): boolean
  /** Are all rules of the group alerts with a plan? */
  allows(group: RuleGroup): boolean
  /** Makes ready, in turns, what answers to these stand on. `time` is that of the next answer or earlier. */
  prepare(queries: Iterable<string>, time: number, pause: () => Promise<void>): Promise<void>
  /** Samples of any metric came in. */
  appended(): void
  /** A rule wrote this series. */
  wrote(labels: Labels): void
  /** Other rules are in force. */
  clear(): void
  stats(): StandingRulesStats
}
export type StandingRulesDeps = {
  readonly head: Querier
  /** What holds the samples of (from, to]: plans read the head only. */
  readonly source: (from: number, to: number) => Querier
  readonly full: RuleQuery
  readonly log: Log
  readonly lookbackMs: number
  readonly maxSamples: number
  /** Works out in turns, elsewhere, what would take long; null: it came to nothing and is to be tried again. Left out: all in place. */
  readonly elsewhere?: (query: string, time: number) => Promise<readonly VectorSample[] | null>
  /** Of so many planned answers one is checked; 101 when left out: a prime number, so that no count of rules keeps it at the same one. */
  readonly checkEvery?: number
}

const metricName = '__name__'

export function standingRules(deps: StandingRulesDeps): StandingRules {
  const { head, source, full, log, lookbackMs } = deps
  const checkEvery = deps.checkEvery ?? 101
  const standing = openStandingQueries(head, { lookbackMs, maxSamples: deps.maxSamples })
  const distrusted = new Set<string>()
  const reaches = new Map<string, Reach>()
  let [planned, unplanned, checks, differences] = [0, 0, 0, 0]
  /** A check came to nothing: the next answer is checked instead. */
  let owed = false

  /** False where older samples than the head's may be needed. */
  const inHead = (query: string, time: number): boolean => {
    let reach = reaches.get(query)
    if (reach === undefined) {
      reach = reachOf(query, { start: 0, end: 0, stepMs: 0 }, lookbackMs)
      reaches.set(query, reach)
    }
    // A time of its own does not move along.
    if (query.includes('@')) reach = reachOf(query, { start: time, end: time, stepMs: 0 }, lookbackMs)
    else reach = { from: reach.from + time, to: reach.to + time }
    return source(reach.from, reach.to) === head
  }

  /** The full evaluator's answer where it differs, and null. */
  const compared = (
    query: string,
    time: number,
    given: readonly VectorSample[],
    wanted: readonly VectorSample[],
  ): readonly VectorSample[] | null => {
    checks++
    if (same(given, wanted)) return null
    differences++
    distrusted.add(query)
    log.error('a rule answered otherwise by its plan than by the full evaluator', { query, time })
    return wanted
  }
  // Too slow for its time, say: that is no fault of the plan.
  const failed = (query: string, error: unknown): void =>
    log.warn('a rule could not be checked beside its plan', { query, error: errorText(error) })

  const checked = (query: string, time: number, { samples, read }: StandingAnswer): readonly VectorSample[] => {
    const { elsewhere } = deps
    owed = false
    if (elsewhere !== undefined && read > lightSamples) {
      elsewhere(query, time).then(
        (wanted) => {
          if (wanted === null) owed = true
          else compared(query, time, samples, wanted)
        },
        (error) => failed(query, error),
      )
      return samples
    }
    try {
      return compared(query, time, samples, full(query, time)) ?? samples
    } catch (error) {
      failed(query, error)
      return samples
    }
  }

  return {
    query(query, time) {
      const answer = distrusted.has(query) || !inHead(query, time) ? null : standing.answer(query, time)
      if (answer === null) {
        unplanned++
        return full(query, time)
      }
      planned++
      return owed || planned % checkEvery === 0 ? checked(query, time, answer) : answer.samples
    },
    planned: (query) => !distrusted.has(query) && standing.has(query),
    async prepare(queries, time, pause) {
      for (const query of queries) await standing.prepare(query, time, pause)
    },
    has(matchers: readonly Matcher[], from, to) {
      const held = source(from, to)
      if (held === head) return standing.sees(matchers, from, to)
      const cell = { times: new Float64Array(1), values: new Float64Array(1), stale: new Uint8Array(1) }
      for (const ref of held.select(matchers))
        if (held.latest(ref, from, to, cell) === 1 && cell.stale[0] === 0) return true
      return false
    },
    allows: ({ rules, queryOffsetMs }) =>
      queryOffsetMs === 0 &&
      rules.every(({ kind, expression }) => kind === 'alerting' && standing.has(expression.text)),
    appended: () => standing.changed(),
    wrote(labels) {
      for (const [name, value] of labels) if (name === metricName) standing.changed(value)
    },
    clear() {
      standing.clear()
      distrusted.clear()
      reaches.clear()
    },
    stats: () => ({ planned, unplanned, checks, differences }),
  }
}

/** Bit for bit and in the same order, but that any NaN is NaN. */
function same(a: readonly VectorSample[], b: readonly VectorSample[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ labels, value }, at) => {
      const other = b[at]!
      return (
        Object.is(value, other.value) &&
        labels.length === other.labels.length &&
        labels.every(([name, text], i) => other.labels[i]![0] === name && other.labels[i]![1] === text)
      )
    })
  )
}
