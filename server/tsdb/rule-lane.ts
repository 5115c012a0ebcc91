// What rules need of the full evaluator, where that would take long: worked out on a thread of their own, behind which no query of a person waits and
// which waits for none. Rules without a plan are asked before their group is evaluated; checks of plans are made behind it. Invariant: a check is made
// on the very samples that its plan saw, or it is void.

import type { QueryLimits } from '../../core/promql/query.ts'
import type { EvaluationDeps } from '../../core/rules/group.ts'
import type { RuleQuery, Selector, VectorSample } from '../../core/rules/query.ts'
import type { RuleGroup } from '../../core/rules/rule.ts'
import type { Matcher, Querier, SeriesRef } from '../../core/series/seam.ts'
import { extract, type Selection } from './extract.ts'
import { unpackResult } from './packed-result.ts'
import type { QueryLane } from './query-lane.ts'
import { heavySelections } from './query-road.ts'
import { resultOf } from './query-task.ts'
import { ruleSamples } from './rule-samples.ts'
import type { Turnstile } from './turns.ts'

export type RuleLane = {
  /** Null, at once: every rule of the group is quickly answered. Never rejects. */
  prepare(group: RuleGroup, at: number): Promise<Pick<EvaluationDeps, 'query' | 'has'>> | null
  /** The answer of the full evaluator on what the head holds now; null: samples of that time came meanwhile, or another check is at work. */
  check(query: string, time: number): Promise<readonly VectorSample[] | null>
  /** A sample came in. */
  appended(ref: SeriesRef, time: number): void
}

export type RuleLaneDeps = {
  readonly lane: QueryLane
  readonly turns: Turnstile
  readonly head: Querier
  /** What holds everything that the query reads at that time. */
  readonly source: (query: string, time: number) => Promise<Querier>
  readonly limits: QueryLimits
  readonly timeoutMs: number
  readonly monotonic: () => number
  /** Is there a plan for it? */
  readonly planned: (query: string) => boolean
  readonly inPlace: Pick<EvaluationDeps, 'query' | 'has'>
}

/** Series whose samples up to that time must stand still; null: all, as long as it is not known which. */
type Watched = { refs: ReadonlySet<SeriesRef> | null; readonly until: number; touched: boolean }
type Held = { readonly samples: readonly VectorSample[] } | { readonly error: unknown }

export function ruleLane(deps: RuleLaneDeps): RuleLane {
  const { lane, turns, head, limits, timeoutMs, monotonic } = deps
  const stampOf = (matchers: readonly Matcher[]): number => head.bulk?.stamp(matchers) ?? head.generation
  let watched: Watched | null = null

  /** Null where it is light and need not be worked out here. */
  const ask = async (
    querier: Querier,
    query: string,
    time: number,
    always?: (selections: readonly Selection[]) => void,
  ): Promise<readonly VectorSample[] | null> => {
    const pause = turns.job()
    const least = always === undefined ? undefined : -1
    const selections = await heavySelections(querier, { query, range: null, time, limits }, pause, least)
    if (selections === null) return null
    always?.(selections)
    const until = monotonic() + timeoutMs
    const data = await extract(querier, selections, {
      pause,
      maxSamples: limits.maxSamples,
      aborted: () => monotonic() > until,
    })
    const left = Math.max(1, until - monotonic())
    const outcome = await lane.run({ query, range: null, time, limits, timeoutMs: left, data })
    return ruleSamples(await unpackResult(resultOf(outcome), pause))
  }
  const prepared = async (queries: readonly string[], time: number) => {
    const answers = new Map<string, Held>()
    for (const query of queries) {
      try {
        const samples = await ask(await deps.source(query, time), query, time)
        if (samples !== null) answers.set(query, { samples })
      } catch (error) {
        answers.set(query, { error }) // of the rule that asked it
      }
    }
    const query: RuleQuery = (text, at) => {
      const found = at === time ? answers.get(text) : undefined
      if (found === undefined) return deps.inPlace.query(text, at)
      if ('error' in found) throw found.error
      return found.samples
    }
    return { query, has: deps.inPlace.has }
  }

  return {
    prepare(group, at) {
      const queries = new Set<string>()
      const recorded = new Set<string>()
      for (const { kind, name, expression } of group.rules) {
        // What a rule in front of it writes at this very moment is seen by asking in place only.
        if (!deps.planned(expression.text) && !reads(expression.selectors, recorded)) queries.add(expression.text)
        if (kind === 'recording') recorded.add(name)
        else recorded.add('ALERTS').add('ALERTS_FOR_STATE')
      }
      return queries.size === 0 ? null : prepared([...queries], at - group.queryOffsetMs)
    },
    async check(query, time) {
      if (watched !== null) return null
      const mine: Watched = { refs: null, until: time, touched: false }
      watched = mine
      let still = (): boolean => true
      try {
        const samples = await ask(head, query, time, (selections) => {
          mine.refs = new Set(selections.flatMap(({ found }) => [...(found?.refs ?? [])]))
          const stamps = selections.map(({ matchers }) => stampOf(matchers))
          still = () => selections.every(({ matchers }, i) => stampOf(matchers) === stamps[i])
        })
        return mine.touched || !still() ? null : samples
      } finally {
        watched = null
      }
    },
    appended(ref, time) {
      if (watched === null || time > watched.until) return
      if (watched.refs === null || watched.refs.has(ref)) watched.touched = true
    },
  }
}

/** May one of the selectors mean one of these metrics? */
function reads(selectors: readonly Selector[], metrics: ReadonlySet<string>): boolean {
  return selectors.some(({ matchers }) => {
    const name = matchers.find((one) => one.name === '__name__' && one.op === '=')
    return name === undefined ? metrics.size > 0 : metrics.has(name.value)
  })
}
