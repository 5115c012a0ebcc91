// One request of remote write and what became of it: taken, refused for good, or to be tried again.

import { errorText } from '../../core/base/errors.ts'
import { redact } from '../../core/base/redact.ts'
import { origin, originHeader } from './origin.ts'
import type { Batch } from './send-pack.ts'
import type { SendMessage } from './send-rows.ts'

export type PostOutcome =
  /** `refused`: so many of its samples were not, for good; `words`: why. */
  | { readonly kind: 'taken'; readonly refused?: number; readonly words?: string }
  /** The other side does not speak this message. */
  | { readonly kind: 'unknown_message'; readonly words: string }
  | { readonly kind: 'refused'; readonly words: string }
  /** `waitMs`: what the other side asked for. */
  | { readonly kind: 'again'; readonly words: string; readonly waitMs: number | null }

export type PostBody = (
  batch: Batch & { readonly message: SendMessage },
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<PostOutcome>

/** Longest wait that another server may ask for. */
const maxWaitMs = 5 * 60_000
const maxWords = 500

export function openPost(options: {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Left out: this process. */
  readonly origin?: string
  readonly now: () => number
}): PostBody {
  return async ({ body, samples, message }, headers, signal) => {
    try {
      const response = await fetch(options.url, {
        method: 'POST',
        body,
        // The secret is for this address alone.
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]),
        headers: {
          ...options.headers,
          ...headers,
          'user-agent': 'inferward',
          'content-encoding': 'snappy',
          ...messageHeaders[message],
          [originHeader]: options.origin ?? origin,
        },
      })
      const words = await wordsOf(response)
      const { status } = response
      const said = `HTTP ${status}${words === '' ? '' : `: ${words}`}`
      if (status >= 200 && status < 300) return message === 'write' ? { kind: 'taken' } : written(response, samples)
      if (message === 'write2') {
        if (status === 415) return { kind: 'unknown_message', words: said }
        const count = countOf(response)
        // Of a request that is refused in part, the other part was taken.
        if (status === 400 && count !== null)
          return { kind: 'taken', refused: Math.max(0, samples - count), words: said }
      }
      if (status >= 500 || status === 429)
        return { kind: 'again', words: said, waitMs: waitOf(response.headers.get('retry-after'), options.now()) }
      return { kind: 'refused', words: said }
    } catch (error) {
      return { kind: 'again', words: redact(errorText(error)).slice(0, maxWords), waitMs: null }
    }
  }
}

const messageHeaders: Readonly<Record<SendMessage, Readonly<Record<string, string>>>> = {
  write: { 'content-type': 'application/x-protobuf', 'x-prometheus-remote-write-version': '0.1.0' },
  write2: {
    'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
    'x-prometheus-remote-write-version': '2.0.0',
  },
}

/** Whoever understood 2.0 says how much was written; silence comes from a server that took the body for something else. */
function written(response: Response, samples: number): PostOutcome {
  const count = countOf(response)
  if (count === null)
    return { kind: 'unknown_message', words: `HTTP ${response.status} that says nothing of samples written` }
  return count >= samples
    ? { kind: 'taken' }
    : { kind: 'taken', refused: samples - count, words: `${count} of ${samples} written` }
}

function countOf(response: Response): number | null {
  const text = response.headers.get('x-prometheus-remote-write-samples-written')
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** The beginning of the answer; the rest is left unread. */
async function wordsOf(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return ''
  const decoder = new TextDecoder()
  let text = ''
  while (text.length < maxWords) {
    const { done, value } = await reader.read()
    if (done) return redact(text.trim())
    text += decoder.decode(value, { stream: true })
  }
  await reader.cancel()
  return redact(text.slice(0, maxWords).trim())
}

/** Retry-After: seconds or a date. */
export function waitOf(text: string | null, now: number): number | null {
  if (text === null) return null
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(ms) ? null : Math.min(Math.max(0, ms), maxWaitMs)
}
