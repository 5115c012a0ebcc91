// The answer of a chat robot: HTTP 200 whatever happened, with `{"errcode": …, "errmsg": …}` or the like, the code as a number or as a string.
// Without a readable code nothing is known to be delivered.

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

export type RobotRules = {
  /** Names of the field that holds the code, the first that is there wins. */
  readonly fields: readonly string[]
  readonly verdicts: Readonly<Record<number, Verdict>>
  /** How long a robot that was asked too often is left alone. */
  readonly waitMs: number
}

export function readRobotReply(
  outcome: PostOutcome,
  rules: RobotRules,
  secrets: readonly string[],
  now: number,
): SendResult {
  const { verdicts, waitMs } = rules
  const code = outcome.kind !== 'reply' || outcome.cut ? null : replyCode(outcome.body, rules.fields)
  // Some refuse with HTTP 400 and a code: a code that is known says more than the status. None of them is a success.
  const spoken = code !== null && code !== 0 && Object.hasOwn(verdicts, code)
  const transport = transportFailure(outcome, secrets, now)
  if (transport !== null && !(spoken && transport.code === 'http_4xx')) return transport
  if (outcome.kind !== 'reply') return failure('unreachable', outcome.reason, true)
  const reply = replyText(outcome.body, secrets)
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
export function replyCode(body: string, fields: readonly string[]): number | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
  const answer = (parsed ?? {}) as Readonly<Record<string, unknown>>
  const code = fields.map((field) => answer[field]).find((value) => value !== undefined)
  if (typeof code === 'number') return Number.isInteger(code) ? code : null
  return typeof code === 'string' && /^-?\d+$/.test(code) ? Number(code) : null
}
