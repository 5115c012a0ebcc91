// Runs rule groups on a clock. Evaluation times lie on a grid of the group's interval, shifted by a hash of its key so that groups do not all
// run at once; an evaluation never overlaps another of its group, and what the clock ran past is counted. Nothing is evaluated before `ready`.

import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import { gridTime as gridTimeOf } from '../../core/rules/grid.ts'
import { abandoned, type EvaluationDeps, type GroupEvaluator, openRuleGroup } from '../../core/rules/group.ts'
import { giveAway } from '../../core/rules/hand-over.ts'
import { groupKey, type Rule, type RuleGroup } from '../../core/rules/rule.ts'
import type { Amendment, RestoredAlert, RuleListener, Transition } from '../../core/rules/transition.ts'
import type { GroupView, RuleCost } from '../../core/rules/view.ts'

export type RuleRunnerDeps = Pick<EvaluationDeps, 'query' | 'has' | 'write' | 'externalLabels'> & {
  readonly clock: Clock
  readonly log: Log
  readonly ready: () => boolean
  /** Asks beforehand what an evaluation needs, where that takes time, over the network or on another thread; its `query` and `has` stand in for those above. Null: nothing. */
  readonly prepare?: (group: RuleGroup, at: number) => Promise<Pick<EvaluationDeps, 'query' | 'has'>> | null
  /** For groups without an interval; 15 s when left out. */
  readonly defaultIntervalMs?: number
  /** Looks between the times of the grid, for groups whose answers are cheap; left out: none. */
  readonly early?: EarlyLooks
}
export type EarlyLooks = {
  /** Least time between two evaluations of a group; a group that takes long is looked at less often than that. */
  readonly everyMs: number
  /** May this group be evaluated at any time? */
  allows(group: RuleGroup): boolean
}
export type RuleRunnerStats = {
  readonly runs: number
  /** Evaluations of single rules that failed. */
  readonly failures: number
  /** Evaluations between the times of the grid; among `runs` as well. */
  readonly early: number
  /** Ticks of the grid that nobody evaluated. */
  readonly missed: number
  /** Spent in evaluations, in all. */
  readonly seconds: number
  /** Rules that are blind now. */
  readonly blind: number
  /** Of every rule that was evaluated. */
  readonly costs: readonly RuleCost[]
}
export type RuleRunner = {
  /** Puts these groups in force. Groups and rules that stay keep their state; alerts of those that go are ended. `restored` is for the first
   * load after a start: subscribe before it, since alerts that no rule owns any more are ended at once. So is `resumeFrom`, where an earlier
   * life stopped evaluating (milliseconds): groups are then evaluated at every time of their grid since, so that what came and went meanwhile
   * is told as well. */
  load(groups: readonly RuleGroup[], restored: readonly RestoredAlert[], resumeFrom?: number | null): void
  /** Somebody else judges these rules for this host from now on: its alerts are forgotten, and nothing is told. */
  giveAway(host: string, rules: ReadonlySet<Rule>): void
  /** Takes alerts back that were given away, as they stand now. */
  takeBack(alerts: readonly RestoredAlert[]): void
  views(): readonly GroupView[]
  /** New samples came in. */
  arrived(): void
  /** A listener that returns a promise holds up the next evaluation of that group, no other. */
  subscribe(listener: RuleListener): Disposable
  start(): void
  stop(): Promise<void>
  stats(): RuleRunnerStats
}

/** How often a runner that is not ready asks again. */
const askEveryMs = 1000
/** Times of the grid that are evaluated afterwards, for each group: what senders kept is judged, and a group still catches up within seconds. Agents
 * keep samples for a quarter of an hour, others for longer. */
const mostReplayed = 2880
/** Longer timers overflow. */
const longestTimerMs = 86_400_000
/** Looks between the times of the grid take at most one part in so many of a group's time. */
const earlyShare = 5

type Slot = {
  evaluator: GroupEvaluator
  intervalMs: number
  /** Of the last evaluation. */
  lastAt: number
  timer: Disposable | null
  /** Waits for a look between the times of the grid. */
  early: Disposable | null
  /** When the next such look may be, by the monotonic clock. */
  earlyFrom: number
  /** What the listeners still do with the last evaluation. */
  telling: Promise<void>
  removed: boolean
  /** Times up to here were evaluated by an earlier life of the program. */
  resumeFrom: number | null
}

