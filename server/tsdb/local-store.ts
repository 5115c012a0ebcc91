// The store on the caller's own thread: head, query language and rule groups behind the one seam. Queries are bounded in time by a deadline
// that the evaluator asks for, and in samples.

import type { Clock } from '../../core/base/clock.ts'
import { InferwardError } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import { parseExpression } from '../../core/promql/expression.ts'
import { defaultLimits, instantQuery, type QueryLimits, type QueryResult, rangeQuery } from '../../core/promql/query.ts'
import { withAlertsAway } from '../../core/rules/away.ts'
import type { VectorSample } from '../../core/rules/query.ts'
import { parseRuleFile } from '../../core/rules/rule-file.ts'
import { type HeadLimits, openHead } from '../../core/series/head.ts'
import type { AppendRefusal, Labels, Matcher, Querier, Window } from '../../core/series/seam.ts'
import type { RecordKind } from '../../core/series/wal.ts'
import { askedQueries } from './asked-queries.ts'
import { cardinalityOf } from './cardinality.ts'
import { type HostRules, hostRules } from './host-rules.ts'
import { openBodyIntake, type SampleLog } from './ingest-bodies.ts'
import type { Persistence } from './persistence.ts'
import { readiness } from './plan-readiness.ts'
import { costed } from './query-cost.ts'
import type { QueryLane } from './query-lane.ts'
import { type QueryRoad, queryRoad } from './query-road.ts'
import { reachOf } from './reach.ts'
import { type RuleLane, ruleLane } from './rule-lane.ts'
import { openRuleRunner } from './rule-runner.ts'
import { ruleSamples } from './rule-samples.ts'
import { standingRules } from './standing-rules.ts'
import type { AppendReport, LatestSample, SeriesRequest, StoreClient } from './store-client.ts'
import { openTurnstile } from './turns.ts'

export type LocalStoreDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly limits: HeadLimits & { readonly samplesPerQuery: number }
  readonly externalLabels: Readonly<Record<string, string>>
  readonly defaultIntervalMs: number
  /** No rule is evaluated while this is false: a server that was away first hears what it missed. */
  readonly rulesReady: () => boolean
  /** Left out: the store lives in memory alone. */
  readonly persistence?: Persistence
  /** Told of every sample that the server made itself and has taken. */
  readonly wrote?: (labels: Labels, time: number, value: number, stale: boolean) => void
  /** Where heavy queries are worked out; left out: in place. */
  readonly lane?: QueryLane
  /** The same for rules, so that they wait for no query; left out: in place. */
  readonly ruleLane?: QueryLane
  /** Least time between two looks at a group of planned alerts that new samples cause, milliseconds; left out: only the grid. */
  readonly earlyEveryMs?: number
}
export type LocalStore = StoreClient & {
  /** Takes up what earlier lives kept. Before anything else, once. */
  recover(): Promise<void>
  start(): void
  stop(): Promise<void>
}

const ruleTimeoutMs = 10_000
/** Longest turn of work that is done in turns. */
const turnMs = 4
/** How far ahead of our clock a sender's may be. */
const aheadMs = 10 * 60_000

