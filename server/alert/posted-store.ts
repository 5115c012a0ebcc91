// Alerts that others post: written down before they are answered for, then told to readers as the rules' alerts are. Requests that come while one
// is being written are written together. A post is all or nothing: what could not be written is refused, and its poster posts again.
// Invariant: memory is what the journal gives when it is read from its beginning.

import type { Clock } from '../../core/base/clock.ts'
import { errorText, InferwardError } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import type { Alert, AlertListener, AlertSource } from './alert.ts'
import { type Posted, readPosted } from './posted-body.ts'
import type { JournalRow, PostedJournal } from './posted-journal-port.ts'
import { openPostedMemory, type PostedState } from './posted-memory.ts'

export type PostedStore = AlertSource & {
  start(): Promise<void>
  stop(): Promise<void>
  /**
   * Resolves when the valid alerts of the request are durable; answers what was wrong with the others. Throws `alert.invalid` for a body that is
   * no list of alerts, `alert.busy` (retryable) when too much waits, and what the database says.
   */
  post(body: Uint8Array): Promise<readonly string[]>
  find(fingerprint: string): Alert | null
  stats(): PostedStats
}
export type PostedStats = {
  readonly posts: number
  readonly alerts: number
  /** Alerts that were wrong, or too many. */
  readonly refused: number
  /** Requests that wait to be written. */
  readonly waiting: number
  readonly held: number
}

type Waiting = {
  readonly row: JournalRow
  readonly posted: Posted
  readonly done: (faults: readonly string[]) => void
  readonly failed: (error: unknown) => void
}

const defaultMax = 200_000
const maxWaitingBytes = 64 << 20
const maxBatchBytes = 8 << 20
/** A journal shorter than this is not worth shortening. */
const compactBytes = 32 << 20
const statePart = 1000
const keepEndedMs = 86_400_000
const sweepEveryMs = 10 * 60_000

export function openPostedStore(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly journal: PostedJournal
  /** How long an alert without an end goes on after its last post. */
  readonly resolveTimeoutMs: () => number
  /** Alerts that may be held at once; 200 000 when left out. */
  readonly max?: number
}): PostedStore {
  const { clock, log, journal } = deps
  const memory = openPostedMemory(deps.max ?? defaultMax)
  const listeners = new Set<AlertListener>()
  let queue: Waiting[] = []
  let waitingBytes = 0
  let pumping: Promise<void> | null = null
  let sweeper: Disposable | null = null
  let journalBytes = 0
  let stateBytes = 0
  let stopped = false
  let posts = 0
  let taken = 0
  let refused = 0

  const tell = (alerts: readonly Alert[]): void => {
    if (alerts.length === 0) return
    for (const listener of [...listeners]) {
      try {
        listener(alerts)
      } catch (error) {
        log.error('a reader of posted alerts failed', { error: errorText(error) })
      }
    }
  }

  /** One alert is told once, as it stands after all of the batch. */
  const apply = (batch: readonly Waiting[]): void => {
    const told = new Map<string, Alert>()
    for (const { posted, row, done } of batch) {
      const faults = [...posted.faults]
      for (const one of posted.alerts) {
        const alert = memory.take(one, row.receivedAt)
        if (alert === null) refused++
        else told.set(alert.fingerprint, alert)
        if (alert === null && faults.at(-1) !== tooMany) faults.push(tooMany)
      }
      posts++
      taken += posted.alerts.length
      refused += posted.faults.length
      done(faults)
    }
    tell([...told.values()])
  }
  const tooMany = `there are ${deps.max ?? defaultMax} alerts already, and all of them fire`

  const pump = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch: Waiting[] = []
      let bytes = 0
      while (
        batch.length < queue.length &&
        (bytes === 0 || bytes + queue[batch.length]!.row.body.length <= maxBatchBytes)
      ) {
        const next = queue[batch.length]!
        bytes += next.row.body.length
        batch.push(next)
      }
      queue = queue.slice(batch.length)
      waitingBytes -= bytes
      try {
        await journal.append(batch.map(({ row }) => row))
      } catch (error) {
        for (const one of batch) one.failed(error)
        continue
      }
      journalBytes += bytes
      apply(batch)
      if (journalBytes > Math.max(compactBytes, 2 * stateBytes)) await compact()
    }
  }

  /** What comes between the last look at the queue and the end of the pump must not wait for the next post. */
  const wake = (): void => {
    if (queue.length === 0) return
    pumping ??= pump().finally(() => {
      pumping = null
      wake()
    })
  }

  const compact = async (): Promise<void> => {
    const rows = stateRows()
    try {
      await journal.compact(rows)
      stateBytes = rows.reduce((sum, { body }) => sum + body.length, 0)
      journalBytes = 0
    } catch (error) {
      // Nothing is lost: the journal is longer than it need be. Not again at once.
      journalBytes = 0
      log.warn('the journal of posted alerts was not shortened', { error: errorText(error) })
    }
  }
  const stateRows = (): readonly JournalRow[] => {
    const rows: JournalRow[] = []
    let part: PostedState[] = []
    const flush = (): void => {
      rows.push({
        kind: 'state',
        receivedAt: clock.now(),
        resolveTimeoutMs: 0,
        body: Buffer.from(JSON.stringify(part)),
      })
      part = []
    }
    for (const { labels, annotations, startsAt, endsAt, generatorUrl, timeout, updatedAt } of memory.states()) {
      part.push({ labels, annotations, startsAt, endsAt, generatorUrl, timeout, updatedAt })
      if (part.length === statePart) flush()
    }
    if (part.length > 0) flush()
    return rows
  }

  const replay = (row: JournalRow): void => {
    try {
      if (row.kind === 'post')
        for (const one of readPosted(row.body, row.receivedAt, row.resolveTimeoutMs).alerts)
          memory.take(one, row.receivedAt)
      else for (const one of JSON.parse(Buffer.from(row.body).toString('utf8')) as PostedState[]) memory.restore(one)
    } catch (error) {
      log.error('posted alerts of an earlier life cannot be read', { error: errorText(error) })
    }
    journalBytes += row.body.length
  }

  const sweep = (): void => {
    sweeper = clock.timer(sweepEveryMs, sweep)
    memory.forget(clock.now() - keepEndedMs)
  }

  return {
    async start() {
      await journal.load(replay)
      memory.forget(clock.now() - keepEndedMs)
      sweeper = clock.timer(sweepEveryMs, sweep)
    },
    async stop() {
      stopped = true
      sweeper?.[Symbol.dispose]()
      while (pumping !== null) await pumping
    },
    post(body) {
      const receivedAt = clock.now()
      const resolveTimeoutMs = deps.resolveTimeoutMs()
      const posted = readPosted(body, receivedAt, resolveTimeoutMs)
      if (posted.alerts.length === 0) {
        refused += posted.faults.length
        return Promise.resolve(posted.faults)
      }
      if (stopped || waitingBytes + body.length > maxWaitingBytes) {
        throw new InferwardError({
          code: 'alert.busy',
          message: stopped ? 'the server is stopping' : 'too many posted alerts wait to be written',
          hint: 'Post again later.',
          retryable: true,
        })
      }
      return new Promise((done, failed) => {
        queue.push({ row: { kind: 'post', receivedAt, resolveTimeoutMs, body }, posted, done, failed })
        waitingBytes += body.length
        wake()
      })
    },
    find: (fingerprint) => memory.find(fingerprint),
    current: () => memory.current(),
    subscribe(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    stats: () => ({ posts, alerts: taken, refused, waiting: queue.length, held: memory.size }),
  }
}
