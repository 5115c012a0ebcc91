// The door for what agents send: sample rounds go to the store, events to the database and then to everybody who folds over them.
// Invariant: a frame is acknowledged only after its content is where it belongs; a frame that can never be accepted is counted,
// logged and acknowledged, so that it does not block those behind it.

import type { Clock } from '../../core/base/clock.ts'
import type { Log } from '../../core/base/log.ts'
import { type Event, event } from '../../core/event/event.ts'

/** What an agent saw or did itself. The rest of the history is the server's own to write: who asked, what fired, who was told. */
const fromAgents: ReadonlySet<Event['kind']> = new Set(['fault', 'verdict', 'outcome', 'change'] as const)

/** An agent that was cut off tells of old things; longer ago than incidents are kept, or ahead by more than clocks differ, is a clock gone wrong. */
const oldestMs = 30 * 86_400_000
const aheadMs = 5 * 60_000

export type IngestDeps = {
  readonly clock: Clock
  readonly log: Log
  /** Snappy remote-write body to the store. */
  readonly append: (body: ArrayBuffer) => Promise<{ readonly samples: number }>
  /** Stores new events, in order, and answers those that were new. */
  readonly store: (events: readonly Event[]) => Promise<readonly Event[]>
  /** Called with events after they are durable, each once. */
  readonly onEvents: (events: readonly Event[]) => Promise<void>
}

export type IngestStats = {
  readonly frames: number
  readonly samples: number
  readonly events: number
  readonly malformed: number
  /** Events whose time could not be: kept, at the time they came. */
  readonly clamped: number
}

export type Ingest = {
  samples(host: string, payload: Uint8Array): Promise<void>
  events(host: string, payload: Uint8Array): Promise<void>
  /** Events that arise inside the server take the same road. */
  own(events: readonly Event[]): Promise<void>
  stats(): IngestStats
}

export function openIngest(deps: IngestDeps): Ingest {
  let frames = 0
  let samples = 0
  let events = 0
  let malformed = 0
  let clamped = 0
  const decoder = new TextDecoder('utf-8', { fatal: true })

  const keep = async (batch: readonly Event[]): Promise<void> => {
    const fresh = await deps.store(batch)
    events += fresh.length
    if (fresh.length > 0) await deps.onEvents(fresh)
  }

  const reject = (host: string, what: string): void => {
    malformed++
    deps.log.warn('malformed frame from agent', { host, fault: what })
  }

  const timely = (told: Event): Event => {
    const now = deps.clock.now()
    if (told.at >= now - oldestMs && told.at <= now + aheadMs) return told
    clamped++
    deps.log.warn('event of an impossible time is kept at the time it came', { host: told.host, event_at: told.at })
    return { ...told, at: now }
  }

  return {
    async samples(host, payload) {
      frames++
      try {
        const report = await deps.append(new Uint8Array(payload).buffer)
        samples += report.samples
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'remote_write.malformed') throw error
        reject(host, (error as Error).message)
      }
    },
    async events(host, payload) {
      frames++
      let raw: unknown
      try {
        raw = JSON.parse(decoder.decode(payload))
      } catch {
        return reject(host, 'event frame is not JSON')
      }
      const parsed = event.safeParse(raw)
      if (!parsed.success) {
        const issue = parsed.error.issues[0]
        return reject(host, `event ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'invalid'}`)
      }
      if (!fromAgents.has(parsed.data.kind)) return reject(host, `an agent tells no ${parsed.data.kind}`)
      if (parsed.data.host !== host) return reject(host, 'event names another host')
      await keep([timely(parsed.data)])
    },
    own: keep,
    stats: () => ({ frames, samples, events, malformed, clamped }),
  }
}
