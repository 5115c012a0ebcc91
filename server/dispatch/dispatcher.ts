// Alert to person: takes alerts from the store, sorts them into groups by the route tree, flushes groups when they are due, and hands what is
// due to delivery. A flush is one transaction of the outbox, so that a kill at any point loses nothing and repeats nothing.
// Groups live in memory and are made again from the alert store; what people were told lives in the database. There are never more groups
// than alerts times the routes that take them, and the alert store bounds the alerts.

import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import type { Emit } from '../../core/event/event.ts'
import { type Alert, type AlertSource, isResolved } from '../alert/alert.ts'
import type { AckSource } from './acks.ts'
import { type Asking, openAsking } from './asking.ts'
import type { Channel } from './channel.ts'
import { openDelivery } from './delivery.ts'
import type { DeliveryStats } from './delivery-counts.ts'
import type { Escalation } from './escalation.ts'
import { type Explanation, explain } from './explain.ts'
import { type Group, type Moment, newGroup } from './group.ts'
import type { InhibitRule } from './inhibit-config.ts'
import { openInhibition } from './inhibition.ts'
import type { Matcher } from './matcher.ts'
import type { LabelSet } from './matcher-text.ts'
import type { FlushWrite, LogEntry, Outbox } from './outbox-port.ts'
import { type Outcome, runStages } from './pipeline.ts'
import { startPruning } from './pruning.ts'
import { groupKey, groupLabels, longestInterval, matchRoutes, type Route } from './route.ts'
import type { SilenceSource } from './silences.ts'
import { mutedBy } from './time-interval.ts'
import type { GroupView, Look } from './view.ts'

const failedFlushRetryMs = { first: 1000, cap: 60_000 } as const
/** Each holds a connection of the database; a restart with thousands of groups must not ask for thousands. */
const maxFlushes = 4
/** Timers of the runtime overflow past 24 days and fire at once. */
const longestTimerMs = 86_400_000

export type DispatchDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly source: AlertSource
  readonly route: Route
  readonly inhibitRules: readonly InhibitRule[]
  readonly silences: SilenceSource
  readonly acks: AckSource
  /** Who hears of what nobody acknowledges. */
  readonly escalation: Escalation
  readonly channels: readonly Channel[]
  readonly outbox: Outbox
  readonly emit: Emit
  /** Base of links, without a trailing slash. */
  readonly externalUrl: string
  /** 32 hexadecimal digits, never the same twice. */
  readonly newId: () => string
  /** For jitter; Math.random when left out. */
  readonly random?: () => number
}

export type DispatchStats = DeliveryStats & {
  readonly groups: number
  readonly flushes: number
  readonly flushFailures: number
  readonly flushSeconds: number
  /** Decisions of flushes, one per channel: `first`, `repeat`, `nothing`, `held` … */
  readonly decisions: Readonly<Record<string, number>>
}

export type Dispatch = {
  start(signal: AbortSignal): Promise<void>
  stop(): Promise<void>
  /** New routes, inhibit rules and channels at once; groups are made again, the log says what was told. */
  reload(parts: Pick<DispatchDeps, 'route' | 'inhibitRules' | 'channels'>): void
  explain(labels: LabelSet): Explanation
  look(alert: Alert): Look
  groups(): readonly GroupView[]
  stats(): DispatchStats
}

type Live = {
  readonly group: Group
  readonly asking: Asking
  timer: (Disposable & { readonly at: number }) | null
  flushing: boolean
  failures: number
  last: GroupView['last']
  /** Nothing is left of it, or the routes have changed. */
  gone: boolean
}
/** Where a route puts a label set; `live` is its group as it was last seen. */
type Place = { readonly route: Route; readonly key: string; readonly id: string; live: Live | null }

