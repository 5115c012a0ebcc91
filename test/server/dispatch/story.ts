// A stage for stories about dispatch: a virtual clock, an alert store, channels that collect, and lives of the dispatcher that can be killed at
// any call. What survives a kill is the outbox, the alert store and what the receivers got.

import { parse } from 'yaml'
import { z } from 'zod'
import { parseDuration } from '../../../core/base/duration.ts'
import { silentLog } from '../../../core/base/log.ts'
import { type VirtualClock, virtualClock } from '../../../core/base/virtual-clock.ts'
import type { Event } from '../../../core/event/event.ts'
import type { Alert, AlertListener } from '../../../server/alert/alert.ts'
import { type Acks, openAcks } from '../../../server/dispatch/acks.ts'
import type { Channel, SendResult } from '../../../server/dispatch/channel.ts'

import { type Dispatch, openDispatch } from '../../../server/dispatch/dispatcher.ts'
import { type Escalation, openEscalation } from '../../../server/dispatch/escalation.ts'
import { escalations, onCall } from '../../../server/dispatch/escalation-config.ts'
import { type InhibitRule, inhibitRulesSchema } from '../../../server/dispatch/inhibit-config.ts'
import { parseMatchers } from '../../../server/dispatch/matcher.ts'
import type { Notification } from '../../../server/dispatch/notification.ts'
import type { Outbox } from '../../../server/dispatch/outbox-port.ts'
import { buildRoutes, type Route } from '../../../server/dispatch/route.ts'
import { checkRoute, routeSchema } from '../../../server/dispatch/route-config.ts'
import type { PostedSilence } from '../../../server/dispatch/silence.ts'
import { openSilences, type Silences } from '../../../server/dispatch/silences.ts'
import { timeIntervalsSchema } from '../../../server/dispatch/time-interval-config.ts'
import { memoryAckTable } from './memory-acks.ts'
import { memoryOutbox } from './memory-outbox.ts'
import { memorySilenceTable } from './memory-silences.ts'

export function alertOf(name: string, more: Partial<Alert> = {}): Alert {
  return {
    fingerprint: name,
    labels: { alertname: name },
    annotations: {},
    startsAt: 0,
    endsAt: null,
    updatedAt: 0,
    generatorUrl: '',
    source: 'rules',
    ...more,
  }
}

export const routeOf = (yaml: string, intervals = '[]'): Route => {
  const config = routeSchema.parse(parse(yaml))
  const named = timeIntervalsSchema.parse(parse(intervals))
  const faults = checkRoute(
    config,
    ['oncall', 'team', 'other', 'default'],
    named.map((one) => one.name),
  )
  if (faults.length > 0) throw new Error(JSON.stringify(faults))
  return buildRoutes(config, named)
}

export const inhibitRulesOf = (yaml: string): readonly InhibitRule[] => inhibitRulesSchema.parse(parse(yaml))

const escalationSchema = z.object({ escalations, on_call: onCall }).strict()

export function escalationOf(yaml: string, receivers: readonly string[]): Escalation {
  const config = escalationSchema.parse(parse(yaml))
  return openEscalation(config.escalations, config.on_call, new Set(receivers))
}

export type Received = { readonly at: number; readonly notification: Notification }

export type Collector = {
  readonly channel: Channel
  /** Everything that reached the receiver, repeats of one id included. */
  readonly received: Received[]
  /** What the receiver answers; `hang` = nothing, ever. Set by the story. */
  answer: (notification: Notification, attempt: number) => SendResult | 'hang'
}

export const ok: SendResult = { ok: true, reply: 'ok' }
export const refuses = (code: string, retryable = true, retryAfterMs: number | null = null): SendResult => ({
  ok: false,
  code,
  reply: `${code}!`,
  retryable,
  retryAfterMs,
})

/** Where a life may be killed: before or after each call it makes. */
export type Point = `${'before' | 'after'}:${'flush' | 'take' | 'settle' | 'send'}`

export type Story = {
  readonly clock: VirtualClock
  readonly outbox: Outbox
  readonly events: Event[]
  readonly alerts: Map<string, Alert>
  /** A channel of the product itself, with a receiver of its own. */
  adopt(channel: Channel): void
  collector(name?: string, more?: Partial<Pick<Channel, 'sendResolved' | 'quota' | 'spillTo' | 'shown'>>): Collector
  /** A new life over what is left; the one before is killed. `dieAt` kills it at its n-th call of that kind. */
  start(dieAt?: { readonly point: Point; readonly nth?: number }): Promise<Dispatch>
  kill(): void
  readonly alive: boolean
  fires(name: string, labels?: Record<string, string>, more?: Partial<Alert>): void
  resolves(...names: readonly string[]): void
  /** Of the life that goes on now. */
  readonly silences: Silences
  readonly acks: Acks
  /** From now on, for that long. */
  acknowledge(name: string, duration: string, owner?: string): Promise<void>
  /** From now on, for that long; the id. */
  silence(matchers: string, duration: string, more?: Partial<PostedSilence>): Promise<string>
  after(duration: string): Promise<void>
  /** Each different message that reached a receiver: `00:30 first +a -b`. */
  told(collector?: Collector): string[]
}

