// What becomes of a message after an attempt: sent, tried again later, or given up. Pure.

import type { SendResult } from './channel.ts'
import type { Settlement } from './outbox-port.ts'

/** 1 s, 5 s, 25 s, then once a minute. */
const firstRetryMs = 1000
const factor = 5
const capMs = 60_000
/** A receiver may ask for more patience than that, within reason. */
const maxRetryAfterMs = 3_600_000
/** News of yesterday helps nobody. */
export const giveUpMs = 86_400_000

const maxReply = 4000

/** `attempt` counts from 1; `random` is in [0, 1). */
export function settlementOf(
  result: SendResult,
  row: { readonly attempt: number; readonly createdAt: number },
  at: number,
  random: () => number,
): Settlement {
  const reply = result.reply.slice(0, maxReply)
  if (result.ok) return { state: 'sent', at, reply, ...(result.spilled === true ? { spilled: true } : {}) }
  const { code } = result
  const nextAt = at + Math.ceil(retryDelay(row.attempt, result.retryAfterMs, random))
  if (!result.retryable || nextAt - row.createdAt > giveUpMs) return { state: 'given_up', at, code, reply }
  return { state: 'failed', at, nextAt, code, reply }
}

/** Jitter shortens by up to a fifth, after the cap, so that the cap holds and a fleet does not retry in step. */
function retryDelay(attempt: number, retryAfterMs: number | null, random: () => number): number {
  const ceiling = Math.min(capMs, firstRetryMs * factor ** Math.min(attempt - 1, 10))
  return Math.max(ceiling * (1 - random() / 5), Math.min(retryAfterMs ?? 0, maxRetryAfterMs))
}
