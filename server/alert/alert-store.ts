// Keeps alerts. Changes come from the rules, wait in a bounded queue, are written in order, and only then are told to readers: whoever hears of
// an alert finds it after a crash. While the database is away they wait; the rules go on.

import { type Backoff, backoffDelay } from '../../core/base/backoff.ts'
import { boundedQueue } from '../../core/base/bounded-queue.ts'
import type { Clock } from '../../core/base/clock.ts'
import { errorText, InferwardError, isInferwardError } from '../../core/base/errors.ts'
import type { Room } from '../../core/base/lifecycle.ts'
import type { Log } from '../../core/base/log.ts'
import type { Event } from '../../core/event/event.ts'
import type { Amendment, RestoredAlert, Transition } from '../../core/rules/transition.ts'
import type { Alert, AlertListener, AlertSource } from './alert.ts'
import { type AlertMemory, openAlertMemory } from './alert-memory.ts'
import type { AlertRow, AlertTable, AlertWrite } from './alert-table-port.ts'
import { stepOf, textOf } from './record.ts'

export type AlertStoreDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly table: AlertTable
  /** Base of links back to this server, without a trailing slash. */
  readonly externalUrl: string
  /** In [0, 1), for back-off. */
  readonly random: () => number
  /** Told of new events once they are durable, in order. */
  readonly onEvents?: (events: readonly Event[]) => void
  /** Changes that may wait; 100 000 when left out. */
  readonly queueCapacity?: number
}
export type AlertStoreStats = {
  /** Changes that wait to be written. */
  readonly waiting: number
  readonly written: number
  /** Attempts that failed and were, or will be, made again. */
  readonly retries: number
  /** Changes dropped since the queue was full. */
  readonly refused: number
  /** Changes that the database will never take. */
  readonly lost: number
  readonly firing: number
  readonly swept: number
}
export type AlertStore = Room &
  AlertSource & {
    /** Takes changes of the rules, in order. Returns at once; never throws. */
    apply(transitions: readonly Transition[], amendments?: readonly Amendment[]): void
    /** What the rule runner needs to go on; valid after `start`. */
    restored(): readonly RestoredAlert[]
    /** The alert with this fingerprint that fires, or did lately; null: none. */
    find(fingerprint: string): Alert | null
    /** Time of the newest change that an earlier life kept, valid after `start`: everything before it is kept as well. Null: none. */
    keptUntil(): number | null
    /** What is durable of an alert: the life that goes on, else this very one; null: nothing, or it ended long ago. */
    known(life: Parameters<AlertMemory['lives']>[0] & { readonly activeAt: number }): AlertRow | null
    /** Resolves when everything that was taken before is durable, or given up; rejects when the store stops before. */
    written(): Promise<void>
    /** Resolves when nothing waits any more. */
    settled(): Promise<void>
    stats(): AlertStoreStats
  }

/** Resolved alerts stay in sight as long as Prometheus sends them again, and a little. */
const resolvedInSightMs = 20 * 60_000
/** At a start one looks further back: an end may be untold from before a long absence. */
const resolvedAtStartMs = 86_400_000
const keepResolvedMs = 5 * 86_400_000
const sweepEveryMs = 10 * 60_000
const sweepRows = 1000
const sweepRounds = 10
const batchSize = 500
const retry: Backoff = { baseMs: 100, capMs: 10_000 }
/** How long a stop waits for the database. What is not written then is found out again by the rules after the next start. */
const stopMs = 3000

const stopped = (): InferwardError =>
  new InferwardError({ code: 'alerts.stopped', message: 'the alert store has stopped', retryable: true })

