// From what came back to what dispatch is told. The rules every HTTP channel shares: redirects are not followed, 5xx and 429 may be tried
// again, other 4xx may not, and nothing a receiver answered leaves with a secret in it.

import { redact } from '../../core/base/redact.ts'
import type { SendResult } from '../dispatch/channel.ts'
import type { PostOutcome } from './http-post.ts'
import { cutBytes } from './render/bytes.ts'
import { oneLine } from './render/message.ts'

export type Failed = Extract<SendResult, { ok: false }>

const maxReplyText = 500

/** Cuts every known secret, as it is and as it stands in a URL, and what looks like one. Shorter ones than four characters hide nothing. */
export function cutSecrets(text: string, secrets: readonly string[]): string {
  let out = text
  for (const one of [...secrets].sort((a, b) => b.length - a.length)) {
    if (one.length < 4) continue
    for (const form of new Set([one, encodeURIComponent(one), JSON.stringify(one).slice(1, -1)])) {
      out = out.replaceAll(form, '***')
    }
  }
  return redact(out)
}

/** An answer as it is kept: one line, short, without secrets. Secrets go first, so that no cut can leave the half of one. */
export const replyText = (text: string, secrets: readonly string[]): string =>
  cutBytes(oneLine(cutSecrets(text, secrets)).replace(/\s+/g, ' '), maxReplyText)

export const failure = (
  code: Failed['code'],
  reply: string,
  retryable: boolean,
  retryAfterMs: number | null = null,
): Failed => ({ ok: false, code, reply, retryable, retryAfterMs })

/** A failed result for everything but a 2xx answer, else null. */
export function transportFailure(outcome: PostOutcome, secrets: readonly string[], now: number): Failed | null {
  if (outcome.kind !== 'reply') {
    const code = outcome.kind === 'timeout' || outcome.kind === 'stopped' ? 'timeout' : 'unreachable'
    return failure(code, replyText(outcome.reason, secrets), outcome.kind !== 'refused')
  }
  const { status } = outcome
  if (status >= 200 && status < 300) return null
  const words = replyText(`HTTP ${status}: ${outcome.body}`, secrets)
  if (status >= 300 && status < 400) return failure('bad_reply', `HTTP ${status}: redirects are not followed`, false)
  if (status === 429) return failure('rate_limited', words, true, retryAfter(outcome.headers['retry-after'], now))
  if (status >= 500) {
    const wait = status === 503 ? retryAfter(outcome.headers['retry-after'], now) : null
    return failure('http_5xx', words, true, wait)
  }
  // 408: the receiver gave up waiting for us.
  return failure('http_4xx', words, status === 408)
}

/** `Retry-After` in seconds or as a date, at most one hour; null when it says nothing. */
function retryAfter(header: string | undefined, now: number): number | null {
  if (header === undefined) return null
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, 3_600_000) : null
}
