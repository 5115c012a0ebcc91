// The HTTP edge: one listener for API, status page, metrics and the agents' WebSocket. Reads are open on loopback, everything else needs a
// token; every answer to a fault is JSON with what, and what to do. No request can make it throw.

import { createServer, type IncomingMessage, type Server } from 'node:http'
import * as path from 'node:path'
import type { Duplex } from 'node:stream'
import express, { type NextFunction, type Request, type Response, type Router } from 'express'
import { crossOrigin } from '../../core/base/caller.ts'
import { projectRoot } from '../../core/base/entry.ts'
import { errorText, exitCodes, InferwardError, isInferwardError, systemCode } from '../../core/base/errors.ts'
import { lastWords } from '../../core/base/last-words.ts'
import type { Log } from '../../core/base/log.ts'
import { type Listen, listenUrl } from '../../core/base/schema.ts'
import { openSlots } from '../../core/base/slots.ts'

/** Besides the agents' sessions, which have a bound of their own. */
const maxConnections = 2048
/** Of a connection on which nothing moves, either way. */
const idleMs = 180_000

export type HttpDeps = {
  readonly log: Log
  readonly listen: Listen
  readonly maxConnections?: number
  /** Answers the principal, or null when the token is missing or wrong where one is needed. */
  readonly authenticate: (request: IncomingMessage) => Promise<unknown>
  readonly routers: readonly Router[]
  /** Asked before any token is: each decides by what the request itself carries. */
  readonly publicRouters?: readonly Router[]
  readonly metrics: () => Promise<{ readonly text: string; readonly contentType: string }>
  readonly ready: () => boolean
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** Wraps each request, for traces. */
  readonly span: <T>(name: string, work: () => Promise<T>) => Promise<T>
}

export type Http = {
  start(): Promise<{ readonly url: string }>
  stop(): Promise<void>
}

const csp =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"

