// From rules to people, as a list: rule files into the store, their changes into the alert store, alerts into dispatch, messages into channels.
// Rules that cannot be read and a routing file that cannot be read stop the start: half an alerting is worse than a clear refusal.

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import type { Clock } from '../core/base/clock.ts'
import { errorText } from '../core/base/errors.ts'
import type { Log } from '../core/base/log.ts'
import type { Secret } from '../core/base/redact.ts'
import type { Emit, Event } from '../core/event/event.ts'
import type { RulesOffer } from '../core/wire/host-rules.ts'
import { openAlertStore } from './alert/alert-store.ts'
import { type FindableSource, joinSources } from './alert/joined-source.ts'
import { openPostedStore } from './alert/posted-store.ts'
import type { ServerConfig } from './config.ts'
import { openAckTable } from './db/ack-table.ts'
import { openAlertTable } from './db/alert-table.ts'
import type { Db } from './db/database.ts'
import { openOutbox } from './db/outbox.ts'
import { openPostedJournal } from './db/posted-journal.ts'
import { openSilenceTable } from './db/silence-table.ts'
import type { Ack } from './dispatch/ack.ts'
import { ackEvent } from './dispatch/ack-event.ts'
import { type Acks, openAcks } from './dispatch/acks.ts'
import { type Dispatch, openDispatch } from './dispatch/dispatcher.ts'
import { openEscalation } from './dispatch/escalation.ts'
import { silenceEvent } from './dispatch/silence-event.ts'
import { openSilences, type Silences } from './dispatch/silences.ts'
import { actionPages } from './http/action-page.ts'
import { linkActions } from './link-actions.ts'
import { actionKinds, openActionLinks } from './notify/action-link.ts'
import { openForward } from './notify/forward.ts'
import { openHeartbeats } from './notify/heartbeat.ts'
import { readHeartbeats } from './notify/heartbeat-config.ts'
import { openPost } from './notify/http-post.ts'
import type { RemedyPort } from './notify/remedy-port.ts'
import { type TestResult, testReceiver } from './notify/test-message.ts'
import { onlyActing } from './office.ts'
import { type Routing, readRouting } from './routing.ts'
import { readRuleFiles } from './rule-files.ts'
import { openRules, type Rules } from './rules/rules.ts'
import { sloRules } from './slo/rules.ts'
import type { Reading } from './telemetry/metrics.ts'
import type { LocalStore } from './tsdb/local-store.ts'
import type { HostRulesClient } from './tsdb/store-client.ts'
import { openWatch } from './watch.ts'

export type Alerting = {
  start(signal: AbortSignal): Promise<void>
  stop(): Promise<void>
  /**
   * Reads rule files, routing and templates again and puts them in force: timers and alerts of rules that stay go on, and what people were told
   * is known. Throws what is wrong with them, and then changes nothing.
   */
  reload(): Promise<void>
  testReceiver(receiver: string, signal: AbortSignal): Promise<readonly TestResult[]>
  explain(labels: Readonly<Record<string, string>>): unknown
  readonly silences: Silences
  readonly acks: Pick<Acks, 'withdraw' | 'list'> & {
    /** Throws as `Acks.set`. */
    set(ack: Ack): Promise<void>
  }
  /** All alerts, those of rules and those that others posted. */
  readonly alerts: FindableSource
  readonly dispatch: Pick<Dispatch, 'look' | 'groups' | 'explain'>
  /** Takes alerts of others; as `PostedStore`'s. */
  post(body: Uint8Array): Promise<readonly string[]>
  /** The routing file in force. */
  routingText(): string
  /** Labels of each receiver, its name among them. */
  receivers(): Routing['receivers']
  /** How long a posted alert without an end goes on. */
  resolveTimeoutMs(): number
  /** Behind the links of messages; needs no token of the API. */
  readonly pages: ReturnType<typeof actionPages>
  readings(): readonly Reading[]
  /** Rules that agents work out for their own hosts. */
  readonly hostRules: Rules
}

