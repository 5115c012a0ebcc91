// When another channel takes over, and which. Pure.

import type { Channel, SendResult } from './channel.ts'

export type Failed = Extract<SendResult, { ok: false }>

/** A channel that has to be silent for longer than this is spoken for by another, if it names one. */
export const spillAfterMs = 30_000
/** What may be a hiccup gets so many attempts before. */
const hiccups = 3

/** The first channel of the receiver that takes over, if it is another robot: one that is blocked is so by whatever name. */
export function spillOf({ spillTo, quota, name }: Channel, all: readonly Channel[]): Channel | null {
  if (spillTo === undefined) return null
  const own = quota?.key ?? name
  return all.find((one) => one.receiver === spillTo && (one.quota?.key ?? one.name) !== own) ?? null
}

/** A refusal and a robot that is blocked are final for now. */
export function spills(why: Failed, attempt: number): boolean {
  return !why.retryable || why.code === 'rate_limited' || attempt >= hiccups
}

/** What the outbox keeps as proof: both ways that the message went. */
export const spilled = (by: Channel, reply: string, why: Failed | null): SendResult => ({
  ok: true,
  spilled: true,
  reply: `by ${by.name}: ${reply}${why === null ? '' : `; itself ${why.code}: ${why.reply}`}`,
})