export function localStore(deps: LocalStoreDeps): LocalStore {
  const { clock, persistence } = deps
  const head = openHead(deps.limits, {
    created: () => plans.changed(),
    appended: (ref, time) => aside?.appended(ref, time),
    removed: (ref) => {
      bodies.removed(ref)
      plans.changed()
    },
  })
  const bodies = openBodyIntake(head)
  const cell: Window = { times: new Float64Array(1), values: new Float64Array(1), stale: new Uint8Array(1) }
  let samples = 0
  let refusals = 0
  let loading: Promise<void> = Promise.resolve()

  const turns = openTurnstile({ monotonic: () => clock.monotonic(), turnMs })
  const { lane } = deps
  const road: QueryRoad =
    lane === undefined ? async (_querier, _request, inPlace) => inPlace() : queryRoad(lane, clock, turns)

  const limited = (lookbackMs: number | null): QueryLimits => ({
    ...defaultLimits,
    maxSamples: deps.limits.samplesPerQuery,
    ...(lookbackMs === null ? {} : { lookbackMs }),
  })
  /** Runs `work` with a deadline; a query that met it says so, whatever the evaluator made of it. */
  const timed = (timeoutMs: number, work: (aborted: () => boolean) => QueryResult): QueryResult => {
    const until = clock.monotonic() + timeoutMs
    let late = false
    const aborted = (): boolean => {
      late ||= clock.monotonic() > until
      return late
    }
    try {
      return work(aborted)
    } catch (error) {
      if (!late) throw error
      throw new InferwardError({
        code: 'promql.timeout',
        message: 'query timed out in expression evaluation',
        hint: 'Ask for fewer series or a shorter range.',
        cause: error,
      })
    }
  }

  /** The head, or with it the blocks that the query reads. */
  const sourceOf = (
    query: string,
    range: { readonly start: number; readonly end: number; readonly stepMs: number },
    lookbackMs: number | null,
  ): Querier => {
    if (persistence === undefined || persistence.seam === Number.NEGATIVE_INFINITY) return head
    const { from, to } = reachOf(query, range, lookbackMs ?? defaultLimits.lookbackMs)
    return persistence.querier(from, to)
  }
  const instantSource = (query: string, time: number, lookbackMs: number | null): Querier =>
    sourceOf(query, { start: time, end: time, stepMs: 0 }, lookbackMs)

  /** The same, made ready in turns where blocks are read. */
  const preparedSource = async (
    query: string,
    range: { readonly start: number; readonly end: number; readonly stepMs: number },
    lookbackMs: number | null,
  ): Promise<Querier> => {
    if (persistence !== undefined && persistence.seam !== Number.NEGATIVE_INFINITY) {
      const { from, to } = reachOf(query, range, lookbackMs ?? defaultLimits.lookbackMs)
      await persistence.prepare(from, to, turns.job())
    }
    return sourceOf(query, range, lookbackMs)
  }

  const labelsOf = ({ selectors, from, to }: SeriesRequest): readonly Labels[] => {
    const source = persistence?.querier(from - 1, to) ?? head
    const sets: readonly (readonly Matcher[])[] = selectors.length === 0 ? [[]] : selectors
    const refs = new Set(sets.flatMap((matchers) => [...source.select(matchers)]))
    return [...refs].filter((ref) => source.latest(ref, from - 1, to, cell) === 1).map((ref) => source.labels(ref))
  }

  const write = (labels: Labels, time: number, value: number, stale: boolean): AppendRefusal | null => {
    const ref = head.series(labels)
    const reason = typeof ref === 'string' ? ref : head.append(ref, time, value, stale)
    if (reason === null) {
      samples++
      rules.wrote(labels)
      asked.changed()
      persistence?.own(labels, time, value, stale)
      deps.wrote?.(labels, time, value, stale)
    } else refusals++
    return reason
  }

  /** `latest`: samples from behind it are refused. */
  const take = (kind: RecordKind, body: Uint8Array, latest: number, log?: SampleLog): AppendReport => {
    const report = bodies.take(kind, body, latest, log)
    samples += report.samples
    for (const reason in report.refused) refusals += report.refused[reason as AppendRefusal] ?? 0
    rules.appended()
    asked.changed()
    runner.arrived()
    return report
  }

  const full = (expr: string, time: number, view = (source: Querier) => source): readonly VectorSample[] =>
    ruleSamples(
      timed(ruleTimeoutMs, (aborted) =>
        instantQuery(view(instantSource(expr, time, null)), expr, time, limited(null), aborted),
      ),
    )
  const reading = {
    head,
    source: (from: number, to: number) => persistence?.querier(from, to) ?? head,
    full,
    log: deps.log,
    lookbackMs: defaultLimits.lookbackMs,
    maxSamples: deps.limits.samplesPerQuery,
  }
  const fleet = standingRules({
    ...reading,
    ...(deps.ruleLane === undefined ? {} : { elsewhere: (query, time) => aside!.check(query, time) }),
  })
  const rules = hostRules(fleet, reading)
  const aside: RuleLane | undefined =
    deps.ruleLane === undefined
      ? undefined
      : ruleLane({
          lane: deps.ruleLane,
          turns,
          head,
          source: async (query, time) =>
            rules.view(query, await preparedSource(query, { start: time, end: time, stepMs: 0 }, null)),
          limits: limited(null),
          timeoutMs: ruleTimeoutMs,
          monotonic: () => clock.monotonic(),
          planned: rules.planned,
          inPlace: rules,
        })
  const plans = readiness({ clock, log: deps.log, turns, prepare: rules.prepare })
  const asked = askedQueries(head, {
    lookbackMs: defaultLimits.lookbackMs,
    maxSamples: deps.limits.samplesPerQuery,
  })
  const runner = openRuleRunner({
    clock,
    log: deps.log,
    defaultIntervalMs: deps.defaultIntervalMs,
    externalLabels: deps.externalLabels,
    ready: deps.rulesReady,
    query: rules.query,
    has: rules.has,
    ...(aside === undefined ? {} : { prepare: guarded(aside, rules) }),
    ...(deps.earlyEveryMs === undefined ? {} : { early: { everyMs: deps.earlyEveryMs, allows: rules.allows } }),
    write,
  })

  return {
    async recover() {
      await Promise.all([
        lane?.start(),
        deps.ruleLane?.start(),
        persistence?.recover(head, (kind, body, latest) => void take(kind, body, latest)),
      ])
      bodies.replayedAll()
      samples = 0
      refusals = 0
    },
    start() {
      persistence?.start()
      runner.start()
    },
    async stop() {
      await runner.stop()
      await plans.stop()
      await lane?.stop()
      await deps.ruleLane?.stop()
      await persistence?.stop()
    },
    async append(body, kind = 'write', durable = true) {
      const bytes = body instanceof Uint8Array ? body : new Uint8Array(body)
      // A sample far ahead of our clock and of all others would make those look too old.
      const latest = Math.max(clock.now(), head.maxTime) + aheadMs
      // Recorded first: what could not be written is not taken.
      const log: SampleLog | undefined = persistence && {
        piece: persistence.piece,
        record: (samples) => persistence.record('samples', samples, latest),
      }
      const report = take(kind, bytes, latest, log)
      if (durable) await persistence?.commit()
      return report
    },
    async latest(matchers, time, lookbackMs) {
      const out: LatestSample[] = []
      for (const ref of head.select(matchers)) {
        if (head.latest(ref, time - lookbackMs, time, cell) === 0 || cell.stale[0] === 1) continue
        out.push({ labels: head.labels(ref), time: cell.times[0]!, value: cell.values[0]! })
      }
      return out
    },
    query: async ({ query, time, timeoutMs, lookbackMs, stats = false }) => {
      const source = await preparedSource(query, { start: time, end: time, stepMs: 0 }, lookbackMs)
      const limits = limited(lookbackMs)
      const planned =
        source === head && lookbackMs === null && !stats && timeoutMs > 0
          ? await asked.answer(query, time, turns.job())
          : null
      if (planned !== null) return planned
      return road(source, { query, range: null, time, limits, timeoutMs, stats }, () =>
        costed(source, stats, clock, (querier) =>
          timed(timeoutMs, (aborted) => instantQuery(querier, query, time, limits, aborted)),
        ),
      )
    },
    queryRange: async ({ query, start, end, stepMs, timeoutMs, lookbackMs, stats = false }) => {
      const range = { start, end, stepMs }
      const source = await preparedSource(query, range, lookbackMs)
      const limits = limited(lookbackMs)
      return road(source, { query, range, time: end, limits, timeoutMs, stats }, () =>
        costed(source, stats, clock, (querier) =>
          timed(timeoutMs, (aborted) => rangeQuery(querier, query, range, limits, aborted)),
        ),
      )
    },
    series: async (request) => labelsOf(request),
    labelNames: async (request) =>
      [...new Set(labelsOf(request).flatMap((labels) => labels.map(([name]) => name)))].sort(),
    labelValues: async (name, request) => [...new Set(labelsOf(request).flatMap(valuesOf(name)))].sort(),
    async loadRules(files, restored, resumeFrom) {
      const groups = files.flatMap(({ file, text }) => parseRuleFile(file, text, parseExpression))
      // One after another, in the order in which they were asked for.
      loading = loading.then(async () => {
        rules.clear()
        await plans.wanted(groups.flatMap((group) => group.rules.map((rule) => rule.expression.text)))
        rules.load(groups)
        runner.load(groups, restored, resumeFrom)
      })
      return loading
    },
    rules: async () => withAlertsAway(runner.views(), rules.shown()),
    subscribe: (listener) => runner.subscribe(listener),
    hostRules: {
      picks: async () => rules.picks(),
      async hold(host) {
        rules.hold(host)
        runner.giveAway(host, rules.local)
      },
      show: async (host, alerts) => rules.show(host, alerts),
      async release(host, alerts) {
        rules.release(host)
        runner.takeBack(alerts)
      },
    },
    stats: async () => ({
      series: head.size,
      samples,
      refused: refusals,
      minTime: head.minTime,
      maxTime: head.maxTime,
      chunks: head.stats().chunks,
      ...(persistence === undefined ? {} : { storage: persistence.stats() }),
      rules: { ...runner.stats(), ...rules.stats() },
    }),
    cardinality: async (limit) => cardinalityOf(head, limit),
  }
}

/** What is asked on another thread, as long as it fits. */
const guarded =
  (aside: RuleLane, rules: HostRules): RuleLane['prepare'] =>
  (group, at) => {
    const asking = aside.prepare(group, at)
    return asking === null ? null : rules.guard(asking)
  }

const valuesOf =
  (name: string) =>
  (labels: Labels): readonly string[] =>
    labels.flatMap(([key, value]) => (key === name ? [value] : []))