export function openAlerting(options: {
  readonly clock: Clock
  readonly log: Log
  readonly config: ServerConfig
  /** Folder that file names of the configuration are relative to. */
  readonly directory: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly db: Db
  readonly store: LocalStore
  /** How far an earlier life evaluated; null: nothing is known of one. */
  readonly rulesFrom: number | null
  readonly mayAct: () => Promise<boolean>
  readonly externalUrl: string
  readonly emit: Emit
  readonly onEvents: (events: readonly Event[]) => void
  /** To the agent of this host, if it is connected. */
  readonly sendRules: (host: string, offer: RulesOffer) => void
  /** 32 hexadecimal digits, never the same twice. */
  readonly newId: () => string
  /** Signs the links of messages. */
  readonly linkKey: Secret
  /** Repairs what `remedy` channels ask for. */
  readonly remedy: RemedyPort
}): Alerting {
  const { clock, log, config, store, externalUrl, db } = options
  const objectives = sloRules(config.slos)
  let templateFaults = 0
  const onTemplateFault = (): void => void templateFaults++
  const readRules = () => [...readRuleFiles(config, options.directory), ...(objectives === null ? [] : [objectives])]
  const rules = readRules()
  const reloads = { count: 0, failures: 0, ok: true }
  const links = openActionLinks(options.linkKey, actionKinds)
  const readRoutes = (): Routing => readRouting({ ...options, actions: links, onTemplateFault })
  let routing = readRoutes()
  const receiversOf = (of: Routing): ReadonlySet<string> => new Set(of.channels.map((channel) => channel.receiver))
  // Both name receivers of the routing file, and throw where it has none of that name.
  const escalationOf = (of: Routing) => openEscalation(config.escalations, config.on_call, receiversOf(of))
  const beatsOf = (of: Routing) =>
    readHeartbeats(config.heartbeats, {
      read: (file) => readFileSync(path.resolve(options.directory, file), 'utf8'),
      receivers: receiversOf(of),
    })
  const inForce = (of: Routing) => ({
    route: of.route,
    inhibitRules: of.inhibitRules,
    channels: of.channels.map((channel) => onlyActing(channel, options.mayAct)),
  })
  const alerts = openAlertStore({
    clock,
    log,
    table: openAlertTable(db, () => clock.now()),
    externalUrl,
    random: Math.random,
    onEvents: options.onEvents,
  })
  const silences = openSilences({
    clock,
    log,
    table: openSilenceTable(db),
    newId: randomUUID,
    onChange: (silence, what) => options.emit(silenceEvent(options.newId(), clock.now(), silence, what)),
  })
  const acks = openAcks({
    clock,
    log,
    table: openAckTable(db),
    onSet: (ack, what, by) => options.emit(ackEvent(options.newId(), clock.now(), ack, what, by)),
  })
  const outbox = openOutbox(db)
  const posted = openPostedStore({
    clock,
    log,
    journal: openPostedJournal(db),
    resolveTimeoutMs: () => routing.resolveTimeoutMs,
  })
  const source = joinSources(alerts, posted, () => clock.now())
  const behind = linkActions({ clock, alerts: () => source.current(), silences, acks })
  const dispatch = openDispatch({
    clock,
    log,
    source,
    ...inForce(routing),
    silences,
    acks,
    escalation: escalationOf(routing),
    outbox,
    emit: options.emit,
    externalUrl,
    newId: options.newId,
  })
  const heartbeats = openHeartbeats({
    clock,
    log,
    beats: beatsOf(routing),
    get channels() {
      return routing.channels
    },
    post: openPost(clock),
    trouble: openWatch({ clock, rules: () => store.rules(), outbox }),
    externalUrl,
    newId: options.newId,
  })
  const local = config.rules_on_agents ? store.hostRules : undefined
  const hostRules = openRules({
    clock,
    log,
    alerts,
    store: local ?? keepsAll,
    send: options.sendRules,
    newTerm: options.newId,
    externalLabels: config.server.external_labels,
    externalUrl,
    intervalMs: config.evaluation_interval,
  })
  const forward = openForward({
    clock,
    log,
    source: alerts,
    targets: config.alertmanagers,
    post: openPost(clock),
    readToken: (file) => readFileSync(path.resolve(options.directory, file), 'utf8').trim(),
    externalLabels: config.server.external_labels,
    random: Math.random,
  })
  let subscription: Disposable | undefined

  return {
    async start(signal) {
      await alerts.start(signal)
      await silences.start()
      await acks.start()
      await posted.start()
      await dispatch.start(signal)
      subscription = store.subscribe((transitions, amendments) => alerts.apply(transitions, amendments))
      // Never before the newest kept change: going on from there repeats nothing, going back would undo it.
      const from = options.rulesFrom === null ? null : Math.max(options.rulesFrom, alerts.keptUntil() ?? 0)
      await hostRules.load(rules, () => store.loadRules(rules, alerts.restored(), from))
      store.start()
      hostRules.start()
      heartbeats.start()
      forward.start()
    },
    async stop() {
      await heartbeats.stop()
      hostRules.stop()
      await forward.stop()
      await store.stop()
      subscription?.[Symbol.dispose]()
      await alerts.stop()
      await posted.stop()
      await dispatch.stop()
      await silences.stop()
      await acks.stop()
    },
    acks: {
      set: (ack) => acks.set(ack, source.find(ack.fingerprint) ?? undefined),
      withdraw: acks.withdraw,
      list: acks.list,
    },
    async reload() {
      reloads.count++
      try {
        // All is read before anything of it is put in force.
        const [next, read] = [readRoutes(), readRules()]
        escalationOf(next)
        beatsOf(next)
        await hostRules.load(read, () => store.loadRules(read, [], null))
        routing = next
        dispatch.reload(inForce(next))
        reloads.ok = true
        log.info('rule files and routing were read again')
      } catch (error) {
        reloads.failures++
        reloads.ok = false
        log.error('rule files and routing could not be read again; what is in force stays', { error: errorText(error) })
        throw error
      }
    },
    testReceiver: (receiver, signal) =>
      testReceiver(routing.channels, receiver, { id: options.newId(), externalUrl, now: clock.now() }, signal),
    silences,
    alerts: source,
    dispatch,
    post: (body) => posted.post(body),
    routingText: () => routing.text,
    receivers: () => routing.receivers,
    resolveTimeoutMs: () => routing.resolveTimeoutMs,
    pages: actionPages({ clock, key: options.linkKey, ports: behind }),
    explain: (labels) => dispatch.explain(labels),
    hostRules,
    readings: () => {
      const kept = alerts.stats()
      const judges = hostRules.stats()
      const sent = dispatch.stats()
      const quiet = silences.stats()
      const others = posted.stats()
      const away = forward.stats()
      return [
        { name: 'inferward_rules_reloads_total', value: reloads.count },
        { name: 'inferward_rules_reload_failures_total', value: reloads.failures },
        { name: 'inferward_rules_reload_ok', value: Number(reloads.ok) },
        { name: 'inferward_alert_firing', value: kept.firing },
        { name: 'inferward_alert_waiting', value: kept.waiting },
        { name: 'inferward_alert_refused_total', value: kept.refused + kept.lost },
        { name: 'inferward_alert_posted_total', value: others.alerts },
        { name: 'inferward_alert_posted_refused_total', value: others.refused },
        { name: 'inferward_alert_posted_held', value: others.held },
        { name: 'inferward_alert_posted_waiting', value: others.waiting },
        ...(['server', 'moving', 'agent'] as const).map((owner) => ({
          name: 'inferward_host_rules_hosts',
          value: judges.hosts[owner],
          labels: { owner },
        })),
        { name: 'inferward_host_rules_taken_over_total', value: judges.takenOver },
        { name: 'inferward_host_rules_left_out_total', value: judges.leftOut },
        { name: 'inferward_host_rules_corrected_total', value: judges.corrected },
        { name: 'inferward_host_rules_malformed_total', value: judges.malformed },
        { name: 'inferward_alert_forwarded_total', value: away.sent },
        { name: 'inferward_alert_forward_failures_total', value: away.failures },
        { name: 'inferward_alert_forward_refused_total', value: away.refused },
        { name: 'inferward_alert_forward_waiting', value: away.waiting },
        { name: 'inferward_dispatch_groups', value: sent.groups },
        ...(['pending', 'active', 'expired'] as const).map((state) => ({
          name: 'inferward_dispatch_silences',
          value: quiet[state],
          labels: { state },
        })),
        { name: 'inferward_dispatch_silences_refused_total', value: quiet.refused },
        { name: 'inferward_dispatch_acks', value: acks.list().length },
        { name: 'inferward_dispatch_acks_refused_total', value: acks.refused() },
        { name: 'inferward_dispatch_flushes_total', value: sent.flushes },
        { name: 'inferward_dispatch_flush_failures_total', value: sent.flushFailures + sent.storeFailures },
        ...Object.entries(heartbeats.stats()).map(([result, value]) => ({
          name: 'inferward_notify_heartbeats_total',
          value,
          labels: { result },
        })),
        { name: 'inferward_notify_template_faults_total', value: templateFaults },
        ...sent.attempts.map(({ kind, result, code, count }) => ({
          name: 'inferward_notify_attempts_total',
          value: count,
          labels: { kind, result, code },
        })),
        ...sent.merged.map(({ kind, count }) => ({
          name: 'inferward_notify_merged_total',
          value: count,
          labels: { kind },
        })),
        ...sent.spilled.map(({ kind, count }) => ({
          name: 'inferward_notify_spilled_total',
          value: count,
          labels: { kind },
        })),
        ...sent.waiting.map(({ channel, rows }) => ({
          name: 'inferward_notify_waiting',
          value: rows,
          labels: { channel },
        })),
      ]
    },
  }
}

/** A store that gives no rules away. */
const keepsAll: HostRulesClient = {
  picks: async () => [],
  hold: async () => {},
  show: async () => {},
  release: async () => {},
}