export function openDispatch(deps: DispatchDeps): Dispatch {
  const { clock, log, outbox, externalUrl, newId } = deps
  let { route, channels } = deps
  let inhibition = openInhibition(deps.inhibitRules)
  let live = new Map<string, Live>()
  let subscription: Disposable | undefined
  let silenceEnds: Disposable | undefined
  let ackChanges: Disposable | undefined
  let pruning: Disposable | undefined
  let running = false
  const underWay = new Set<Promise<void>>()
  /** Due, and waiting for room, in order. */
  const queued = new Set<Live>()
  const decisions: Record<string, number> = {}
  let flushes = 0
  let flushFailures = 0
  let flushSeconds = 0
  const delivery = openDelivery({
    clock,
    log,
    outbox,
    emit: deps.emit,
    newId,
    random: deps.random ?? Math.random,
  })
  const moment = (): Moment => ({ wall: clock.now(), monotonic: clock.monotonic() })

  /** Labels of an alert never change, and most posts confirm what is known. */
  let places = new WeakMap<LabelSet, readonly Place[]>()
  const placesOf = (labels: LabelSet): readonly Place[] => {
    let found = places.get(labels)
    if (found === undefined) {
      found = matchRoutes(route, labels).map((one) => {
        const key = groupKey(one, labels)
        return { route: one, key, id: `${one.id} ${key}`, live: null }
      })
      places.set(labels, found)
    }
    return found
  }

  /** Sorts a batch in, then flushes what is due: alerts that arrive together are told together. */
  const take = (alerts: readonly Alert[]): void => {
    const now = moment()
    // All sources before the first flush: after a restart causes and consequences come together, in no order.
    inhibition.take(alerts, now.wall)
    const touched = new Set<Live>()
    for (const alert of alerts) {
      for (const place of placesOf(alert.labels)) {
        let one = place.live
        if (one === null || one.gone) {
          const { route: target, key, id } = place
          one = live.get(id) ?? null
          if (one === null) {
            const group = newGroup(key, groupLabels(target, alert.labels), target, now)
            const asking = openAsking(deps.escalation)
            one = { group, asking, timer: null, flushing: false, failures: 0, last: null, gone: false }
            live.set(id, one)
          }
          place.live = one
        }
        one.group.put(alert, now)
        touched.add(one)
      }
    }
    for (const one of touched) {
      one.group.dueAt()
      arm(one)
    }
  }

  const placeOf = (one: Live): string => `${one.group.route.id} ${one.group.key}`

  const arm = (one: Live): void => {
    // While a flush is under way its end arms the group again.
    if (!running || one.flushing || one.gone) return
    const at = one.group.dueAt()
    const wait = at - clock.monotonic()
    if (wait > 0 && one.timer?.at === at) return
    one.timer?.[Symbol.dispose]()
    one.timer = null
    if (wait <= 0) return flush(one)
    const fire = (): void => {
      one.timer = null
      arm(one)
    }
    one.timer = { at, ...clock.timer(Math.min(wait, longestTimerMs), fire) }
  }

  const flush = (one: Live): void => {
    if (underWay.size >= maxFlushes) {
      queued.add(one)
      return
    }
    one.flushing = true
    const work = flushNow(one).finally(() => {
      underWay.delete(work)
      one.flushing = false
      arm(one)
      for (const next of queued) {
        if (underWay.size >= maxFlushes) break
        queued.delete(next)
        arm(next)
      }
    })
    underWay.add(work)
  }

  const flushNow = async (one: Live): Promise<void> => {
    const { group, asking } = one
    const now = moment()
    const fresh = !group.begun
    const alerts = group.begin(now)
    const { receiver } = group.route
    const mine = channels.filter((channel) => channel.receiver === receiver)
    const reach = new Set(alerts.flatMap(({ labels }) => [...deps.escalation.reach(labels)]))
    const others = channels.filter((channel) => channel.receiver !== receiver && reach.has(channel.receiver))
    const inhibited = (alert: Alert): boolean => inhibition.by(alert.labels, now.wall) !== null
    const acknowledged = (alert: Alert): boolean => deps.acks.of(alert, now.wall) !== null
    const silenced = (alert: Alert): { tellResolved: boolean } | null => {
      const by = deps.silences.by(alert.labels, now.wall)
      return by.length === 0 ? null : { tellResolved: by.some((one) => one.annotations.tell_resolved === 'true') }
    }
    let outcomes: readonly Outcome[] = []
    let asked: readonly string[] = []
    let told = new Set<string>()
    const decide = (known: ReadonlyMap<string, LogEntry>): readonly FlushWrite[] => {
      told = new Set([...known.values()].flatMap(({ firing }) => firing))
      const quiet = mutedBy(group.route.times, now.wall) !== null
      const asks = (alert: Alert): boolean =>
        !(quiet || isResolved(alert, now.wall) || inhibited(alert) || silenced(alert) !== null || acknowledged(alert))
      asking.look(alerts.filter(asks), fresh ? told : null, now.wall)
      const audience = [
        ...mine.map((channel) => ({ channel, alerts, onlyEnds: false })),
        ...others.flatMap((channel) => {
          const heard = asking.audience(channel.receiver, alerts, known.get(channel.name) ?? null, now.wall)
          return heard === null ? [] : [{ channel, ...heard }]
        }),
      ]
      asked = audience.map(({ channel }) => channel.name)
      outcomes = audience.map(({ channel, alerts, onlyEnds }) =>
        runStages({
          groupKey: group.key,
          groupLabels: group.labels,
          route: group.route,
          channel,
          now: now.wall,
          externalUrl,
          newId,
          alerts,
          inhibited,
          silenced,
          acknowledged,
          ackEndedAt: (alert) => deps.acks.endedAt(alert, now.wall),
          onlyEnds,
          muted: [],
          hushed: [],
          known: known.get(channel.name) ?? null,
          reason: null,
          notification: null,
        }),
      )
      return outcomes.flatMap((outcome) => (outcome.write === null ? [] : [outcome.write]))
    }
    flushes++
    try {
      const names = [...mine, ...others].map((channel) => channel.name)
      if (names.length > 0) delivery.wake(await outbox.flush(group.key, names, now.wall, decide))
    } catch (error) {
      flushFailures++
      const retryMs = Math.min(failedFlushRetryMs.cap, failedFlushRetryMs.first * 2 ** Math.min(one.failures, 10))
      one.failures++
      group.again(clock.monotonic() + retryMs)
      log.error('group could not be flushed, will try again', { group: group.key, error: errorText(error) })
      return
    } finally {
      flushSeconds += (clock.monotonic() - now.monotonic) / 1000
    }
    one.failures = 0
    for (const outcome of outcomes) decisions[outcome.reason] = (decisions[outcome.reason] ?? 0) + 1
    one.last = {
      at: now.wall,
      decisions: outcomes.map(({ reason, until }, index) => ({ channel: asked[index]!, reason, until })),
    }
    const held = outcomes.flatMap((outcome) => (outcome.until === null ? [] : [outcome.until]))
    const step = asking.nextAt(alerts, now.wall)
    const again = step === null ? held : [...held, step]
    if (again.length > 0) group.again(now.monotonic + Math.min(...again) - now.wall)
    // The end of what was told, and travels with a held message, must still be here when that one goes.
    const empty = group.finish(alerts, now.wall, held.length > 0 ? told : undefined)
    if (!empty || one.gone) return
    one.gone = true
    live.delete(placeOf(one))
  }

  /** What was kept quiet and fires still is told now, not at the next interval. */
  const silencesEnded = (ended: readonly (readonly Matcher[])[]): void => {
    const was = (alert: Alert): boolean => ended.some((all) => all.every((one) => one.matches(alert.labels)))
    for (const one of live.values()) {
      if (!one.group.begun || ![...one.group.alerts.values()].some(was)) continue
      one.group.again(clock.monotonic())
      arm(one)
    }
  }

  const acksChanged = (fingerprints: readonly string[]): void => {
    for (const one of live.values()) {
      if (!one.group.begun || !fingerprints.some((fingerprint) => one.group.alerts.has(fingerprint))) continue
      one.group.again(clock.monotonic())
      arm(one)
    }
  }

  const disarm = (): void => {
    for (const one of live.values()) one.timer?.[Symbol.dispose]()
  }

  return {
    async start(signal) {
      await outbox.release()
      delivery.counts.waitingIs(await outbox.waiting())
      if (signal.aborted) return
      running = true
      delivery.use(channels)
      subscription = deps.source.subscribe(take)
      silenceEnds = deps.silences.onEnd(silencesEnded)
      ackChanges = deps.acks.onChange(acksChanged)
      take(deps.source.current())
      pruning = startPruning({
        clock,
        log,
        outbox,
        longestIntervalMs: () => longestInterval(route),
        channels: () => channels.map((channel) => channel.name),
        onWaiting: delivery.counts.waitingIs,
      })
    },
    async stop() {
      running = false
      subscription?.[Symbol.dispose]()
      silenceEnds?.[Symbol.dispose]()
      ackChanges?.[Symbol.dispose]()
      pruning?.[Symbol.dispose]()
      disarm()
      await Promise.all(underWay)
      await delivery.stop()
    },
    reload(parts) {
      route = parts.route
      places = new WeakMap()
      channels = parts.channels
      inhibition = openInhibition(parts.inhibitRules)
      disarm()
      const before = live
      for (const one of before.values()) one.gone = true
      live = new Map()
      if (!running) return
      delivery.use(channels)
      inhibition.take(deps.source.current(), clock.now())
      // What an old group still held may be gone from the store, and its recovery untold.
      take([...new Set([...before.values()].flatMap(({ group }) => [...group.alerts.values()]))])
      take(deps.source.current())
    },
    explain(labels) {
      const now = clock.now()
      const silencedBy = deps.silences.by(labels, now).map(({ id }) => id)
      return explain(route, labels, channels, inhibition.by(labels, now), silencedBy, now)
    },
    look(alert) {
      const now = clock.now()
      const inhibited = inhibition.by(alert.labels, now)
      return {
        receivers: placesOf(alert.labels).map((place) => place.route.receiver),
        silencedBy: deps.silences.by(alert.labels, now).map(({ id }) => id),
        inhibitedBy: inhibited === null ? [] : [inhibited.source.fingerprint],
      }
    },
    groups: () =>
      [...live.values()].map(({ group, last }) => ({
        key: group.key,
        receiver: group.route.receiver,
        labels: group.labels,
        alerts: [...group.alerts.values()],
        routeLabels: group.route.labels,
        mutedBy: mutedBy(group.route.times, clock.now())?.by ?? [],
        dueInMs: Math.max(0, group.dueAt() - clock.monotonic()),
        last,
      })),
    stats: () => ({
      ...delivery.counts.stats(),
      groups: live.size,
      flushes,
      flushFailures,
      flushSeconds,
      decisions: { ...decisions },
    }),
  }
}