export function openHttp(deps: HttpDeps): Http {
  const failed = (request: Request, error: unknown): void =>
    deps.log.error('request failed', { path: request.path.slice(0, 200), error: errorText(error) })
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  app.use((request, response, next) => {
    response.set({
      'content-security-policy': csp,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
    // For routers that answer their faults in words of their own.
    response.locals.failed = (error: unknown) => failed(request, error)
    next()
  })

  app.get(
    ['/-/healthy', '/alertmanager/-/healthy'],
    (_request, response) => void response.type('text').send('Inferward server is healthy.\n'),
  )
  app.get(['/-/ready', '/alertmanager/-/ready'], (_request, response) => {
    const ready = deps.ready()
    response
      .status(ready ? 200 : 503)
      .type('text')
      .send(ready ? 'Inferward server is ready.\n' : 'Inferward server is starting.\n')
  })

  // Linked from messages: whoever reads one on a phone has no token, and the pages hold no secret.
  app.get('/runbooks/:name', (request, response, next) => {
    const { name } = request.params
    if (!/^[A-Za-z0-9_-]{1,100}$/.test(name)) return next()
    const file = path.join(projectRoot, 'alerts', 'runbooks', `${name}.md`)
    response.type('text/plain').sendFile(file, (error) => {
      if (error !== undefined && !response.headersSent) next()
    })
  })

  // Whatever the token: a browser that has it for our pages would send it along for any other.
  app.use((request, response, next) => {
    if (request.method === 'GET' || request.method === 'HEAD' || !crossOrigin(request.headers)) return next()
    fault(response, 403, 'http.other_origin', 'a page of another origin may not do this')
  })

  for (const router of deps.publicRouters ?? []) app.use(router)
  app.use((request, response, next) => {
    deps.authenticate(request).then(
      (principal) => {
        if (principal === null) {
          response.set('www-authenticate', 'Bearer, Basic realm="inferward"')
          return fault(
            response,
            401,
            'auth.token',
            'a valid token is needed',
            'Send `Authorization: Bearer TOKEN`; the admin token lies at DATA/admin.token.',
          )
        }
        response.locals.principal = principal
        next()
      },
      (error: unknown) => next(error),
    )
  })

  app.get('/metrics', (_request, response, next) => {
    deps.metrics().then(({ text, contentType }) => void response.set('content-type', contentType).send(text), next)
  })
  // The commonest mistake with Grafana is to point it at /metrics.
  app.use('/metrics/api', (_request, response) =>
    fault(
      response,
      404,
      'http.metrics_path',
      '/metrics is for scraping',
      'Point Grafana at the server itself, for example http://127.0.0.1:9700.',
    ),
  )

  app.use((request, response, next) => {
    if (/^\/(?:alertmanager\/)?api\//.test(request.path)) {
      const name = `${request.method} ${request.path.replace(/\/[0-9a-f-]{16,}/g, '/:id')}`
      void deps.span(name, () => new Promise<void>((resolve) => response.once('close', resolve)))
    }
    next()
  })
  for (const router of deps.routers) app.use(router)

  const console = path.join(projectRoot, 'dashboards', 'console')
  app.use(express.static(console, { index: 'index.html', cacheControl: false, dotfiles: 'ignore', redirect: false }))
  app.use((request, response) =>
    fault(
      response,
      404,
      'http.not_found',
      `nothing at ${request.method} ${request.path.slice(0, 200)}`,
      'The API is described in docs/api.md.',
    ),
  )

  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error)
    const status = statusOf(error)
    if (status >= 500) failed(request, error)
    const known = isInferwardError(error) ? error : null
    if (known === null && databaseGone(error)) {
      return fault(response, 503, 'database.unreachable', 'the database cannot be reached', databaseHint)
    }
    const message =
      known?.message ?? (status < 500 ? errorText(error) : 'internal error; the server log has the details')
    fault(response, status, known?.code ?? 'http.failed', message, known?.hint)
  })

  const server: Server = createServer(
    { requestTimeout: 60_000, headersTimeout: 15_000, connectionsCheckingInterval: 5000, maxHeaderSize: 32_768 },
    app,
  )
  // A reader that stops reading holds its answer in our memory: not for ever. Longer than any query may take before its first byte.
  server.setTimeout(idleMs)
  const slots = openSlots(deps.maxConnections ?? maxConnections)
  server.on('connection', (socket) => slots.take(socket))
  server.on('request', ({ socket }, response) => {
    slots.answering(socket)
    response.once('close', () => slots.idle(socket))
  })
  server.on('upgrade', (request, socket, head) => {
    // From here on nobody but us listens for its errors: a peer that hangs up now must not end the server.
    socket.on('error', () => socket.destroy())
    slots.release(socket)
    // No URL parser: it throws on paths such as `//`, and nobody would catch that here.
    if (/^\/agent(?:[?#]|$)/.test(request.url ?? '')) return deps.upgrade(request, socket, head)
    lastWords(socket, '404 Not Found')
  })
  server.on('clientError', (_error, socket) => {
    if (socket.writable) lastWords(socket, '400 Bad Request')
    else socket.destroy()
  })

  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', (error) => reject(listenFault(error, deps.listen)))
        server.listen(deps.listen.port, deps.listen.host, () => {
          server.on('error', (error) => deps.log.error('HTTP listener', { error: errorText(error) }))
          const address = server.address()
          const port = typeof address === 'object' && address !== null ? address.port : deps.listen.port
          resolve({ url: listenUrl({ host: deps.listen.host, port }) })
        })
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function fault(response: Response, status: number, code: string, message: string, hint?: string): void {
  response.status(status).json({ error: { code, message, ...(hint === undefined ? {} : { hint }) } })
}

/** By the last word of the code, which says what kind of fault it is. */
const statuses: readonly (readonly [RegExp, number])[] = [
  [/[._]not_found$/, 404],
  [/[._]forbidden$/, 403],
  [/[._]conflict$/, 409],
  [/[._]too_large$/, 413],
  [/[._]limit$/, 429],
  [/[._](?:invalid|malformed|bad_data)$/, 400],
]

function statusOf(error: unknown): number {
  const told = (error as { status?: unknown } | null)?.status
  if (typeof told === 'number' && told >= 400 && told < 600) return told
  if (!isInferwardError(error)) return 500
  const known = statuses.find(([pattern]) => pattern.test(error.code))
  if (known !== undefined) return known[1]
  if (error.exitCode === exitCodes.usage) return 400
  return error.retryable ? 503 : 500
}

const databaseHint =
  'Try again in some seconds. Our own one is started again: see DATA/run/postgres.log; of yours, check DATABASE_URL.'
/** No connection, one that broke, or a database that starts, stops or recovers (class 57P). */
const goneCodes = /^(?:ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|ETIMEDOUT|57P0[123])$/
const goneWords = /^(?:Connection terminated|timeout exceeded when trying to connect)/

/** Only of a failed query: what else may say ECONNREFUSED is not about the database. */
function databaseGone(error: unknown): boolean {
  if (!(error instanceof Error) || !/^Failed query:/.test(error.message)) return false
  const { cause } = error
  return goneCodes.test(systemCode(cause) ?? '') || (cause instanceof Error && goneWords.test(cause.message))
}

function listenFault(error: Error, listen: Listen): InferwardError {
  const at = `${listen.host}:${listen.port}`
  const inUse = systemCode(error) === 'EADDRINUSE'
  return new InferwardError({
    code: inUse ? 'http.port_in_use' : 'http.listen',
    message: inUse ? `${at} is in use by another process` : `cannot listen on ${at}`,
    hint: inUse
      ? `See who it is: ss -ltnp 'sport = :${listen.port}'; or set another server.listen.`
      : 'Check server.listen in the configuration.',
    cause: error,
  })
}
