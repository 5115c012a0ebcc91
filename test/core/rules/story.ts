// A rule file over a head of its own: samples in, evaluations at given seconds, changes out. No clock: every moment is an argument.

import { parseExpression } from '../../../core/promql/expression.ts'
import { defaultLimits, instantQuery } from '../../../core/promql/query.ts'
import { type EvaluationDeps, type GroupEvaluator, openRuleGroup } from '../../../core/rules/group.ts'
import type { RuleGroup } from '../../../core/rules/rule.ts'
import { parseRuleFile } from '../../../core/rules/rule-file.ts'
import type { RestoredAlert, Transition } from '../../../core/rules/transition.ts'
import { labelsOf } from '../../../core/sample/sample.ts'
import { type Head, openHead } from '../../../core/series/head.ts'
import type { AppendRefusal, Labels } from '../../../core/series/seam.ts'

export const start = Date.UTC(2026, 0, 1)
export const at = (seconds: number): number => start + seconds * 1000

export type Store = EvaluationDeps & {
  readonly head: Head
  /** `null` ends the series. */
  put(seconds: number, name: string, labels: Readonly<Record<string, string>>, value: number | null): void
  /** Newest sample of each series at that second, ended ones as `null`. */
  see(query: string, seconds: number): readonly (readonly [Readonly<Record<string, string>>, number])[]
}

export function openStore(): Store {
  const head = openHead({ maxSeries: 1000, retentionMs: Number.POSITIVE_INFINITY })
  const cell = { times: new Float64Array(1), values: new Float64Array(1), stale: new Uint8Array(1) }
  const write = (labels: Labels, time: number, value: number, stale: boolean): AppendRefusal | null => {
    const ref = head.series(labels)
    return typeof ref === 'string' ? ref : head.append(ref, time, value, stale)
  }
  const query: EvaluationDeps['query'] = (expr, time) => {
    const result = instantQuery(head, expr, time, defaultLimits)
    if (result.type === 'vector') return result.samples
    if (result.type === 'scalar') return [{ labels: [], value: result.value }]
    throw new Error(`unexpected ${result.type}`)
  }
  return {
    head,
    query,
    has: (matchers, from, to) =>
      [...head.select(matchers)].some((ref) => head.latest(ref, from, to, cell) === 1 && cell.stale[0] === 0),
    write,
    externalLabels: { site: 'north' },
    put(seconds, name, labels, value) {
      const refused = write(labelsOf(name, labels), at(seconds), value ?? Number.NaN, value === null)
      if (refused !== null) throw new Error(refused)
    },
    see: (expr, seconds) =>
      query(expr, at(seconds)).map(({ labels, value }) => [Object.fromEntries(labels), value] as const),
  }
}

export function groupsOf(text: string, file = 'story.yml'): readonly RuleGroup[] {
  return parseRuleFile(file, text, parseExpression)
}

export function groupOf(text: string): GroupEvaluator {
  return openRuleGroup(groupsOf(text)[0]!)
}

/** A transition in the few words that a story needs. */
export const brief = (one: Transition): string =>
  `${one.rule} ${one.labels.instance ?? one.labels.host ?? '-'} ${one.state}`

/** What a store would have kept, had the program ended right after these transitions. */
export function kept(transitions: readonly Transition[]): readonly RestoredAlert[] {
  const open = new Map<string, RestoredAlert>()
  for (const { at: _at, state, value, ...one } of transitions) {
    if (state === 'pending' || state === 'firing')
      open.set(one.fingerprint, { ...one, state, value: value ?? 0, keepFiringSince: null })
    else open.delete(one.fingerprint)
  }
  return [...open.values()]
}
