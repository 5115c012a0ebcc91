// One POST to a receiver: bounded in time and in what is read, no redirect followed, the address checked at the connection. It never throws;
// what came back is plain data for the channel to judge.

import type { lookup as dnsLookup } from 'node:dns'
import { type IncomingHttpHeaders, type RequestOptions, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import type { Clock } from '../../core/base/clock.ts'
import { errorText, systemCode } from '../../core/base/errors.ts'
import { lookupGuard, type Reach, refusal } from './address-guard.ts'

/** An answer of a receiver is a few hundred bytes; what passes this is a page, and not read further. */
export const maxReplyBytes = 64 << 10

export type PostRequest = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly timeoutMs: number
  /** Where its URL may lead, by where it came from. */
  readonly reach: Reach
}

export type PostOutcome =
  | {
      readonly kind: 'reply'
      readonly status: number
      readonly headers: IncomingHttpHeaders
      readonly body: string
      readonly cut: boolean
    }
  | { readonly kind: 'timeout' | 'unreachable' | 'refused' | 'stopped'; readonly reason: string }

export type Post = (request: PostRequest, signal: AbortSignal) => Promise<PostOutcome>

/** `resolve`: the resolver of the system, unless told. */
export function openPost(clock: Clock, resolve?: typeof dnsLookup): Post {
  const post: Post = (request, signal) =>
    new Promise((settle) => {
      if (signal.aborted) return settle({ kind: 'stopped', reason: 'stopped before it was sent' })
      const url = new URL(request.url)
      const words = refusal(url.hostname, request.reach)
      if (words !== null) return settle({ kind: 'refused', reason: `not connected: ${words}` })
      const body = Buffer.from(request.body, 'utf8')
      const options: RequestOptions = {
        method: 'POST',
        headers: { 'user-agent': 'inferward', ...request.headers, 'content-length': body.length },
        lookup: lookupGuard(request.reach, resolve),
        agent: false,
      }
      let done = false
      const finish = (outcome: PostOutcome): void => {
        if (done) return
        done = true
        timer[Symbol.dispose]()
        signal.removeEventListener('abort', stop)
        settle(outcome)
        out.destroy()
      }
      const stop = (): void => finish({ kind: 'stopped', reason: 'stopped before the answer came' })
      const failed = (error: unknown): void => {
        const refused = systemCode(error) === 'notify.refused_address'
        finish({ kind: refused ? 'refused' : 'unreachable', reason: errorText(error) || String(systemCode(error)) })
      }
      const out = (url.protocol === 'https:' ? requestTls : requestPlain)(url, options, (reply) => {
        const chunks: Buffer[] = []
        let size = 0
        const answer = (cut: boolean): void =>
          finish({
            kind: 'reply',
            status: reply.statusCode ?? 0,
            headers: reply.headers,
            body: new TextDecoder().decode(Buffer.concat(chunks).subarray(0, maxReplyBytes)),
            cut,
          })
        reply.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          size += chunk.length
          if (size > maxReplyBytes) answer(true)
        })
        reply.on('end', () => answer(false))
        reply.on('error', failed)
        reply.on('aborted', () => failed(new Error('the connection ended within the answer')))
      })
      const timer = clock.timer(request.timeoutMs, () =>
        finish({ kind: 'timeout', reason: `no answer within ${request.timeoutMs} ms` }),
      )
      signal.addEventListener('abort', stop, { once: true })
      out.on('error', failed)
      out.end(body)
    })
  // A header that HTTP cannot carry throws before anything is sent.
  return (request, signal) =>
    post(request, signal).catch((error: unknown) => ({ kind: 'unreachable', reason: errorText(error) }))
}
