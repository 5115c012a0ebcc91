// The acknowledgements in force: kept in the table first, then in memory. One change at a time. When one ends, by its time or by a hand, readers
// are told, so that an alert that fires still is spoken of again at once.

import type { Clock } from '../../core/base/clock.ts'
import { errorText, InferwardError } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import type { Alert } from '../alert/alert.ts'
import { type Ack, checkAck, isOf } from './ack.ts'
import type { AckTable } from './ack-table-port.ts'

/** Ended ones stay that long: an alert whose end of acknowledgement was not told yet is told of it. */
const keepEndedMs = 120 * 3_600_000
const sweepEveryMs = 3_600_000
/** Not further than this ahead: the wall clock may be set. */
const longestWaitMs = 60_000
const max = 20_000

/** As dispatch sees them. */
export type AckSource = {
  /** Whoever has the alert now. */
  of(alert: Alert, now: number): Ack | null
  /** When the last acknowledgement of this episode ended; null: there was none, or it stands. */
  endedAt(alert: Alert, now: number): number | null
  /** Fingerprints of alerts whose acknowledgement has just ended, or begun. */
  onChange(listener: (fingerprints: readonly string[]) => void): Disposable
}

export type Acks = AckSource & {
  start(): Promise<void>
  stop(): Promise<void>
  /** Throws `ack.invalid`, `ack.not_found` when it does not fire, `ack.limit`. */
  set(ack: Ack, alert: Alert | undefined): Promise<void>
  /** Ends it now. Throws `ack.not_found`. */
  withdraw(fingerprint: string, by: string): Promise<void>
  /** Those in force. */
  list(): readonly Ack[]
  /** How many were asked for and not made. */
  refused(): number
}

export function openAcks(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly table: AckTable
  /** Told of each change by a person once it is durable. */
  readonly onSet?: (ack: Ack, what: 'acknowledged' | 'withdrawn', by: string) => void
}): Acks {
  const { clock, log, table } = deps
  const all = new Map<string, Ack>()
  /** Of those that have not ended. */
  const open = new Set<string>()
  const listeners = new Set<(fingerprints: readonly string[]) => void>()
  let last: Promise<unknown> = Promise.resolve()
  let timer: Disposable | null = null
  let sweeper: Disposable | null = null
  let running = false
  let refused = 0

  const tell = (fingerprints: readonly string[]): void => {
    if (fingerprints.length > 0) for (const listener of [...listeners]) listener(fingerprints)
  }
  /** Takes out what has ended, and waits for the next end. */
  const endDue = (): readonly string[] => {
    const now = clock.now()
    const ended: string[] = []
    let next = Number.POSITIVE_INFINITY
    for (const fingerprint of open) {
      const { expiresAt } = all.get(fingerprint)!
      if (expiresAt > now) {
        next = Math.min(next, expiresAt)
        continue
      }
      open.delete(fingerprint)
      ended.push(fingerprint)
    }
    timer?.[Symbol.dispose]()
    timer = null
    if (running && next < Number.POSITIVE_INFINITY)
      timer = clock.timer(Math.min(longestWaitMs, Math.max(1, next - now)), () => tell(endDue()))
    return ended
  }
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work, work)
    last = result.catch(() => {})
    return result
  }
  const keep = async (ack: Ack): Promise<void> => {
    await table.save(ack)
    all.set(ack.fingerprint, ack)
    if (ack.expiresAt > clock.now()) open.add(ack.fingerprint)
    sweepLater()
    tell([...new Set([ack.fingerprint, ...endDue()])])
  }
  const sweepLater = (): void => {
    if (running && all.size > 0) sweeper ??= clock.timer(sweepEveryMs, sweep)
  }
  const sweep = (): void => {
    sweeper = null
    const before = clock.now() - keepEndedMs
    void alone(async () => {
      try {
        await table.sweep(before)
        for (const [fingerprint, { expiresAt }] of all) if (expiresAt < before) all.delete(fingerprint)
      } catch (error) {
        log.warn('old acknowledgements were not swept', { error: errorText(error) })
      }
    }).finally(sweepLater)
  }

  return {
    async start() {
      const now = clock.now()
      running = true
      for (const ack of await table.load(now - keepEndedMs)) {
        all.set(ack.fingerprint, ack)
        if (ack.expiresAt > now) open.add(ack.fingerprint)
      }
      endDue()
      sweepLater()
    },
    async stop() {
      running = false
      timer?.[Symbol.dispose]()
      sweeper?.[Symbol.dispose]()
      await last
    },
    set: (ack, alert) =>
      alone(async () => {
        try {
          checkAck(ack, alert)
          if (!all.has(ack.fingerprint) && all.size >= max) {
            throw new InferwardError({
              code: 'ack.limit',
              message: `there are ${all.size} acknowledgements, at most ${max}`,
            })
          }
          await keep(ack)
          deps.onSet?.(ack, 'acknowledged', ack.owner)
        } catch (error) {
          refused++
          throw error
        }
      }),
    withdraw: (fingerprint, by) =>
      alone(async () => {
        const now = clock.now()
        const ack = all.get(fingerprint)
        if (ack === undefined || ack.expiresAt <= now) {
          throw new InferwardError({ code: 'ack.not_found', message: `alert ${fingerprint} is not acknowledged` })
        }
        const ended = { ...ack, expiresAt: now }
        await keep(ended)
        deps.onSet?.(ended, 'withdrawn', by)
      }),
    refused: () => refused,
    list: () => [...open].map((fingerprint) => all.get(fingerprint)!),
    of(alert, now) {
      const ack = all.get(alert.fingerprint)
      return ack !== undefined && isOf(ack, alert) && now < ack.expiresAt ? ack : null
    },
    endedAt(alert, now) {
      const ack = all.get(alert.fingerprint)
      return ack !== undefined && isOf(ack, alert) && now >= ack.expiresAt ? ack.expiresAt : null
    },
    onChange(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
  }
}
