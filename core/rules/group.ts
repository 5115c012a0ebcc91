// A rule group at work: rules one after another at one moment, each seeing what those before it wrote, by Prometheus' semantics. Pure but for
// what it remembers; `query`, `has` and `write` come with each evaluation. A rule that fails changes nothing and stops no other.

import { errorText, InferwardError } from '../base/errors.ts'
import type { Labels } from '../series/seam.ts'
import { alertSeries, type OutputSeries } from './alert-series.ts'
import { type AlertChange, candidates, endAll, standIn, step } from './alerting-rule.ts'
import { isBlind } from './blindness.ts'
import { groupView } from './group-view.ts'
import type { LabelRecord } from './labels.ts'
import type { HasSeries, RuleQuery, RuleWriter } from './query.ts'
import { recorded } from './recording-rule.ts'
import type { AlertingRule, RecordingRule, RuleGroup } from './rule.ts'
import { activeAlert, carryOver, newRuleState, type RuleState, restoreInto } from './rule-state.ts'
import type { Amendment, RestoredAlert, Transition } from './transition.ts'
import type { GroupView } from './view.ts'

export type EvaluationDeps = {
  readonly query: RuleQuery
  readonly has: HasSeries
  readonly write: RuleWriter
  readonly externalLabels: LabelRecord
  /** What templates know as `$externalURL`; left out: empty. */
  readonly externalUrl?: string
  /** Milliseconds, to time the rules; left out: all take 0 s. */
  readonly monotonic?: () => number
}
export type GroupEvaluation = {
  readonly transitions: readonly Transition[]
  readonly amendments: readonly Amendment[]
  /** Rules that failed. */
  readonly failures: number
}
export type GroupEvaluator = {
  readonly group: RuleGroup
  readonly states: readonly RuleState[]
  /** Series of rules that an edit took away, to be ended at the next evaluation. */
  readonly orphans: readonly Labels[]
  /** Puts kept alerts back before the first evaluation; answers those that no rule of the group owns. */
  restore(alerts: readonly RestoredAlert[]): readonly RestoredAlert[]
  /** Goes on where `old`, the same group before an edit, stands; answers the ends of alerts whose rule is gone. */
  follow(old: GroupEvaluator, at: number): readonly Transition[]
  /** `at` in milliseconds; never called while another evaluation of the group runs. */
  evaluate(at: number, deps: EvaluationDeps): GroupEvaluation
  /** The group is taken away: its series end, and so do its alerts. */
  close(at: number, write: RuleWriter): readonly Transition[]
  view(defaultIntervalMs: number): GroupView
}

export function openRuleGroup(group: RuleGroup): GroupEvaluator {
  const states = group.rules.map(newRuleState)
  let orphans: readonly Labels[] = []
  let evaluationSeconds = 0
  let lastEvaluationAt: number | null = null

  const evaluateRule = (state: RuleState, at: number, deps: EvaluationDeps, tell: Tell): void => {
    const dataAt = at - group.queryOffsetMs
    const { rule } = state
    const series =
      rule.kind === 'alerting'
        ? alerting(group, state, rule, at, deps, tell)
        : recording(group, rule, deps.query(rule.expression.text, dataAt))
    const written = new Map<string, Labels>()
    let refused: string | null = null
    for (const { key, labels, value } of series) {
      const reason = deps.write(labels, dataAt, value, false)
      if (reason === null) written.set(key, labels)
      else refused ??= `${labels.find(([name]) => name === '__name__')?.[1] ?? 'series'} was not stored: ${reason}`
    }
    // A refusal here is usual: another rule may have written the same series.
    for (const [key, labels] of state.written) if (!written.has(key)) deps.write(labels, dataAt, Number.NaN, true)
    state.written = written
    if (refused !== null) throw new InferwardError({ code: 'rules.not_stored', message: refused })
  }

  return {
    group,
    states,
    get orphans() {
      return orphans
    },
    restore: (alerts) => restoreInto(states, alerts),
    follow(old, at) {
      const gone = carryOver(states, old.states)
      orphans = [...old.orphans, ...gone.flatMap((state) => [...state.written.values()])]
      const last = old.view(0)
      evaluationSeconds = last.evaluationSeconds
      lastEvaluationAt = last.lastEvaluationAt
      return gone.flatMap((state) => transitionsOf(old.group, state, endAll(state.active), at))
    },
    evaluate(at, deps) {
      const monotonic = deps.monotonic ?? (() => 0)
      const transitions: Transition[] = []
      const amendments: Amendment[] = []
      let failures = 0
      const begin = monotonic()
      for (const state of states) {
        const since = monotonic()
        state.firstEvaluationAt ??= at
        try {
          evaluateRule(state, at, deps, (changes) => {
            transitions.push(...transitionsOf(group, state, changes, at))
            amendments.push(...amendmentsOf(group, state, changes, at))
          })
          Object.assign(state, { health: 'ok', lastError: '' })
        } catch (error) {
          failures++
          Object.assign(state, { health: 'err', lastError: errorText(error) })
        }
        state.evaluationSeconds = (monotonic() - since) / 1000
        state.lastEvaluationAt = at
      }
      for (const labels of orphans) deps.write(labels, at - group.queryOffsetMs, Number.NaN, true)
      orphans = []
      evaluationSeconds = (monotonic() - begin) / 1000
      lastEvaluationAt = at
      return { transitions, amendments, failures }
    },
    close(at, write) {
      for (const state of states) for (const labels of state.written.values()) write(labels, at, Number.NaN, true)
      for (const labels of orphans) write(labels, at, Number.NaN, true)
      return states.flatMap((state) => transitionsOf(group, state, endAll(state.active), at))
    },
    view: (defaultIntervalMs) => ({
      ...groupView(group, states, defaultIntervalMs),
      evaluationSeconds,
      lastEvaluationAt,
    }),
  }
}

