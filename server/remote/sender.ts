// Sends what the store took to another server, in order for each series. What the other side cannot take now is tried until it can; what it refuses is
// dropped and counted. Whoever hands samples over never waits: they lie in a queue on disk.

import { backoffDelay } from '../../core/base/backoff.ts'
import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { FileLayer } from '../../core/base/file-layer.ts'
import type { Log } from '../../core/base/log.ts'
import type { Labels } from '../../core/sample/sample.ts'
import { messageOf, type RemoteWrite } from './send-config.ts'
import type { Batch, Packer } from './send-pack.ts'
import type { PostBody } from './send-post.ts'
import { openSendQueue, type Waiting } from './send-queue.ts'
import type { SendMessage } from './send-rows.ts'

export type Sender = {
  /** A body that the store has taken, with about so many samples. */
  offer(body: Uint8Array, kind: SendMessage, samples: number): void
  own(labels: Labels, time: number, value: number, stale: boolean): void
  start(): void
  /** What was not taken yet waits for the next start. */
  stop(): Promise<void>
  stats(): SenderStats
}
export type SenderStats = {
  readonly sent: number
  /** Samples that the other side will not have. */
  readonly refused: number
  readonly retries: number
  /** Bodies that went unsent for want of room or for damage. */
  readonly dropped: number
  readonly waiting: number
}
export type SenderDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly files: FileLayer
  readonly directory: string
  readonly name: string
  readonly config: Pick<RemoteWrite, 'queue_config' | 'protobuf_message'>
  /** By the limits, the labels and the rules of this sender. */
  readonly packer: Packer
  readonly auth: () => Readonly<Record<string, string>>
  readonly post: PostBody
  readonly newEpoch: () => bigint
  /** In [0, 1). */
  readonly random: () => number
}

/** Bodies taken up at once. */
const windowBytes = 512 << 10
/** A fault that stays is said again so often. */
const sayAgainMs = 60_000

export function openSender(deps: SenderDeps): Sender {
  const { clock, log, name } = deps
  const limits = deps.config.queue_config
  const stopping = new AbortController()
  const { signal } = stopping
  /** Something came in; enough of it came in. Aborted by the end as well. */
  let wake = new AbortController()
  let enough = new AbortController()
  let running: Promise<void> = Promise.resolve()
  /** Samples that came in since the last look. */
  let fresh = 0
  let sent = 0
  let refused = 0
  let retries = 0
  let damaged = 0
  let message = messageOf(deps.config)
  let saidAt = Number.NEGATIVE_INFINITY

  const queue = openSendQueue({
    files: deps.files,
    directory: deps.directory,
    capBytes: limits.max_bytes,
    newEpoch: deps.newEpoch,
    failed: (error) => say('samples could not be kept for sending', errorText(error)),
    arrived: () => wake.abort(),
  })
  const say = (what: string, fault: string): void => {
    if (clock.monotonic() - saidAt < sayAgainMs) return
    saidAt = clock.monotonic()
    log.warn(what, { remote: name, fault, waiting: queue.length })
  }

  const count = (samples: number): void => {
    fresh += samples
    if (fresh >= limits.max_samples_per_send) enough.abort()
  }

  /** False: the other side does not speak the message. */
  const send = async (batch: Batch): Promise<boolean> => {
    for (let attempt = 0; !signal.aborted; attempt++) {
      const more: Record<string, string> = attempt === 0 ? {} : { 'retry-attempt': String(attempt) }
      const outcome = await deps.post({ ...batch, message }, { ...deps.auth(), ...more }, signal)
      if (outcome.kind === 'taken') {
        const lost = outcome.refused ?? 0
        sent += batch.samples - lost
        refused += lost
        if (lost > 0) say('samples were refused by the other side and are dropped', outcome.words ?? '')
        return true
      }
      if (signal.aborted) return true
      if (outcome.kind === 'unknown_message' && message === 'write2') {
        say('the other side does not take remote write 2.0, which is sent as 1.0 from now on', outcome.words)
        return false
      }
      if (outcome.kind !== 'again') {
        refused += batch.samples
        say('samples were refused by the other side and are dropped', outcome.words)
        return true
      }
      retries++
      say('samples could not be sent and are tried again', outcome.words)
      const wait = backoffDelay({ baseMs: limits.min_backoff, capMs: limits.max_backoff }, attempt, deps.random)
      await clock.sleep(Math.max(limits.min_backoff, wait, outcome.waitMs ?? 0), signal)
    }
    return true
  }

  const sendAll = async (waiting: Waiting): Promise<void> => {
    const { lanes, damaged: unread } = await deps.packer.pack(waiting.bodies, message)
    damaged += unread.length
    if (unread.length > 0) say('a body that waited cannot be read and is dropped', unread[0]!)
    const spoken = await Promise.all(
      lanes.map(async (lane) => {
        for (const batch of lane) if (!(await send(batch))) return false
        return true
      }),
    )
    if (spoken.includes(false)) {
      // All of it again: what was taken already is taken as the same.
      message = 'write'
      return
    }
    // Cut short: all of it comes again, and what was taken already is taken as the same.
    if (!signal.aborted) queue.done(waiting.last)
  }

  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      if (queue.length === 0) {
        wake = new AbortController()
        await aborted(wake.signal)
        continue
      }
      // Others may come to go with these.
      enough = new AbortController()
      if (fresh < limits.max_samples_per_send) await clock.sleep(limits.batch_send_deadline, enough.signal)
      if (signal.aborted) return
      fresh = 0
      try {
        await queue.commit()
        const waiting = queue.read(windowBytes)
        if (waiting !== null) await sendAll(waiting)
      } catch (error) {
        if (signal.aborted) return
        say('the queue for sending cannot be read or written', errorText(error))
        await clock.sleep(limits.max_backoff, signal)
      }
      if (queue.length > 0) fresh = limits.max_samples_per_send
    }
  }

  return {
    offer(body, kind, samples) {
      count(samples)
      queue.offer(body, kind)
    },
    own(labels, time, value, stale) {
      count(1)
      queue.own(labels, time, value, stale)
    },
    start() {
      running = loop()
    },
    async stop() {
      stopping.abort()
      wake.abort()
      enough.abort()
      await deps.packer.stop()
      await running
      await queue.close()
    },
    stats: () => ({ sent, refused, retries, dropped: queue.dropped + damaged, waiting: queue.length }),
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
