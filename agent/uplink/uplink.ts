// The agent's only way to the server: spools what rooms push, keeps one connection, reconnects with full jitter. The rest of the agent
// works the same whether the server is there or not.

import type { Backoff } from '../../core/base/backoff.ts'
import { backoffDelay } from '../../core/base/backoff.ts'
import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { FileLayer } from '../../core/base/file-layer.ts'
import type { Room } from '../../core/base/lifecycle.ts'
import type { Log } from '../../core/base/log.ts'
import type { Secret } from '../../core/base/redact.ts'
import type { Emit, Event } from '../../core/event/event.ts'
import { encodeWriteRequest } from '../../core/sample/remote-write.ts'
import type { SeriesSamples } from '../../core/sample/sample.ts'
import type { Command } from '../../core/wire/command.ts'
import type { RulesOffer } from '../../core/wire/host-rules.ts'
import type { AgentState } from '../../core/wire/state.ts'
import { type Connection, type Credentials, type Lease, openConnection } from './connection.ts'
import { openSpool, type SpoolLimits, type StreamLog } from './spool.ts'

/** First attempt after a session that had worked: soon, yet spread. */
const firstRetry: Backoff = { baseMs: 1000, capMs: 1000 }
const laterRetries: Backoff = { baseMs: 1000, capMs: 60_000 }

export type UplinkDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly files: FileLayer
  readonly directory: string
  /** `ws://host:port/agent` or `wss://…`; null: no server known yet, everything stays in the spool. Asked before each attempt. */
  readonly url: () => string | null
  readonly token: () => Secret | null
  /** This host's own; asked before each attempt, throws in words when there is none. */
  readonly key: () => Secret
  readonly limits: SpoolLimits
  readonly state: () => AgentState
  readonly onCommand: (command: Command) => Promise<string>
  readonly onLease: (lease: Lease) => void
  /** Left out: this agent works no rules out. */
  readonly rules?: { readonly log: StreamLog; readonly onOffer: (offer: RulesOffer) => void }
  readonly random: () => number
  readonly newEpoch: () => bigint
}

export type UplinkStats = {
  readonly connected: boolean
  readonly connects: number
  readonly failures: number
  readonly lastError: string
  readonly refused: { readonly samples: number; readonly events: number }
  readonly pending: { readonly samples: number; readonly events: number; readonly transitions: number }
  readonly spoolBytes: number
}

export type Uplink = Room & {
  push(series: readonly SeriesSamples[]): void
  readonly emit: Emit
  /** There is more in the log of another room. */
  wake(): void
  /** Sample frames that are still held, oldest first: remote-write bodies. */
  recentSamples(): Iterable<Uint8Array>
  /** The state changed: report it when connected. */
  stateChanged(): void
  stats(): UplinkStats
}

export function openUplink(deps: UplinkDeps): Uplink {
  const { clock, log } = deps
  const spool = openSpool({
    files: deps.files,
    directory: deps.directory,
    limits: deps.limits,
    newEpoch: deps.newEpoch,
    transitions: deps.rules?.log,
  })
  const encoder = new TextEncoder()
  const refused = { samples: 0, events: 0 }
  const abort = new AbortController()
  let connection: Connection | undefined
  let connected = false
  let connects = 0
  let failures = 0
  let lastError = ''
  let loop: Promise<void> = Promise.resolve()

  const store = (stream: 'samples' | 'events', payload: Uint8Array): void => {
    try {
      if (!spool.append(stream, payload, clock.now())) refused[stream]++
      spool.logs[stream]
        .commit()
        .catch((error: unknown) => log.error('spool sync failed', { stream, error: errorText(error) }))
    } catch (error) {
      // Disk full or gone: supervision goes on, what could not be kept is counted.
      refused[stream]++
      log.error('spool write failed', { stream, error: errorText(error) })
    }
    connection?.wake()
  }

  const fails = (url: string | null, reason: string): void => {
    failures++
    if (reason !== lastError) log.warn('no connection to server', { url, reason })
    lastError = reason
  }
  const credentials = (token: Secret): Credentials | null => {
    try {
      return { token, key: deps.key() }
    } catch (error) {
      fails(deps.url(), errorText(error))
      return null
    }
  }

  const run = async (): Promise<void> => {
    let attempt = 0
    while (!abort.signal.aborted) {
      connected = false
      const url = deps.url()
      const token = deps.token()
      if (url === null || token === null) {
        await clock.sleep(200, abort.signal)
        continue
      }
      const shown = credentials(token)
      if (shown === null) {
        await clock.sleep(backoffDelay(laterRetries, attempt++, deps.random), abort.signal)
        continue
      }
      connection = openConnection(url, shown, {
        clock,
        log,
        spool,
        state: deps.state,
        onCommand: deps.onCommand,
        onLease: deps.onLease,
        onRules: (offer) => deps.rules?.onOffer(offer),
        onWelcome: (serverTime) => {
          connected = true
          connects++
          attempt = 0
          const skewMs = serverTime - clock.now()
          log.info('connected to server', { url, clock_skew_ms: skewMs })
        },
      })
      const reason = await connection.ended
      const worked = connected
      connected = false
      connection = undefined
      if (abort.signal.aborted) return
      fails(url, reason)
      await clock.sleep(
        backoffDelay(worked ? firstRetry : laterRetries, worked ? 0 : attempt++, deps.random),
        abort.signal,
      )
    }
  }

  return {
    name: 'uplink',
    async start() {
      loop = run()
    },
    async stop() {
      abort.abort()
      connection?.close()
      await loop
      await spool.close()
    },
    push: (series) => store('samples', encodeWriteRequest(series)),
    emit: (event: Event) => store('events', encoder.encode(JSON.stringify(event))),
    wake: () => connection?.wake(),
    recentSamples: () => spool.recentSamples(),
    stateChanged: () => connection?.reportState(),
    stats: () => ({
      connected,
      connects,
      failures,
      lastError,
      refused,
      pending: {
        samples: spool.pending('samples'),
        events: spool.pending('events'),
        transitions: spool.pending('transitions'),
      },
      spoolBytes: spool.logs.samples.stats().bytes + spool.logs.events.stats().bytes,
    }),
  }
}
