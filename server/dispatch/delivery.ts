// Sends what the outbox holds: one worker per channel, so that a channel that hangs or fails holds nobody else. A row is taken, sent within a
// time limit, settled, and told as an event. When the program ends between sending and settling, the row is sent again with its id.

import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import { redact } from '../../core/base/redact.ts'
import type { Emit } from '../../core/event/event.ts'
import type { Channel, SendResult } from './channel.ts'
import { type DeliveryCounts, openDeliveryCounts } from './delivery-counts.ts'
import { deliveryEvent, worthAnEvent } from './delivery-event.ts'
import { digests } from './digest.ts'
import type { Notification } from './notification.ts'
import type { Outbox, OutboxRow, Settlement } from './outbox-port.ts'
import { parts } from './parts.ts'
import { type Bucket, bucket, mergePast, singles } from './quota.ts'
import { settlementOf } from './retry.ts'
import { type Failed, spillAfterMs, spilled, spillOf, spills } from './spill.ts'

const sendTimeoutMs = 30_000
/** How long a send under way may end by itself when the program stops. */
const stopGraceMs = 2000
/** The outbox is looked at this often even when nobody knocks. */
const idleMs = 60_000
const storeRetryMs = 1000
const quotaWindowMs = 60_000

export type Delivery = {
  /** Starts workers for new channels, ends those of gone ones, and gives the others their new settings. */
  use(channels: readonly Channel[]): void
  /** Rows were written. */
  wake(changed: ReadonlyMap<string, number>): void
  readonly counts: DeliveryCounts
  /** Ends all workers; what is under way gets a moment. */
  stop(): Promise<void>
}

type Worker = {
  channel: Channel
  woken: boolean
  deaf: boolean
  ending: boolean
  rest: AbortController
  readonly cut: AbortController
  done: Promise<void>
}

