// The rules of one offer at work over this host's own samples: a small head, plans over it, the groups. One thread, plain buffers. Judges at
// every arrival of samples, at their time; a clock that is set back begins a new head and ends nothing.

import type { Clock } from '../../core/base/clock.ts'
import { defaultLimits, instantQuery } from '../../core/promql/query.ts'
import { openStandingQueries, type StandingQueries } from '../../core/promql/standing/standing.ts'
import { type EvaluationDeps, type GroupEvaluator, openRuleGroup } from '../../core/rules/group.ts'
import { hostLocalReachMs } from '../../core/rules/host-local.ts'
import type { RuleQuery } from '../../core/rules/query.ts'
import { groupKey, type RuleGroup } from '../../core/rules/rule.ts'
import type { Amendment, RestoredAlert, Transition } from '../../core/rules/transition.ts'
import { decodeWriteRequest } from '../../core/sample/remote-write.ts'
import type { SeriesSamples } from '../../core/sample/sample.ts'
import { type Head, openHead } from '../../core/series/head.ts'
import type { Labels } from '../../core/series/seam.ts'
import { alertsOf } from './alerts.ts'
import { metricsOf } from './rule-set.ts'

const retentionMs = hostLocalReachMs + 30_000
const maxSeries = 20_000
const maxSamples = 5_000_000
const queryMs = 500
const collectEveryMs = 60_000
/** Wall clocks are corrected by less than this all the time. */
const setBackMs = 1000

export type Evaluation = {
  readonly transitions: readonly Transition[]
  readonly amendments: readonly Amendment[]
  readonly failures: number
  /** Series that the rules wrote, as far as the server should have them. */
  readonly written: readonly SeriesSamples[]
}
export type Evaluator = {
  readonly hash: string
  readonly groups: readonly GroupEvaluator[]
  /** Samples of before the first evaluation, oldest first: remote-write bodies. */
  fill(bodies: Iterable<Uint8Array>): void
  /** Goes on where the rules of `old` stand; for all others takes what is offered. */
  follow(old: Evaluator | null, offered: readonly RestoredAlert[]): void
  evaluate(series: readonly SeriesSamples[], at: number): Evaluation
  alerts(): readonly RestoredAlert[]
  /** Series held. */
  readonly series: number
  /** Samples of series that found no room. */
  readonly refused: number
}

export function openEvaluator(deps: {
  readonly clock: Clock
  readonly hash: string
  readonly groups: readonly RuleGroup[]
  readonly intervalMs: number
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
}): Evaluator {
  const { clock } = deps
  const groups = deps.groups.map(openRuleGroup)
  const metrics = metricsOf(deps.groups)
  let head: Head
  let standing: StandingQueries
  let lastAt = Number.NEGATIVE_INFINITY
  let collectedAt = Number.NEGATIVE_INFINITY
  let refused = 0
  const begin = (): void => {
    head = openHead({ maxSeries, retentionMs })
    standing = openStandingQueries(head, { lookbackMs: defaultLimits.lookbackMs, maxSamples })
  }
  begin()

  const append = (labels: Labels, time: number, value: number, stale: boolean): void => {
    const ref = head.series(labels)
    if (typeof ref === 'string') refused++
    else head.append(ref, time, value, stale)
  }
  const wanted = (labels: Labels): boolean => {
    for (const [name, value] of labels) if (name === '__name__') return metrics.has(value)
    return false
  }
  const query: RuleQuery = (text, time) => {
    const planned = standing.answer(text, time)
    if (planned !== null) return planned.samples
    const until = clock.monotonic() + queryMs
    const limits = { ...defaultLimits, maxSamples }
    const result = instantQuery(head, text, time, limits, () => clock.monotonic() > until)
    return result.type === 'vector' ? result.samples : []
  }
  /** When each written series was last handed on. */
  const handedOn = new Map<string, number>()
  const writer =
    (intervalMs: number, out: SeriesSamples[]): EvaluationDeps['write'] =>
    (labels, time, value, stale) => {
      append(labels, time, value, stale)
      standing.changed(labels.find(([name]) => name === '__name__')?.[1])
      const key = JSON.stringify(labels)
      const last = handedOn.get(key)
      if (!stale && last !== undefined && time >= last && time - last < intervalMs) return null
      if (stale) handedOn.delete(key)
      else handedOn.set(key, time)
      out.push({ labels, times: [time], values: [value], stale: [stale] })
      return null
    }

  return {
    hash: deps.hash,
    groups,
    fill(bodies) {
      let labels: Labels | null = null
      for (const body of bodies)
        decodeWriteRequest(body, {
          series(one) {
            labels = wanted(one) ? one : null
          },
          sample(time, value, stale) {
            if (labels !== null) append(labels, time, value, stale)
          },
        })
      standing.changed()
      // The rules may trust what lies there as if they had been asked then.
      if (Number.isFinite(head.minTime))
        for (const { states } of groups) for (const state of states) state.firstEvaluationAt = head.minTime
    },
    follow(old, offered) {
      const before = new Map((old?.groups ?? []).map((group) => [groupKey(group.group), group]))
      const judged = new Set<string>()
      for (const group of groups) {
        const known = before.get(groupKey(group.group))
        if (known === undefined) continue
        for (const { rule } of known.states) judged.add(JSON.stringify([groupKey(group.group), rule.name]))
        // The ends of alerts whose rule is gone are the server's to tell: it took the rule away.
        group.follow(known, 0)
      }
      for (const group of groups) {
        const key = groupKey(group.group)
        group.restore(
          offered.filter(
            (one) =>
              groupKey({ file: one.file, name: one.group }) === key && !judged.has(JSON.stringify([key, one.rule])),
          ),
        )
      }
    },
    evaluate(series, at) {
      if (at < lastAt - setBackMs) {
        begin()
        handedOn.clear()
        for (const { states } of groups) for (const state of states) state.firstEvaluationAt = at
      }
      for (const { labels, times, values, stale } of series) {
        if (!wanted(labels)) continue
        for (let i = 0; i < times.length; i++) append(labels, times[i]!, values[i]!, stale?.[i] === true)
      }
      standing.changed()
      if (at - collectedAt >= collectEveryMs || at < collectedAt) {
        head.collect()
        collectedAt = at
      }
      lastAt = at
      const written: SeriesSamples[] = []
      const found = groups.map((group) =>
        group.evaluate(at, {
          query,
          has: standing.sees,
          write: writer(group.group.intervalMs ?? deps.intervalMs, written),
          externalLabels: deps.externalLabels,
          externalUrl: deps.externalUrl,
        }),
      )
      return {
        transitions: found.flatMap((one) => one.transitions),
        amendments: found.flatMap((one) => one.amendments),
        failures: found.reduce((sum, one) => sum + one.failures, 0),
        written,
      }
    },
    alerts: () => groups.flatMap(alertsOf),
    get series() {
      return head.size
    },
    get refused() {
      return refused
    },
  }
}
