// The common part of the robot stand-ins: an HTTP server on a free loopback port that reads a whole body and answers as it is told, or as
// the receiver's own rules say.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Seen = {
  readonly method: string
  /** As on the wire, not decoded. */
  readonly path: string
  readonly rawQuery: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** What the next requests get instead of the receiver's own answer. */
export type Mood =
  | { readonly kind: 'html' }
  | { readonly kind: 'huge' }
  | { readonly kind: 'hang' }
  /** Taken, but the answer is lost. */
  | { readonly kind: 'lost' }
  | {
      readonly kind: 'status'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }
  | { readonly kind: 'body'; readonly body: string }

export type HttpSink = {
  readonly port: number
  /** Set for the next `times` requests (default: until it is set again); null = as usual. */
  mood(next: Mood | null, times?: number): void
  /** How many requests came, whatever became of them. */
  requests(): number
  /** Resolves when the n-th request was read to its end. */
  seen(n: number): Promise<void>
  close(): Promise<void>
}

export type Answer = {
  readonly status: number
  readonly body: string
  /** JSON unless told. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** `judge` returns the body of the answer; it is asked for `lost` and for no other mood. */
export async function openHttpSink(judge: (seen: Seen) => Answer): Promise<HttpSink> {
  let mood: Mood | null = null
  let left = 0
  let count = 0
  const waits: { n: number; resolve: () => void }[] = []
  const respond = (seen: Seen, response: ServerResponse): void => {
    const now = left > 0 ? mood : null
    if (now !== null) left--
    switch (now?.kind) {
      case 'hang':
        return
      case 'html':
        response.writeHead(200, { 'content-type': 'text/html' })
        return void response.end('<!doctype html><title>Sign in</title><p>Please sign in.</p>')
      case 'huge':
        response.writeHead(200, { 'content-type': 'application/json' })
        return void response.end(`{"errcode":0,"errmsg":"${'x'.repeat(1 << 20)}"}`)
      case 'status':
        response.writeHead(now.status, now.headers)
        return void response.end(now.body ?? `status ${now.status}`)
      case 'body':
        response.writeHead(200, { 'content-type': 'application/json' })
        return void response.end(now.body)
      case 'lost':
        judge(seen)
        return void response.destroy()
      default: {
        const answer = judge(seen)
        response.writeHead(answer.status, { 'content-type': answer.type ?? 'application/json', ...answer.headers })
        response.end(answer.body)
      }
    }
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => response.destroy())
    request.on('end', () => {
      const [path, ...query] = (request.url ?? '').split('?')
      count++
      respond(
        {
          method: request.method ?? '',
          path: path!,
          rawQuery: query.join('?'),
          headers: request.headers,
          body: Buffer.concat(chunks),
        },
        response,
      )
      for (const wait of waits.filter((one) => one.n <= count)) wait.resolve()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    mood(next, times = Number.POSITIVE_INFINITY) {
      mood = next
      left = next === null ? 0 : times
    },
    requests: () => count,
    seen: (n) => (count >= n ? Promise.resolve() : new Promise((resolve) => void waits.push({ n, resolve }))),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** `name=value` pairs, names decoded, values as on the wire: a double-encoded value must stay visible. */
export function rawPairs(query: string): ReadonlyMap<string, string> {
  return new Map(
    query
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => {
        const at = pair.indexOf('=')
        return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
      }),
  )
}