export function openAlertStore(deps: AlertStoreDeps): AlertStore {
  const { clock, log, table } = deps
  const queue = boundedQueue<AlertWrite>(deps.queueCapacity ?? 100_000)
  const abort = new AbortController()
  const listeners = new Set<AlertListener>()
  const memory: AlertMemory = openAlertMemory(deps.externalUrl)
  let inFlight: readonly AlertWrite[] = []
  let pumping: Promise<void> | null = null
  let sweepTimer: Disposable | null = null
  let written = 0
  let retries = 0
  let lost = 0
  let swept = 0
  let sweeping = false
  let keptUntil: number | null = null
  let [taken, done] = [0, 0]
  let waiters: { readonly until: number; resolve(): void; reject(error: Error): void }[] = []
  const release = (): void => {
    for (const one of waiters) if (one.until <= done) one.resolve()
    waiters = waiters.filter((one) => one.until > done)
  }

  const guarded = (reader: () => void): void => {
    try {
      reader()
    } catch (error) {
      log.error('a reader of alerts failed', { error: errorText(error) })
    }
  }
  /** Tells readers what is durable now. */
  const announce = (news: readonly AlertWrite[]): void => {
    const events = news.flatMap((one) => (one.kind === 'step' ? [one.event] : []))
    if (events.length > 0) guarded(() => deps.onEvents?.(events))
    for (const alerts of memory.take(news)) for (const listener of [...listeners]) guarded(() => listener(alerts))
  }

  /** Writes all of it, however long that takes; false when the store stopped before. */
  const write = async (batch: readonly AlertWrite[]): Promise<boolean> => {
    let said = ''
    for (let attempt = 0; ; attempt++) {
      try {
        const fresh = await table.apply(batch)
        // An attempt that failed may still have been committed: then nothing is new, and yet nobody was told.
        announce(batch.filter((one) => one.kind === 'text' || fresh.has(one.event.id) || attempt > 0))
        written += batch.length
        return true
      } catch (error) {
        if (isInferwardError(error) && !error.retryable) return refuse(batch, error)
        retries++
        const text = errorText(error)
        if (text !== said) log.warn('alerts cannot be written: trying again', { error: text, waiting: waiting() })
        said = text
      }
      if (abort.signal.aborted) return false
      await clock.sleep(backoffDelay(retry, attempt, deps.random), abort.signal)
    }
  }
  /** One bad change must not hold up the others: they are written one by one, and the bad one is given up aloud. */
  const refuse = async (batch: readonly AlertWrite[], error: unknown): Promise<boolean> => {
    if (batch.length > 1) {
      for (const one of batch) if (!(await write([one]))) return false
      return true
    }
    lost++
    const fingerprint = batch[0]!.kind === 'step' ? batch[0]!.row.fingerprint : batch[0]!.fingerprint
    log.error('a change of an alert was refused by the database and is given up', {
      fingerprint,
      error: errorText(error),
    })
    return true
  }

  const pump = async (): Promise<void> => {
    for (;;) {
      const batch: AlertWrite[] = []
      while (batch.length < batchSize) {
        const next = queue.shift()
        if (next === undefined) break
        batch.push(next)
      }
      if (batch.length === 0) return
      inFlight = batch
      if (!(await write(batch))) return
      inFlight = []
      done += batch.length
      release()
    }
  }
  const wake = (): void => {
    if (abort.signal.aborted || queue.length === 0) return
    pumping ??= pump().finally(() => {
      pumping = null
      wake()
    })
  }
  const waiting = (): number => queue.length + inFlight.length
  const put = (change: AlertWrite): void => {
    if (queue.push(change)) {
      taken++
      return
    }
    if (queue.refused % 1000 !== 1) return
    log.error('changes of alerts are dropped: too many wait for the database', { dropped: queue.refused })
  }

  const sweep = async (): Promise<void> => {
    try {
      for (let round = 0; round < sweepRounds; round++) {
        const dropped = await table.sweep(clock.now() - keepResolvedMs, sweepRows)
        swept += dropped
        if (dropped < sweepRows) break
      }
    } catch (error) {
      log.warn('old alerts were not swept', { error: errorText(error) })
    }
    sweeping = false
  }
  const tidy = (): void => {
    sweepTimer = clock.timer(sweepEveryMs, tidy)
    memory.forget(clock.now() - resolvedInSightMs)
    if (sweeping) return
    sweeping = true
    void sweep()
  }

  return {
    name: 'alert',
    async start() {
      memory.load(await table.load(clock.now() - resolvedAtStartMs))
      keptUntil = memory.newestChange()
      sweepTimer = clock.timer(sweepEveryMs, tidy)
    },
    async stop() {
      sweepTimer?.[Symbol.dispose]()
      if (abort.signal.aborted) return
      const late = new AbortController()
      await Promise.race([pumping ?? Promise.resolve(), clock.sleep(stopMs, late.signal)])
      late.abort()
      abort.abort()
      for (const one of waiters) one.reject(stopped())
      waiters = []
      if (waiting() > 0) log.warn('alerts were not all written', { waiting: waiting() })
    },
    apply(transitions, amendments = []) {
      for (const transition of transitions) put(stepOf(transition))
      for (const amendment of amendments) put(textOf(amendment))
      wake()
    },
    restored: () => memory.restored(),
    keptUntil: () => keptUntil,
    known(life) {
      const lives = memory.lives(life)
      return (
        lives.find(({ state }) => state !== 'resolved') ?? lives.find((row) => row.activeAt === life.activeAt) ?? null
      )
    },
    async written() {
      if (done >= taken) return
      if (abort.signal.aborted) throw stopped()
      await new Promise<void>((resolve, reject) => waiters.push({ until: taken, resolve, reject }))
    },
    async settled() {
      while (pumping !== null) await pumping
    },
    find: (fingerprint) => memory.find(fingerprint),
    current: () => memory.current(),
    subscribe(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    stats: () => ({
      waiting: waiting(),
      written,
      retries,
      refused: queue.refused,
      lost,
      firing: memory.firing,
      swept,
    }),
  }
}
