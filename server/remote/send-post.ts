// One request of remote write 1.0 and what became of it: taken, refused for good, or to be tried again.

import { errorText } from '../../core/base/errors.ts'
import { redact } from '../../core/base/redact.ts'

export type PostOutcome =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly words: string }
  /** `waitMs`: what the other side asked for. */
  | { readonly kind: 'again'; readonly words: string; readonly waitMs: number | null }

export type PostBody = (
  body: Uint8Array,
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
  readonly now: () => number
}): PostBody {
  return async (body, headers, signal) => {
    try {
      const response = await fetch(options.url, {
        method: 'POST',
        body: body.slice(),
        // The secret is for this address alone.
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]),
        headers: {
          ...options.headers,
          ...headers,
          'user-agent': 'inferward',
          'content-type': 'application/x-protobuf',
          'content-encoding': 'snappy',
          'x-prometheus-remote-write-version': '0.1.0',
        },
      })
      const words = await wordsOf(response)
      const { status } = response
      if (status >= 200 && status < 300) return { kind: 'taken' }
      const said = `HTTP ${status}${words === '' ? '' : `: ${words}`}`
      if (status >= 500 || status === 429)
        return { kind: 'again', words: said, waitMs: waitOf(response.headers.get('retry-after'), options.now()) }
      return { kind: 'refused', words: said }
    } catch (error) {
      return { kind: 'again', words: redact(errorText(error)).slice(0, maxWords), waitMs: null }
    }
  }
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
