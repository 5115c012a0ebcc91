// The answer of a chat robot: HTTP 200 whatever happened, with `{"errcode": …, "errmsg": …}`, the code as a number or as a string. Without a
// readable code nothing is known to be delivered.

import type { SendResult } from '../dispatch/channel.ts'
import type { PostOutcome } from './http-post.ts'
import { failure, replyText, transportFailure } from './outcome.ts'

export type Verdict =
  | 'ok'
  /** Wait `waitMs`, then again. */
  | 'rate_limited'
  /** Again with the usual back-off. */
  | 'busy'
  /** Again at once with a shorter text. */
  | 'too_long'
  /** Nothing but a person can help. */
  | 'rejected'

export function readRobotReply(
  outcome: PostOutcome,
  verdicts: Readonly<Record<number, Verdict>>,
  waitMs: number,
  secrets: readonly string[],
  now: number,
): SendResult {
  const transport = transportFailure(outcome, secrets, now)
  if (transport !== null) return transport
  if (outcome.kind !== 'reply') return failure('unreachable', outcome.reason, true)
  const reply = replyText(outcome.body, secrets)
  const code = outcome.cut ? null : errcode(outcome.body)
  if (code === null) return failure('bad_reply', reply, true)
  // A code that nobody described: again, since the receiver drops a message it already has and a lost one is worse.
  switch (verdicts[code] ?? 'busy') {
    case 'ok':
      return { ok: true, reply }
    case 'rate_limited':
      return failure('rate_limited', reply, true, waitMs)
    case 'busy':
      return failure('rejected', reply, true)
    case 'too_long':
      return failure('too_long', reply, false)
    case 'rejected':
      return failure('rejected', reply, false)
  }
}

/** The code of an answer, or null when there is none to be read. */
export function errcode(body: string): number | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
  const code = (parsed as { errcode?: unknown } | null)?.errcode
  if (typeof code === 'number') return Number.isInteger(code) ? code : null
  return typeof code === 'string' && /^-?\d+$/.test(code) ? Number(code) : null
}
