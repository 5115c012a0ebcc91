// What delivery says of itself: attempts by kind, result and code, seconds spent, rows waiting. Labels come from closed sets, but for channel
// names, which the configuration bounds.

import type { Channel } from './channel.ts'
import type { Settlement } from './outbox-port.ts'

export type AttemptCount = {
  readonly kind: string
  readonly result: Settlement['state']
  /** Empty when sent. */
  readonly code: string
  readonly count: number
}

export type DeliveryStats = {
  readonly attempts: readonly AttemptCount[]
  readonly seconds: readonly { readonly kind: string; readonly seconds: number }[]
  /** Unsent rows by channel name. */
  readonly waiting: readonly { readonly channel: string; readonly rows: number }[]
  /** Messages that travelled in a digest instead, and those that another channel took over, by kind of their own channel. */
  readonly merged: readonly { readonly kind: string; readonly count: number }[]
  readonly spilled: readonly { readonly kind: string; readonly count: number }[]
  /** Times that the outbox could not be read or written. */
  readonly storeFailures: number
}

export type DeliveryCounts = {
  attempt(channel: Channel, settlement: Settlement, seconds: number): void
  waitingIs(all: ReadonlyMap<string, number>): void
  waitingChanged(by: ReadonlyMap<string, number>): void
  /** Unsent rows of a channel, as far as is known. */
  waitingOf(channel: string): number
  merged(channel: Channel, messages: number): void
  spilled(channel: Channel): void
  storeFailed(): void
  stats(): DeliveryStats
}

export function openDeliveryCounts(): DeliveryCounts {
  const attempts = new Map<string, AttemptCount>()
  const seconds = new Map<string, number>()
  const waiting = new Map<string, number>()
  const merged = new Map<string, number>()
  const spilled = new Map<string, number>()
  let storeFailures = 0
  const byKind = (all: ReadonlyMap<string, number>) => [...all].map(([kind, count]) => ({ kind, count }))
  // A row may be merged before the flush that wrote it has told of it: below nought for a moment, and right after it.
  const add = (channel: string, by: number): void => void waiting.set(channel, (waiting.get(channel) ?? 0) + by)
  return {
    attempt(channel, settlement, took) {
      const { kind } = channel
      const code = settlement.state === 'sent' ? '' : settlement.code
      const key = `${kind}/${settlement.state}/${code}`
      attempts.set(key, { kind, result: settlement.state, code, count: (attempts.get(key)?.count ?? 0) + 1 })
      seconds.set(kind, (seconds.get(kind) ?? 0) + took)
      if (settlement.state !== 'failed') add(channel.name, -1)
    },
    waitingIs(all) {
      waiting.clear()
      for (const [channel, rows] of all) waiting.set(channel, rows)
    },
    waitingChanged(by) {
      for (const [channel, rows] of by) add(channel, rows)
    },
    waitingOf: (channel) => Math.max(0, waiting.get(channel) ?? 0),
    merged: ({ kind }, messages) => void merged.set(kind, (merged.get(kind) ?? 0) + messages),
    spilled: ({ kind }) => void spilled.set(kind, (spilled.get(kind) ?? 0) + 1),
    storeFailed: () => void storeFailures++,
    stats: () => ({
      attempts: [...attempts.values()],
      seconds: [...seconds].map(([kind, total]) => ({ kind, seconds: total })),
      waiting: [...waiting].map(([channel, rows]) => ({ channel, rows: Math.max(0, rows) })),
      merged: byKind(merged),
      spilled: byKind(spilled),
      storeFailures,
    }),
  }
}