export function story(
  route: string,
  options: {
    readonly outbox?: Outbox
    readonly inhibitRules?: string
    readonly intervals?: string
    /** As in the configuration: `escalations` and `on_call`. */
    readonly escalation?: string
  } = {},
): Story {
  const clock = virtualClock()
  const began = clock.now()
  const outbox = options.outbox ?? memoryOutbox()
  const events: Event[] = []
  const alerts = new Map<string, Alert>()
  const listeners = new Set<AlertListener>()
  const collectors: Collector[] = []
  const adopted: Channel[] = []
  let life: { dead: boolean } = { dead: true }
  let ids = 0
  let silenceIds = 0
  let silences: Silences | undefined
  const silenceTable = memorySilenceTable()
  let acks: Acks | undefined
  const ackTable = memoryAckTable()

  const never = new Promise<never>(() => {})

  const change = (changed: readonly Alert[]): void => {
    for (const alert of changed) alerts.set(alert.fingerprint, alert)
    for (const listener of listeners) listener(changed)
  }

  const build: Story = {
    clock,
    outbox,
    events,
    alerts,
    get alive() {
      return !life.dead
    },
    adopt: (channel) => void adopted.push(channel),
    collector(name = 'oncall/memory[0]', more = {}) {
      const received: Received[] = []
      const [receiver = '', kind = ''] = name.split(/[/[]/)
      const made: Collector = {
        received,
        answer: () => ok,
        channel: {
          name,
          kind,
          receiver,
          sendResolved: more.sendResolved ?? true,
          ...(more.quota === undefined ? {} : { quota: more.quota }),
          ...(more.spillTo === undefined ? {} : { spillTo: more.spillTo }),
          ...(more.shown === undefined ? {} : { shown: more.shown }),
          async send(notification) {
            const attempt = received.filter((one) => one.notification.id === notification.id).length + 1
            received.push({ at: clock.now(), notification })
            const answer = made.answer(notification, attempt)
            return answer === 'hang' ? never : answer
          },
          preview: () => '',
        },
      }
      collectors.push(made)
      return made
    },
    async start(dieAt) {
      build.kill()
      const mine = { dead: false }
      life = mine
      let left = dieAt?.nth ?? 1
      const reach = (point: Point): void => {
        if (dieAt?.point !== point || mine.dead) return
        left--
        if (left === 0) build.kill()
      }
      /** The dead make no calls and get no answers. */
      const guarded = <A extends unknown[], R>(
        name: Point extends `${string}:${infer N}` ? N : never,
        call: (...args: A) => Promise<R>,
      ) => {
        return async (...args: A): Promise<R> => {
          if (mine.dead) return never
          reach(`before:${name}`)
          if (mine.dead) return never
          const result = await call(...args)
          reach(`after:${name}`)
          return mine.dead ? never : result
        }
      }
      await silences?.stop()
      silences = openSilences({ clock, log: silentLog, table: silenceTable, newId: () => `silence-${++silenceIds}` })
      await silences.start()
      await acks?.stop()
      acks = openAcks({ clock, log: silentLog, table: ackTable })
      await acks.start()
      const opened = openDispatch({
        clock,
        log: silentLog,
        source: {
          current: () => [...alerts.values()],
          subscribe(listener) {
            listeners.add(listener)
            return { [Symbol.dispose]: () => void listeners.delete(listener) }
          },
        },
        route: routeOf(route, options.intervals),
        silences,
        acks,
        escalation: escalationOf(
          options.escalation ?? '{}',
          collectors.map(({ channel }) => channel.receiver),
        ),
        inhibitRules: inhibitRulesOf(options.inhibitRules ?? '[]'),
        channels: [...collectors.map((one) => one.channel), ...adopted].map((channel) => ({
          ...channel,
          send: guarded('send', channel.send),
        })),
        outbox: {
          ...outbox,
          flush: guarded('flush', outbox.flush),
          take: guarded('take', outbox.take),
          settle: guarded('settle', outbox.settle),
        },
        emit: (event) => void (mine.dead || events.push(event)),
        externalUrl: 'http://localhost:9700',
        newId: () => (++ids).toString(16).padStart(32, '0'),
        random: () => 0,
      })
      await opened.start(new AbortController().signal)
      await clock.advance(0)
      return opened
    },
    kill() {
      life.dead = true
      listeners.clear()
    },
    fires(name, labels = {}, more = {}) {
      const now = clock.now()
      change([alertOf(name, { labels: { alertname: name, ...labels }, startsAt: now, updatedAt: now, ...more })])
    },
    resolves(...names) {
      const now = clock.now()
      change(names.map((name) => ({ ...alerts.get(name)!, endsAt: now, updatedAt: now })))
    },
    get silences() {
      if (silences === undefined) throw new Error('the story has not started')
      return silences
    },
    get acks() {
      if (acks === undefined) throw new Error('the story has not started')
      return acks
    },
    acknowledge(name, duration, owner = 'li') {
      const at = clock.now()
      const ack = { fingerprint: name, owner, comment: '', at, expiresAt: at + parseDuration(duration) }
      return build.acks.set(ack, alerts.get(name))
    },
    silence: (matchers, duration, more = {}) => {
      const parsed = parseMatchers(matchers)
      if (!parsed.ok) throw new Error(parsed.fault)
      const texts = parsed.value.map(({ name, op, value }) => ({ name, op, value }))
      const endsAt = clock.now() + parseDuration(duration)
      const plain = { id: '', startsAt: null, createdBy: 'me', comment: '', annotations: {} }
      return build.silences.set({ ...plain, matchers: texts, endsAt, ...more })
    },
    after: (duration) => clock.advance(parseDuration(duration)),
    told(collector = collectors[0]!) {
      const seen = new Set<string>()
      return collector.received.flatMap(({ at, notification }) => {
        if (seen.has(notification.id)) return []
        seen.add(notification.id)
        const seconds = Math.round((at - began) / 1000)
        const time = [Math.floor(seconds / 60), seconds % 60].map((part) => String(part).padStart(2, '0')).join(':')
        const alertTexts = notification.alerts.map((one) => `${one.endsAt === null ? '+' : '-'}${one.fingerprint}`)
        return [`${time} ${notification.reason} ${alertTexts.join(' ')}`]
      })
    },
  }
  return build
}
