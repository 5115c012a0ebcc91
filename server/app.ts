// The server as a list: what it is made of, in the order it starts. It stops in reverse.

import { randomBytes, randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import * as path from 'node:path'
import type { Clock } from '../core/base/clock.ts'
import { errorText } from '../core/base/errors.ts'
import type { Log } from '../core/base/log.ts'
import { isLoopback } from '../core/base/schema.ts'
import { type Event, eventId } from '../core/event/event.ts'
import { authenticate } from './auth/authenticate.ts'
import { authorize } from './auth/authorize.ts'
import { tokenFile, tokenTable } from './auth/tokens.ts'
import type { ServerConfig } from './config.ts'
import { openDatabase } from './db/database.ts'
import { openEventStore } from './db/event-store.ts'
import { openLedger } from './db/ledger.ts'
import { openRegistry } from './fleet/registry.ts'
import { fleetApi } from './http/fleet-api.ts'
import { openHttp } from './http/http.ts'
import { samplesApi } from './http/samples-api.ts'
import { openIngest } from './ingest/ingest.ts'
import { openSessions } from './session/session.ts'
import { openMetrics } from './telemetry/metrics.ts'
import { openTracing } from './telemetry/tracing.ts'
import { localStore } from './tsdb/store-client.ts'

/** Series and samples held in memory: 20 000 series of a quarter of an hour at one second. */
const storeLimits = { maxSeries: 20_000, samplesPerSeries: 900 }

export type ServerApp = { readonly url: string; stop(cluster: boolean): Promise<void> }

export async function openServer(options: {
  readonly data: string
  readonly config: ServerConfig
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  readonly environment: Readonly<Record<string, string | undefined>>
}): Promise<ServerApp> {
  const { data, config, clock, log, environment } = options
  const now = (): number => clock.now()
  const random = (bytes: Uint8Array): Uint8Array => {
    bytes.set(randomBytes(bytes.length))
    return bytes
  }

  const tokens = tokenTable()
  const admin = tokenFile(path.join(data, 'admin.token'))
  tokens.add(admin.token, { name: 'admin', role: 'admin', scope: '*' })
  tokens.add(tokenFile(path.join(data, 'agent.token')).token, { name: 'agent', role: 'agent', scope: '*' })

  const tracing = await openTracing({
    endpoint: environment.OTEL_EXPORTER_OTLP_ENDPOINT,
    version: options.version,
    log,
  })
  const database = await openDatabase({ dataDirectory: data, databaseUrl: environment.DATABASE_URL, clock, log })
  const events = openEventStore(database.db, now)
  const ledger = openLedger(database.db)
  const registry = openRegistry(now())
  const store = localStore(storeLimits)

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

  const sessions = openSessions({
    clock,
    log,
    serverId: randomUUID(),
    maxSessions: config.server.max_agents,
    authenticate: async (request) => {
      const principal = authenticate(request, tokens, false)
      return principal !== null && authorize(principal, 'connect_agent', { pool: null }).allow ? principal : null
    },
    streams: { samples: ingest.samples, events: ingest.events },
    onState: async (state) => registry.report(state, now()),
    onHeartbeat: (host) => registry.heard(host, now()),
    onGone: (host) => log.info('agent disconnected', { host }),
    pendingCommands: (host) => ledger.pending(host, now()),
    onCommandReceived: (_host, commandId) => ledger.received(commandId, now()),
    lease: { actionsPerEngine: config.remedy.actions_per_engine, windowMs: config.remedy.window },
  })

  const metrics = openMetrics()
  let storeStats = await store.stats()
  metrics.source(() => [
    { name: 'inferward_server_info', value: 1, labels: { version: options.version } },
    { name: 'inferward_store_series', value: storeStats.series },
    { name: 'inferward_store_samples_total', value: storeStats.samples },
    { name: 'inferward_store_refused_total', value: storeStats.refused },
    { name: 'inferward_ingest_frames_total', value: ingest.stats().frames },
    { name: 'inferward_ingest_events_total', value: ingest.stats().events },
    { name: 'inferward_ingest_malformed_total', value: ingest.stats().malformed + sessions.stats().malformed },
    { name: 'inferward_session_open', value: sessions.stats().open },
    { name: 'inferward_session_refused_total', value: sessions.stats().refused },
  ])

  let ready = false
  const loopback = isLoopback(config.server.listen.host)
  const http = openHttp({
    log,
    listen: config.server.listen,
    authenticate: async (request) => authenticate(request, tokens, loopback),
    routers: [
      fleetApi({
        now,
        newId: () => eventId(now(), random),
        registry,
        ledger,
        events,
        onIssued: async (id) => {
          const row = await ledger.get(id)
          if (row === null) return
          const { host, engine, incarnation, action, principal, reason } = row
          await own({
            id: eventId(now(), random),
            at: now(),
            kind: 'command',
            host,
            engine,
            incarnation,
            commandId: id,
            action,
            principal,
            reason,
          })
          sessions.wake(host)
        },
      }),
      samplesApi({ now, store }),
    ],
    metrics: async () => {
      storeStats = await store.stats()
      return { text: await metrics.text(), contentType: metrics.contentType }
    },
    ready: () => ready,
    upgrade: sessions.upgrade,
    span: tracing.span,
  })

  let sweep: Disposable | undefined
  const sweepLater = (): void => {
    sweep = clock.timer(5000, () => {
      ledger
        .expire(now())
        .catch((error: unknown) => log.error('commands could not be expired', { error: errorText(error) }))
      sweepLater()
    })
  }

  const stop = async (cluster: boolean): Promise<void> => {
    ready = false
    sweep?.[Symbol.dispose]()
    await sessions.stop()
    await http.stop()
    await database.stop(cluster)
    await tracing.stop()
  }
  try {
    const { url } = await http.start()
    writeFileSync(path.join(data, 'run', 'server.url'), `${url}\n`, { mode: 0o600 })
    sweepLater()
    ready = true
    if (admin.made)
      process.stderr.write(
        `inferward: admin token (shown once, kept in ${path.join(data, 'admin.token')}): ${admin.token}\n`,
      )
    log.info('server ready', { url })
    return { url, stop }
  } catch (error) {
    await stop(false)
    throw error
  }
}
