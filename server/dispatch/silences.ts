// The silences in force: kept in the table first, then in memory, where every alert is held against them. One change at a time. When a silence
// ends, by its time or by a hand, readers are told, so that what fires still need not wait.

import type { Clock } from '../../core/base/clock.ts'
import { errorText, InferwardError } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import type { Matcher } from './matcher.ts'
import { matcher } from './matcher.ts'
import type { LabelSet } from './matcher-text.ts'
import {
  changeSilence,
  checkSilence,
  expireSilence,
  type PostedSilence,
  type Silence,
  type SilenceState,
  silenceState,
} from './silence.ts'
import { openSilenceIndex } from './silence-index.ts'
import type { SilenceTable } from './silence-table-port.ts'

/** Ended silences stay to be looked at, as long as in Alertmanager. */
const keepEndedMs = 120 * 3_600_000
const sweepEveryMs = 3_600_000
/** Not further than this ahead: the wall clock may be set. */
const longestWaitMs = 60_000
const defaultMax = 10_000

export type SilencesDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly table: SilenceTable
  /** A UUID, never the same twice. */
  readonly newId: () => string
  /** Silences that may stand, ended ones included; 10 000 when left out. */
  readonly max?: number
  /** Told of each change once it is durable. */
  readonly onChange?: (silence: Silence, what: 'created' | 'updated' | 'expired') => void
}

/** As dispatch sees them. */
export type SilenceSource = {
  /** Those that silence an alert with these labels now. */
  by(labels: LabelSet, now: number): readonly Silence[]
  /** `ended`: matchers of the silences that have just ended. */
  onEnd(listener: (ended: readonly (readonly Matcher[])[]) => void): Disposable
}

export type Silences = SilenceSource & {
  start(): Promise<void>
  stop(): Promise<void>
  /** The id it stands under from now on. Throws `silence.invalid`, `silence.not_found`, `silence.limit`. */
  set(posted: PostedSilence): Promise<string>
  /** Ends it; nothing happens to one that has ended. Throws `silence.not_found`. */
  expire(id: string): Promise<void>
  get(id: string): Silence | null
  list(): readonly Silence[]
  stats(): Readonly<Record<SilenceState | 'refused', number>>
}

export function openSilences(deps: SilencesDeps): Silences {
  const { clock, log, table } = deps
  const max = deps.max ?? defaultMax
  const all = new Map<string, Silence>()
  /** Of those that have not ended. */
  const matchers = new Map<string, readonly Matcher[]>()
  const index = openSilenceIndex()
  const listeners = new Set<(ended: readonly (readonly Matcher[])[]) => void>()
  let last: Promise<unknown> = Promise.resolve()
  let timer: Disposable | null = null
  let sweeper: Disposable | null = null
  let running = false
  let refused = 0

  const hold = (silence: Silence, now: number): void => {
    all.set(silence.id, silence)
    if (running) sweeper ??= clock.timer(sweepEveryMs, sweep)
    if (silenceState(silence, now) === 'expired') return
    const made = silence.matchers.flatMap((text) => {
      const parsed = matcher(text)
      return parsed.ok ? [parsed.value] : []
    })
    // A matcher that an older version took and this one does not read must not silence more than was asked for.
    if (made.length < silence.matchers.length)
      return log.error('a silence cannot be read and does nothing', { id: silence.id })
    matchers.set(silence.id, made)
    index.put(silence.id, made)
  }

  /** Takes out what has ended, tells of it, and waits for the next end. */
  const endDue = (): void => {
    const now = clock.now()
    const ended: (readonly Matcher[])[] = []
    let next = Number.POSITIVE_INFINITY
    for (const [id, made] of matchers) {
      const silence = all.get(id)!
      if (silenceState(silence, now) !== 'expired') {
        next = Math.min(next, silence.endsAt)
        continue
      }
      matchers.delete(id)
      index.remove(id)
      ended.push(made)
    }
    timer?.[Symbol.dispose]()
    timer = null
    if (running && next < Number.POSITIVE_INFINITY)
      timer = clock.timer(Math.min(longestWaitMs, Math.max(1, next - now)), endDue)
    if (ended.length > 0) for (const listener of [...listeners]) listener(ended)
  }

  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work, work)
    last = result.catch(() => {})
    return result
  }
  const keep = async (silences: readonly Silence[]): Promise<void> => {
    await table.save(silences)
    const now = clock.now()
    for (const silence of silences) {
      const before = all.get(silence.id)
      hold(silence, now)
      deps.onChange?.(silence, silence.endsAt <= now ? 'expired' : before === undefined ? 'created' : 'updated')
    }
    endDue()
  }
  const find = (id: string): Silence => {
    const silence = all.get(id)
    if (silence !== undefined) return silence
    throw new InferwardError({ code: 'silence.not_found', message: `no silence ${id}` })
  }

  const sweep = (): void => {
    sweeper = all.size > 0 && running ? clock.timer(sweepEveryMs, sweep) : null
    const before = clock.now() - keepEndedMs
    void alone(async () => {
      try {
        await table.sweep(before)
        for (const [id, { endsAt }] of all) if (endsAt < before) all.delete(id)
      } catch (error) {
        log.warn('old silences were not swept', { error: errorText(error) })
      }
    })
  }

  return {
    async start() {
      const now = clock.now()
      running = true
      for (const silence of await table.load(now - keepEndedMs)) hold(silence, now)
      endDue()
    },
    async stop() {
      running = false
      timer?.[Symbol.dispose]()
      sweeper?.[Symbol.dispose]()
      await last
    },
    set(posted) {
      return alone(async () => {
        try {
          const now = clock.now()
          checkSilence(posted, now)
          const change = changeSilence(posted.id === '' ? null : find(posted.id), posted, now, deps.newId)
          if (!all.has(change.id) && all.size >= max) {
            throw new InferwardError({
              code: 'silence.limit',
              message: `there are ${all.size} silences, at most ${max}`,
              hint: 'Silences that ended go after five days; or silence with fewer, wider matchers.',
            })
          }
          await keep(change.writes)
          return change.id
        } catch (error) {
          refused++
          throw error
        }
      })
    },
    expire: (id) =>
      alone(async () => {
        const ended = expireSilence(find(id), clock.now())
        if (ended !== null) await keep([ended])
      }),
    get: (id) => all.get(id) ?? null,
    list: () => [...all.values()],
    by(labels, now) {
      if (matchers.size === 0) return []
      return index.matching(labels).flatMap((id) => {
        const silence = all.get(id)!
        return silenceState(silence, now) === 'active' ? [silence] : []
      })
    },
    onEnd(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    stats() {
      const now = clock.now()
      const counts = { pending: 0, active: 0, expired: 0, refused }
      for (const silence of all.values()) counts[silenceState(silence, now)]++
      return counts
    },
  }
}
