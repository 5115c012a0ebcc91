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
import type { Notification } from './notification.ts'
import type { Outbox, OutboxRow, Settlement } from './outbox-port.ts'
import { type Bucket, bucket } from './quota.ts'
import { settlementOf } from './retry.ts'

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
  const send = async (worker: Worker, notification: Notification): Promise<SendResult | null> => {
    const limit = new AbortController()
    const stop = (): void => limit.abort()
    const aborted = new Promise<null>((resolve) => limit.signal.addEventListener('abort', () => resolve(null)))
    const timer = clock.timer(sendTimeoutMs, stop)
    worker.cut.signal.addEventListener('abort', stop, { once: true })
    try {
      const answer = await Promise.race([attempt(worker.channel, notification, limit.signal), aborted])
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
        await outbox.settle(row.id, settlement)
        return true
      } catch (error) {
        counts.storeFailed()
        log.error('delivery could not be recorded', { channel: row.channel, id: row.id, error: errorText(error) })
        if (worker.ending) return false
        await rest(worker, storeRetryMs, true)
      }
    }
  }

  const deliver = async (worker: Worker, row: OutboxRow, quota: Bucket): Promise<void> => {
    const { channel } = worker
    const began = clock.monotonic()
    const result = await send(worker, row.notification)
    if (result === null) {
      const at = clock.now()
      const reply = 'the program stopped before the receiver answered'
      await settle(worker, row, { state: 'failed', at, nextAt: at, code: 'stopped', reply })
      return
    }
    const settlement = settlementOf(result, row, clock.now(), deps.random)
    if (!result.ok && result.code === 'rate_limited' && settlement.state === 'failed')
      quota.pause(clock.monotonic() + settlement.nextAt - settlement.at)
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

  const work = async (worker: Worker): Promise<void> => {
    while (!worker.ending) {
      try {
        const quota = await bucketOf(worker.channel)
        const wait = quota.reserve(clock.monotonic())
        if (wait > 0) {
          await rest(worker, wait, true)
          continue
        }
        worker.woken = false
        const taken = await outbox.take(worker.channel.name, clock.now())
        if (taken.row !== null) await deliver(worker, taken.row, quota)
        else {
          quota.giveBack()
          const until = taken.nextAt === null ? idleMs : Math.max(1, taken.nextAt - clock.now())
          await rest(worker, Math.min(idleMs, until), false)
        }
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

async function attempt(channel: Channel, notification: Notification, signal: AbortSignal): Promise<SendResult> {
  try {
    return await channel.send(notification, signal)
  } catch (error) {
    // A channel never throws; one that does is a fault of ours, and the message must not be lost by it.
    return { ok: false, code: 'unreachable', reply: redact(errorText(error)), retryable: true, retryAfterMs: null }
  }
}
