// How often a channel may send: a token bucket for the pace and a window of 60 s for the bound, since a bucket alone lets burst + rate through
// in one minute and a robot that is asked too often falls silent for ten. Pure; times are monotonic milliseconds.
// Invariant: never more than `perMinute` in any 60 s, whatever was waited or given back.

import type { Quota } from './channel.ts'

export type Bucket = {
  /** 0: one message may go now, and is counted. Else how long to wait before asking again. */
  reserve(now: number): number
  /** The last reserved message was not sent after all. */
  giveBack(): void
  /** The receiver itself asked for silence. */
  pause(until: number): void
}

const windowMs = 60_000
const defaultBurst = 5
/** Messages that wait longer than this are merged. */
const patienceMs = 20_000

/** How many messages may wait before they are merged: what the quota lets through within some seconds; without a quota nothing is. */
export function mergePast(quota: Quota | undefined): number {
  if (quota === undefined) return Number.POSITIVE_INFINITY
  return (quota.burst ?? defaultBurst) + Math.floor((quota.perMinute * patienceMs) / windowMs)
}
/** Critical messages that go on their own, in front of a digest. */
export const singles = (quota: Quota | undefined): number => quota?.burst ?? defaultBurst

/** `recent`: when messages were sent before this bucket was made, oldest first. */
export function bucket(quota: Quota | null, recent: readonly number[]): Bucket {
  const perMinute = quota === null ? Number.POSITIVE_INFINITY : Math.max(1, quota.perMinute)
  const burst = Math.min(perMinute, Math.max(1, quota?.burst ?? defaultBurst))
  let times: number[] = []
  let tokens = burst
  let filledAt = recent[0] ?? Number.NEGATIVE_INFINITY
  let pausedUntil = Number.NEGATIVE_INFINITY

  const fill = (now: number): void => {
    if (now > filledAt) tokens = Math.min(burst, tokens + ((now - filledAt) * perMinute) / windowMs)
    filledAt = Math.max(filledAt, now)
  }
  const spend = (now: number): void => {
    fill(now)
    tokens -= 1
    times.push(now)
  }
  if (quota !== null) for (const at of recent) spend(at)

  return {
    reserve(now) {
      if (now < pausedUntil) return pausedUntil - now
      if (quota === null) return 0
      fill(now)
      times = times.filter((at) => now - at < windowMs)
      const forToken = tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * windowMs) / perMinute)
      const forWindow = times.length < perMinute ? 0 : times[times.length - perMinute]! + windowMs - now
      const wait = Math.max(forToken, forWindow)
      if (wait === 0) spend(now)
      return wait
    },
    giveBack() {
      if (times.pop() !== undefined) tokens = Math.min(burst, tokens + 1)
    },
    pause(until) {
      pausedUntil = Math.max(pausedUntil, until)
    },
  }
}