export function openDelivery(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly outbox: Outbox
  readonly emit: Emit
  readonly newId: () => string
  readonly random: () => number
}): Delivery {
  const { clock, log, outbox } = deps
  const workers = new Map<string, Worker>()
  const buckets = new Map<string, { readonly quota: string; readonly bucket: Bucket }>()
  const counts = openDeliveryCounts()

  const bucketOf = async (channel: Channel): Promise<Bucket> => {
    const key = channel.quota?.key ?? channel.name
    const quota = JSON.stringify(channel.quota ?? null)
    const known = buckets.get(key)
    if (known?.quota === quota) return known.bucket
    const sent = channel.quota === undefined ? [] : await outbox.sentSince(channel.name, clock.now() - quotaWindowMs)
    const again = buckets.get(key)
    if (again?.quota === quota) return again.bucket
    const shift = clock.monotonic() - clock.now()
    const made = bucket(
      channel.quota ?? null,
      sent.map((at) => at + shift).sort((a, b) => a - b),
    )
    buckets.set(key, { quota, bucket: made })
    return made
  }

  /** `deaf`: new rows do not end the rest, since they could not be sent either. */
  const rest = async (worker: Worker, ms: number, deaf: boolean): Promise<void> => {
    if (worker.ending || (!deaf && worker.woken)) return
    worker.deaf = deaf
    worker.rest = new AbortController()
    await clock.sleep(ms, worker.rest.signal)
  }

  /** Null: the program stops before the answer is known. */
  const send = async (worker: Worker, notification: Notification, by: Channel): Promise<SendResult | null> => {
    const limit = new AbortController()
    const stop = (): void => limit.abort()
    const aborted = new Promise<null>((resolve) => limit.signal.addEventListener('abort', () => resolve(null)))
    const timer = clock.timer(sendTimeoutMs, stop)
    worker.cut.signal.addEventListener('abort', stop, { once: true })
    try {
      const answer = await Promise.race([attempt(by, notification, limit.signal), aborted])
      if (answer !== null) return answer
      if (worker.cut.signal.aborted) return null
      const reply = `no answer within ${sendTimeoutMs / 1000} s`
      return { ok: false, code: 'timeout', reply, retryable: true, retryAfterMs: null }
    } finally {
      timer[Symbol.dispose]()
      worker.cut.signal.removeEventListener('abort', stop)
    }
  }

  /** Until the outbox has it: a message whose proof was lost would be sent again. */
  const settle = async (worker: Worker, row: OutboxRow, settlement: Settlement): Promise<boolean> => {
    for (;;) {
      try {
        const again = await outbox.settle(row.id, settlement)
        if (again > 0) counts.waitingChanged(new Map([[row.channel, again]]))
        return true
      } catch (error) {
        counts.storeFailed()
        log.error('delivery could not be recorded', { channel: row.channel, id: row.id, error: errorText(error) })
        if (worker.ending) return false
        await rest(worker, storeRetryMs, true)
      }
    }
  }

  const other = ({ channel }: Worker): Channel | null =>
    spillOf(
      channel,
      [...workers.values()].map((one) => one.channel),
    )

  /** What comes of a message that its own channel does not take: another may have it, now or when its quota has room. */
  const spill = async (worker: Worker, row: OutboxRow, why: Failed): Promise<SendResult> => {
    const by = other(worker)
    if (by === null || !spills(why, row.attempt)) return why
    const wait = (await bucketOf(by)).reserve(clock.monotonic())
    if (wait > 0) return { ...why, retryable: true, retryAfterMs: wait }
    const result = await send(worker, row.notification, by)
    if (result === null || !result.ok) return why
    counts.spilled(worker.channel)
    return spilled(by, result.reply, why)
  }

  /**
   * The end of what the other channel told: told there first, so that a channel that fails after it is tried again with both. Null: nothing to do,
   * or done.
   */
  const endElsewhere = async (worker: Worker, row: OutboxRow): Promise<Failed | null> => {
    const by = row.notification.status === 'resolved' ? other(worker) : null
    if (by === null || !(await outbox.wasSpilled(row.id))) return null
    const wait = (await bucketOf(by)).reserve(clock.monotonic())
    const result = wait > 0 ? null : await send(worker, row.notification, by)
    if (result !== null && (result.ok || !result.retryable)) return null
    const reply = `by ${by.name}: ${result === null ? 'no room yet' : result.reply}`
    return {
      ok: false,
      code: result?.code ?? 'rate_limited',
      reply,
      retryable: true,
      retryAfterMs: wait > 0 ? wait : null,
    }
  }

  /** One attempt by the channel itself, and by the other if need be; or by the other alone, while the first is blocked. */
  const sendBy = async (worker: Worker, row: OutboxRow, quota: Bucket, by: Channel): Promise<SendResult | null> => {
    const ownWay = by === worker.channel
    const before = ownWay ? await endElsewhere(worker, row) : null
    if (before !== null) return before
    const result = await send(worker, row.notification, by)
    if (result === null) return null
    if (result.ok) {
      if (ownWay) return result
      counts.spilled(worker.channel)
      return spilled(by, result.reply, null)
    }
    if (result.code === 'rate_limited') quota.pause(clock.monotonic() + (result.retryAfterMs ?? quotaWindowMs))
    // A refusal by the other is no last word: its own channel is still to be asked.
    return ownWay ? spill(worker, row, result) : { ...result, retryable: true, reply: `by ${by.name}: ${result.reply}` }
  }

  const deliver = async (worker: Worker, row: OutboxRow, quota: Bucket, by: Channel): Promise<void> => {
    const { channel } = worker
    const began = clock.monotonic()
    const result = await sendBy(worker, row, quota, by)
    if (result === null) {
      const at = clock.now()
      const reply = 'the program stopped before the receiver answered'
      await settle(worker, row, { state: 'failed', at, nextAt: at, code: 'stopped', reply })
      return
    }
    const settlement = settlementOf(result, row, clock.now(), deps.random)
    counts.attempt(channel, settlement, (clock.monotonic() - began) / 1000)
    if (!(await settle(worker, row, settlement))) return
    if (settlement.state !== 'sent') {
      const fields = {
        channel: row.channel,
        id: row.id,
        attempt: row.attempt,
        code: settlement.code,
        reply: settlement.reply,
      }
      if (settlement.state === 'given_up') log.error('notification given up', fields)
      else log.warn('notification not delivered, will try again', fields)
    }
    if (worthAnEvent(settlement, row.attempt)) deps.emit(deliveryEvent(deps.newId(), row, settlement))
  }

  /** A place in the quota of the channel, or of the one that takes over when it is blocked for long; null = after some rest. */
  const place = async (worker: Worker): Promise<{ readonly by: Channel; readonly quota: Bucket } | null> => {
    const { channel } = worker
    const own = await bucketOf(channel)
    const wait = own.reserve(clock.monotonic())
    if (wait === 0) return { by: channel, quota: own }
    const by = wait > spillAfterMs ? other(worker) : null
    if (by === null) {
      await rest(worker, wait, true)
      return null
    }
    const quota = await bucketOf(by)
    const wait2 = quota.reserve(clock.monotonic())
    if (wait2 === 0) return { by, quota }
    await rest(worker, Math.min(wait, wait2), true)
    return null
  }

  /** Past its quota a channel gets few long messages instead of many short ones. */
  const merge = async ({ channel }: Worker, by: Channel): Promise<void> => {
    if (by.quota === undefined || counts.waitingOf(channel.name) <= mergePast(by.quota)) return
    const shown = shownBy(by)
    const options = { shown, single: singles(by.quota), newId: deps.newId, at: clock.now() }
    const changed = await outbox.merge(channel.name, clock.now(), (waiting) =>
      waiting.length <= mergePast(by.quota) ? [] : digests(waiting, options),
    )
    counts.waitingChanged(new Map([[channel.name, changed]]))
    if (changed < 0) counts.merged(channel, -changed)
  }

  const next = async (worker: Worker): Promise<void> => {
    const given = await place(worker)
    if (given === null) return
    const { by, quota } = given
    worker.woken = false
    await merge(worker, by)
    const { row, ...none } = await outbox.take(worker.channel.name, clock.now())
    const several = row === null ? null : parts(row.notification, shownBy(by))
    if (row !== null && several === null) return deliver(worker, row, quota, by)
    quota.giveBack()
    if (row !== null) {
      const changed = await outbox.split(row.id, several!)
      return counts.waitingChanged(new Map([[row.channel, changed]]))
    }
    const nextAt = 'nextAt' in none ? none.nextAt : null
    const until = nextAt === null ? idleMs : Math.max(1, nextAt - clock.now())
    await rest(worker, Math.min(idleMs, until), false)
  }

  const work = async (worker: Worker): Promise<void> => {
    while (!worker.ending) {
      try {
        await next(worker)
      } catch (error) {
        counts.storeFailed()
        log.error('outbox could not be read', { channel: worker.channel.name, error: errorText(error) })
        await rest(worker, storeRetryMs, true)
      }
    }
  }

  const end = async (worker: Worker): Promise<void> => {
    worker.ending = true
    worker.rest.abort()
    const grace = new AbortController()
    const late = clock.sleep(stopGraceMs, grace.signal)
    await Promise.race([worker.done, late])
    grace.abort()
    worker.cut.abort()
    await worker.done
  }

  return {
    use(channels) {
      for (const [name, worker] of workers) {
        const channel = channels.find((one) => one.name === name)
        if (channel !== undefined) worker.channel = channel
        else {
          workers.delete(name)
          void end(worker)
        }
      }
      for (const channel of channels) {
        if (workers.has(channel.name)) continue
        const worker: Worker = {
          channel,
          woken: false,
          deaf: false,
          ending: false,
          rest: new AbortController(),
          cut: new AbortController(),
          done: Promise.resolve(),
        }
        workers.set(channel.name, worker)
        worker.done = work(worker)
      }
    },
    wake(changed) {
      counts.waitingChanged(changed)
      for (const name of changed.keys()) {
        const worker = workers.get(name)
        if (worker === undefined) continue
        worker.woken = true
        if (!worker.deaf) worker.rest.abort()
      }
    },
    counts,
    async stop() {
      const all = [...workers.values()]
      workers.clear()
      await Promise.all(all.map(end))
    },
  }
}

/** Without a bound of its own a channel names all. */
const shownBy =
  (channel: Channel) =>
  (notification: Notification): number =>
    channel.shown?.(notification) ?? notification.alerts.length

async function attempt(channel: Channel, notification: Notification, signal: AbortSignal): Promise<SendResult> {
  try {
    return await channel.send(notification, signal)
  } catch (error) {
    // A channel never throws; one that does is a fault of ours, and the message must not be lost by it.
    return { ok: false, code: 'unreachable', reply: redact(errorText(error)), retryable: true, retryAfterMs: null }
  }
}