type Tell = (changes: readonly AlertChange[]) => void

function alerting(
  group: RuleGroup,
  state: RuleState,
  rule: AlertingRule,
  at: number,
  deps: EvaluationDeps,
  tell: Tell,
): readonly OutputSeries[] {
  const dataAt = at - group.queryOffsetMs
  const samples = deps.query(rule.expression.text, dataAt)
  state.blind = samples.length === 0 && isBlind(rule.expression, dataAt, deps.has)
  if (!state.blind || rule.noData !== 'keep') {
    const young = at - (state.firstEvaluationAt ?? at) < (rule.expression.reachMs ?? 0)
    // As upstream: what a template asks for is of the evaluation's own time, not of that less the offset.
    const scope = { at, query: (expression: string) => deps.query(expression, at), externalUrl: deps.externalUrl ?? '' }
    const found =
      state.blind && rule.noData === 'fire'
        ? standIn(rule, state.active, deps.externalLabels, scope)
        : candidates(rule, samples, deps.externalLabels, scope)
    const { active, changes } = step(rule, state.active, found, at, young)
    if (group.limit > 0 && active.size > group.limit) {
      tell(endAll(state.active))
      state.active = new Map()
      throw overLimit(group.limit, active.size, 'alerts')
    }
    tell(changes)
    state.active = active
  }
  return [...state.active.values()].flatMap(alertSeries)
}

function recording(group: RuleGroup, rule: RecordingRule, samples: ReturnType<RuleQuery>): readonly OutputSeries[] {
  const series = recorded(rule, samples)
  if (group.limit > 0 && series.size > group.limit) throw overLimit(group.limit, series.size, 'series')
  return [...series].map(([key, one]) => ({ key, ...one }))
}

function overLimit(limit: number, count: number, what: string): InferwardError {
  return new InferwardError({
    code: 'rules.limit',
    message: `exceeded limit of ${limit} with ${count} ${what}`,
    hint: 'Narrow the expression, or raise `limit` of the group.',
  })
}

function transitionsOf(
  group: RuleGroup,
  { rule }: RuleState,
  changes: readonly AlertChange[],
  at: number,
): readonly Transition[] {
  return changes.flatMap((change) => {
    if (change.kind !== 'state') return []
    const { alert, state } = change
    const { fingerprint, labels, annotations, activeAt } = alert
    return {
      fingerprint,
      file: group.file,
      group: group.name,
      rule: rule.name,
      expression: rule.expression.text,
      state,
      at,
      labels,
      annotations,
      value: state === 'pending' || state === 'firing' ? alert.value : null,
      activeAt,
      firedAt: alert.state === 'firing' ? alert.firedAt : null,
    }
  })
}

function amendmentsOf(
  group: RuleGroup,
  { rule }: RuleState,
  changes: readonly AlertChange[],
  at: number,
): readonly Amendment[] {
  return changes.flatMap((change) => {
    if (change.kind !== 'text') return []
    const { fingerprint, activeAt, annotations, value, keepFiringSince } = change.alert
    const from = { file: group.file, group: group.name, rule: rule.name }
    return { fingerprint, ...from, at, activeAt, annotations, value, keepFiringSince }
  })
}

/** The end of a kept alert that no rule owns any more. */
export function abandoned(alert: RestoredAlert, at: number): Transition {
  const { state } = activeAlert(alert)
  const { value: _value, keepFiringSince: _since, ...rest } = alert
  return { ...rest, state: state === 'firing' ? 'resolved' : 'inactive', at, value: null }
}