export function openRuleRunner(deps: RuleRunnerDeps): RuleRunner {
  const { clock, log } = deps
  const defaultIntervalMs = deps.defaultIntervalMs ?? 15_000
  const slots = new Map<string, Slot>()
  const listeners = new Set<RuleListener>()
  const evaluation: EvaluationDeps = {
    query: deps.query,
    has: deps.has,
    write: deps.write,
    externalLabels: deps.externalLabels,
    monotonic: () => clock.monotonic(),
  }
  let running = false
  let loaded = false
  let runs = 0
  let failures = 0
  let early = 0
  let missed = 0
  let milliseconds = 0

  /** Calls every listener before it returns, so that each hears changes in the order they happened. */
  const tell = async (transitions: readonly Transition[], amendments: readonly Amendment[]): Promise<void> => {
    if (transitions.length === 0 && amendments.length === 0) return
    const one = async (listener: RuleListener): Promise<void> => listener(transitions, amendments)
    for (const result of await Promise.allSettled([...listeners].map(one))) {
      if (result.status === 'rejected') log.error('a reader of alerts failed', { error: errorText(result.reason) })
    }
  }

  const evaluate = async (slot: Slot, at: number): Promise<void> => {
    slot.lastAt = at
    const { evaluator } = slot
    const preparing = deps.prepare?.(evaluator.group, at) ?? null
    if (preparing === null) return judge(slot, at, evaluation)
    const prepared = await preparing
    // What was asked for a group that was edited or taken away meanwhile fits nothing any more.
    if (running && !slot.removed && slot.evaluator === evaluator) await judge(slot, at, { ...evaluation, ...prepared })
  }
  const judge = (slot: Slot, at: number, using: EvaluationDeps): Promise<void> => {
    const begin = clock.monotonic()
    const found = slot.evaluator.evaluate(at, using)
    const end = clock.monotonic()
    milliseconds += end - begin
    slot.earlyFrom = end + Math.max(deps.early?.everyMs ?? 0, (end - begin) * (earlyShare - 1))
    runs++
    failures += found.failures
    return tell(found.transitions, found.amendments)
  }

  /** Evaluates every time of the grid after `from`, one after another, with a turn for everybody else in between. */
  const replay = async (slot: Slot, from: number): Promise<void> => {
    for (let at = gridTime(from, slot) + slot.intervalMs; at <= gridTime(clock.now(), slot); at += slot.intervalMs) {
      if (!running || slot.removed) return
      await Promise.all([evaluate(slot, at), clock.sleep(0)])
    }
  }

  /** Waits for the next time on the grid, then evaluates, then again. */
  const schedule = (slot: Slot): void => {
    slot.timer?.[Symbol.dispose]()
    slot.timer = null
    if (!running || slot.removed) return
    const now = clock.now()
    const due = gridTime(now, slot) + slot.intervalMs
    slot.timer = clock.timer(Math.min(due - now, longestTimerMs), () => tick(slot, due))
  }
  const tick = (slot: Slot, due: number): void => {
    slot.timer = null
    if (!running || slot.removed) return
    if (!deps.ready()) {
      slot.timer = clock.timer(Math.min(askEveryMs, slot.intervalMs), () => tick(slot, gridTime(clock.now(), slot)))
      return
    }
    const now = clock.now()
    // Too early: a long timer in pieces, or a wall clock that was put back. A timer may be a millisecond early by itself.
    if (now < due - 1) return schedule(slot)
    const at = Math.max(due, gridTime(now, slot))
    if (slot.resumeFrom !== null) {
      const from = Math.max(slot.resumeFrom, at - mostReplayed * slot.intervalMs)
      const unseen = Math.max(0, Math.round((from - slot.resumeFrom) / slot.intervalMs))
      if (unseen > 0) {
        missed += unseen
        log.warn('a rule group was away for too long to judge all of it', { group: slot.evaluator.group.name, unseen })
      }
      slot.resumeFrom = null
      slot.telling = replay(slot, from)
    } else if (at !== slot.lastAt) {
      missed += Math.round((at - due) / slot.intervalMs)
      slot.telling = evaluate(slot, at)
    }
    goOn(slot, at)
  }
  /** Back to the grid once the listeners are done; what it ran past meanwhile is counted. */
  const goOn = (slot: Slot, at: number): void => {
    const told = slot.telling
    void told.then(() => {
      if (slot.timer !== null || slot.telling !== told) return
      missed += Math.max(0, Math.round((gridTime(clock.now(), slot) - Math.max(at, slot.lastAt)) / slot.intervalMs))
      schedule(slot)
    })
  }

  /** Evaluates off the grid, unless the group is at work anyway. */
  const look = (slot: Slot): void => {
    slot.early = null
    const now = Math.floor(clock.now())
    if (!running || slot.removed || slot.timer === null || slot.resumeFrom !== null || !deps.ready()) return
    if (now <= slot.lastAt || !deps.early!.allows(slot.evaluator.group)) return
    slot.timer[Symbol.dispose]()
    slot.timer = null
    early++
    slot.telling = evaluate(slot, now)
    goOn(slot, gridTime(now, slot))
  }

  return {
    load(groups, restored, resumeFrom = null) {
      const at = Math.floor(clock.now())
      const ended: Transition[] = []
      const known = byGroup(restored)
      const wanted = new Set(groups.map(groupKey))
      for (const [key, slot] of slots) {
        if (wanted.has(key)) continue
        slot.removed = true
        slot.timer?.[Symbol.dispose]()
        slot.early?.[Symbol.dispose]()
        slots.delete(key)
        ended.push(...slot.evaluator.close(at, deps.write))
      }
      for (const group of groups) {
        const key = groupKey(group)
        const evaluator = openRuleGroup(group)
        const intervalMs = group.intervalMs ?? defaultIntervalMs
        let slot = slots.get(key)
        if (slot === undefined) {
          slot = {
            evaluator,
            intervalMs,
            lastAt: 0,
            timer: null,
            early: null,
            earlyFrom: 0,
            telling: Promise.resolve(),
            removed: false,
            resumeFrom: loaded ? null : resumeFrom,
          }
          slots.set(key, slot)
          schedule(slot)
        } else {
          ended.push(...evaluator.follow(slot.evaluator, at))
          const changed = slot.intervalMs !== intervalMs
          Object.assign(slot, { evaluator, intervalMs })
          // While its readers are busy the group waits for them, and then for its new grid.
          if (changed && slot.timer !== null) schedule(slot)
        }
        ended.push(...evaluator.restore(known.get(key) ?? []).map((alert) => abandoned(alert, at)))
        known.delete(key)
      }
      loaded = true
      for (const alerts of known.values()) ended.push(...alerts.map((alert) => abandoned(alert, at)))
      void tell(ended, [])
    },
    giveAway(host, rules) {
      for (const { evaluator } of slots.values()) giveAway(evaluator.states, rules, host)
    },
    takeBack(alerts) {
      const at = Math.floor(clock.now())
      const ended = [...byGroup(alerts)].flatMap(([key, known]) => slots.get(key)?.evaluator.restore(known) ?? known)
      void tell(
        ended.map((alert) => abandoned(alert, at)),
        [],
      )
    },
    views: () => [...slots.values()].map((slot) => slot.evaluator.view(defaultIntervalMs)),
    arrived() {
      if (deps.early === undefined || !running) return
      const now = clock.monotonic()
      for (const slot of slots.values()) slot.early ??= clock.timer(Math.max(0, slot.earlyFrom - now), () => look(slot))
    },
    subscribe(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    start() {
      if (running) return
      running = true
      for (const slot of slots.values()) schedule(slot)
    },
    async stop() {
      running = false
      for (const slot of slots.values()) {
        slot.timer?.[Symbol.dispose]()
        slot.timer = null
        slot.early?.[Symbol.dispose]()
        slot.early = null
      }
      await Promise.all([...slots.values()].map((slot) => slot.telling))
    },
    stats: () => {
      const costs = [...slots.values()].flatMap(({ evaluator }) => costsOf(evaluator))
      const blind = costs.reduce((sum, one) => sum + Number(one.blind), 0)
      return { runs, failures, early, missed, seconds: milliseconds / 1000, blind, costs }
    },
  }
}

function costsOf({ group, states }: GroupEvaluator): readonly RuleCost[] {
  return states.flatMap((state): readonly RuleCost[] => {
    const { rule, written, health, blind, evaluationSeconds: seconds, lastEvaluationAt } = state
    if (lastEvaluationAt === null) return []
    const of = { group: group.name, rule: rule.name, query: rule.expression.text }
    return [{ ...of, seconds, series: written.size, failing: health === 'err', blind }]
  })
}

function byGroup(alerts: readonly RestoredAlert[]): Map<string, RestoredAlert[]> {
  const found = new Map<string, RestoredAlert[]>()
  for (const alert of alerts) {
    const key = groupKey({ file: alert.file, name: alert.group })
    found.set(key, [...(found.get(key) ?? []), alert])
  }
  return found
}

/** The last time on the group's grid at or before `now`. */
const gridTime = (now: number, { evaluator, intervalMs }: Slot): number => gridTimeOf(now, evaluator.group, intervalMs)
