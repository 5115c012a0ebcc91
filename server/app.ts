// The server as a list: what it is made of, in the order it starts. It stops in reverse.

import { randomBytes, randomFillSync, randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import * as path from 'node:path'
import type { Clock } from '../core/base/clock.ts'
import { errorText } from '../core/base/errors.ts'
import type { Log } from '../core/base/log.ts'
import { redact, secret } from '../core/base/redact.ts'
import { isLoopback, listenUrl } from '../core/base/schema.ts'
import { type Event, eventId } from '../core/event/event.ts'
import { openAlerting } from './alerting.ts'
import { authenticate, authenticateAgent } from './auth/authenticate.ts'
import { tokenFile, tokenTable } from './auth/tokens.ts'
import type { ServerConfig } from './config.ts'
import type { Database } from './db/database.ts'
import { openEventStore } from './db/event-store.ts'
import { openLedger } from './db/ledger.ts'
import { commandEvent } from './fleet/command-event.ts'
import { openHosts } from './hosts.ts'
import { ackApi } from './http/ack-api.ts'
import { alertmanagerApi } from './http/alertmanager/alertmanager-api.ts'
import { fleetApi } from './http/fleet-api.ts'
import { hostsApi } from './http/hosts-api.ts'
import { openHttp } from './http/http.ts'
import { incidentsApi } from './http/incidents-api.ts'
import { notifyApi } from './http/notify-api.ts'
import { prometheusApi } from './http/prometheus/prometheus-api.ts'
import { writeApi } from './http/prometheus/write-api.ts'
import { openIncidents } from './incident/incidents.ts'
import { openIngest } from './ingest/ingest.ts'
import { openRemedy } from './remedy/remedy.ts'
import { openRemote } from './remote/remote.ts'
import { ruleRouters } from './rule-routers.ts'
import { openSelfMetrics } from './self-metrics.ts'
import { openSessions } from './session/session.ts'
import { openSweep } from './sweep.ts'
import { openMetrics } from './telemetry/metrics.ts'
import { openTracing } from './telemetry/tracing.ts'
import { openStore } from './tsdb/open-store.ts'

export type ServerApp = { readonly url: string; reload(): Promise<void>; stop(cluster: boolean): Promise<void> }

export async function openServer(options: {
  readonly data: string
  readonly config: ServerConfig
  /** Text of the configuration file, and the folder its names are relative to. */
  readonly configText: string
  readonly configDirectory: string
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Stopped with the server; after a start that fails its opener stops it. */
  readonly database: Database
  /** Whether this server still acts, of several on one database. */
  readonly mayAct: () => Promise<boolean>
}): Promise<ServerApp> {
  const { data, config, clock, log, environment, database } = options
  const now = (): number => clock.now()
  const random = (bytes: Uint8Array): Uint8Array => randomFillSync(bytes)

  const tokens = tokenTable()
  const admin = tokenFile(path.join(data, 'admin.token'))
  tokens.add(admin.token, { name: 'admin', role: 'admin', scope: '*' })
  tokens.add(tokenFile(path.join(data, 'agent.token')).token, { name: 'agent', role: 'agent', scope: '*' })

  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = environment
  const tracing = await openTracing({ endpoint, version: options.version, log })
  const events = openEventStore(database.db, now)
  const ledger = openLedger(database.db)
  const startedAt = now()
  const externalUrl = (config.server.external_url ?? listenUrl(config.server.listen)).replace(/\/$/, '')
  const hosts = await openHosts({
    db: database.db,
    now,
    limits: { hosts: config.server.max_hosts, engines: config.server.max_engines },
    onBound: (host) => changed(host, 'agent', 'the host name is bound to the key that came first'),
  })
  const { registry, resume } = hosts
  const { store, ...remote } = openRemote({
    ...options,
    open: (wrote) => openStore({ ...options, wrote, rulesReady: () => resume.ready(sessions) }),
  })

  const ingest = openIngest({
    clock,
    log,
    append: (body) => store.append(body),
    store: (batch) => events.append(batch),
    onEvents: async (fresh) => {
      for (const event of fresh) if (event.kind === 'outcome') await ledger.observe(event)
    },
  })
  const own = async (event: Event): Promise<void> => ingest.own([event])
  const changed = (host: string, principal: string, detail: string): Promise<void> => {
    const about = { id: eventId(now(), random), at: now(), host, engine: null, incarnation: null }
    return own({ ...about, kind: 'change', subject: 'host', principal, detail })
  }
  const onIssued = async (id: string): Promise<void> => {
    const row = await ledger.get(id)
    if (row === null) return
    await own(commandEvent(row, { id: eventId(now(), random), at: now() }))
    sessions.wake(row.host)
  }
  const alerting = openAlerting({
    ...options,
    remedy: openRemedy({ now, incarnation: registry.engine, ledger, onIssued, limits: config.remedy }),
    directory: options.configDirectory,
    db: database.db,
    store,
    rulesFrom: resume.rulesFrom,
    mayAct: options.mayAct,
    externalUrl,
    emit: (event) =>
      void own(event).catch((error: unknown) => log.error('event could not be stored', { error: errorText(error) })),
    onEvents: () => {},
    sendRules: (host, offer) => sessions.send(host, offer),
    newId: () => randomBytes(16).toString('hex'),
    linkKey: secret(tokenFile(path.join(data, 'link.key')).token),
  })

  const sessions = openSessions({
    clock,
    log,
    serverId: randomUUID(),
    maxSessions: config.server.max_agents,
    authenticate: async (request) => authenticateAgent(request, tokens),
    admit: hosts.admit,
    streams: { samples: ingest.samples, events: ingest.events, transitions: alerting.hostRules.received },
    onState: hosts.report,
    onConnected: alerting.hostRules.connected,
    onHeartbeat(host) {
      registry.heard(host, now())
      alerting.hostRules.heard(host)
    },
    onGone: alerting.hostRules.gone,
    pendingCommands: (host) => ledger.pending(host, now()),
    onCommandReceived: (host, commandId) => ledger.received(host, commandId, now()),
    lease: { actionsPerEngine: config.remedy.actions_per_engine, windowMs: config.remedy.window },
    taken: resume.taken,
  })

  const prometheus = prometheusApi({
    clock,
    store,
    startedAt,
    version: options.version,
    configText: () => redact(options.configText),
    hosts: () => registry.hosts(now()),
    ...remote,
    alertmanagers: config.alertmanagers.map(({ url }) => url),
    externalLabels: config.server.external_labels,
    limits: {
      retentionMs: config.storage.retention,
      queryTimeoutMs: config.server.query_timeout,
      querySamples: config.server.query_samples,
      queryConcurrency: config.server.query_concurrency,
      queryQueue: config.server.query_queue,
    },
  })

  const metrics = openMetrics()
  const self = await openSelfMetrics({
    ...options,
    store,
    ingest,
    sessions,
    more: () => [...alerting.readings(), ...prometheus.readings(), ...remote.readings()],
  })
  metrics.source(self.readings)

  let ready = false
  const loopback = isLoopback(config.server.listen.host)
  const http = openHttp({
    log,
    listen: config.server.listen,
    authenticate: async (request) => authenticate(request, tokens, loopback),
    publicRouters: [alerting.pages],
    routers: [
      fleetApi({ now, newId: () => eventId(now(), random), registry, ledger, events, onIssued }),
      hostsApi({
        now,
        registry,
        connected: sessions.connected,
        async forget(host) {
          sessions.forget(host)
          return hosts.forget(host)
        },
        onForgotten: (host, principal, reason) => changed(host, principal, `forgotten: ${reason}`),
      }),
      incidentsApi({ incidents: openIncidents({ now, history: events }) }),
      notifyApi({ ...alerting, now }),
      alertmanagerApi({ ...alerting, clock, version: options.version, startedAt }),
      ...ruleRouters({ clock, config, store, reload: alerting.reload }),
      ackApi({ now, acks: alerting.acks, schedules: config.on_call }),
      ...prometheus.routers,
      writeApi({ store }),
    ],
    metrics: async () => {
      await self.refresh()
      return { text: await metrics.text(), contentType: metrics.contentType }
    },
    ready: () => ready && database.alive(),
    upgrade: sessions.upgrade,
    span: tracing.span,
  })

  const sweep = openSweep({
    clock,
    log,
    duties: {
      commands: () => ledger.expire(now()),
      hosts: () => resume.keep(registry.hosts(now()), sessions.taken(), resume.ready(sessions)),
      // Last: a store that takes nothing must not hold up the rest. And always: rules tell a server that listens by these samples.
      self: () => self.record(now()),
    },
  })

  const stop = async (cluster: boolean): Promise<void> => {
    ready = false
    sweep.stop()
    rmSync(path.join(data, 'run', 'server.url'), { force: true })
    await sessions.stop()
    await http.stop()
    await alerting.stop()
    await database.stop(cluster)
    await tracing.stop()
  }
  try {
    await store.recover()
    await alerting.start(new AbortController().signal)
    const { url } = await http.start()
    writeFileSync(path.join(data, 'run', 'server.url'), `${url}\n`, { mode: 0o600 })
    ready = true
    sweep.start()
    // To a person only: what goes to a file or a journal would keep it in plain text.
    if (admin.made && process.stderr.isTTY) {
      process.stderr.write(`inferward: admin token (shown once, kept in ${data}/admin.token): ${admin.token}\n`)
    }
    log.info('server ready', { url })
    return { url, stop, reload: alerting.reload }
  } catch (error) {
    await stop(false)
    throw error
  }
}
