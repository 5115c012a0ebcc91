// The engine's HTTP surface over node:http, since this is the hot path. Routes, limits and faults; what happens inside a request is
// generate.ts. It listens before the model is loaded: then everything but `/health` and `/metrics` answers 503.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { misled } from '../../core/base/caller.ts'
import { InferwardError, systemCode } from '../../core/base/errors.ts'
import { lastWords } from '../../core/base/last-words.ts'
import type { Listen } from '../../core/base/schema.ts'
import { openSharedBytes, type SharedBytes } from '../../core/base/shared-bytes.ts'
import { openSlots } from '../../core/base/slots.ts'
import type { HostRefusal } from './metrics.ts'
import { type Fault, sendFault, sendJson } from './replies.ts'

const maxBodyBytes = 1 << 20
/** Of all bodies that are not whole yet, together. */
const maxUnfinishedBytes = 64 << 20
const maxConnections = 4096
/** Status of a request whose client left before it was read. It is counted, never sent. */
export const clientGone = 499

export type HostState = 'loading' | 'serving' | 'draining'

export type HostHttpDeps = {
  readonly listen: Listen
  /** Names it may be called by, besides addresses and localhost. */
  readonly names: readonly string[]
  readonly state: () => HostState
  readonly health: () => object
  readonly models: () => object
  readonly metrics: () => Promise<{ readonly text: string; readonly contentType: string }>
  /** Handlers of POST bodies by path. They answer or throw a Fault. */
  readonly posts: Readonly<Record<string, (body: unknown, request: IncomingMessage, response: ServerResponse) => void>>
  readonly onRefused: (reason: HostRefusal) => void
  /** A request ended in a fault of this status before it became a generation. */
  readonly onFault: (status: number) => void
}

export class HttpFault extends Error {
  readonly fault: Fault
  constructor(fault: Fault) {
    super(fault.message)
    this.fault = fault
  }
}

export function badRequest(code: string, message: string, param: string | null = null, status = 400): HttpFault {
  return new HttpFault({
    status,
    type: status === 404 ? 'not_found_error' : 'invalid_request_error',
    code,
    message,
    param,
  })
}

export type HostHttp = { start(): Promise<number>; stop(): Promise<void> }

export function openHostHttp(deps: HostHttpDeps): HostHttp {
  const slots = openSlots(maxConnections)
  const bodies = openSharedBytes(maxUnfinishedBytes)

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '/').split('?', 1)[0]!
    const why = misled(request, deps.names)
    if (why !== null) {
      deps.onRefused(why)
      response.setHeader('connection', 'close')
      throw why === 'other_name' ? otherName : otherOrigin
    }
    if (request.method === 'GET' || request.method === 'HEAD') {
      if (path === '/health') return sendJson(response, deps.state() === 'serving' ? 200 : 503, deps.health())
      if (path === '/metrics') {
        const { text, contentType } = await deps.metrics()
        response.writeHead(200, { 'content-type': contentType }).end(text)
        return
      }
      if (path === '/v1/models') return sendJson(response, 200, deps.models())
    }
    const post = deps.posts[path]
    if (post === undefined)
      throw badRequest('not_found', `nothing at ${request.method} ${path.slice(0, 100)}`, null, 404)
    if (request.method !== 'POST') throw badRequest('method_not_allowed', `${path} takes POST`, null, 405)
    if (deps.state() !== 'serving') {
      const words = deps.state() === 'loading' ? 'the model is still loading' : 'the engine is stopping'
      throw new HttpFault({
        status: 503,
        type: 'server_error',
        code: deps.state(),
        message: words,
        param: null,
        retryAfterSeconds: 1,
      })
    }
    slots.sending(request.socket)
    const body = await readJson(request, bodies, () => deps.onRefused('body_bytes'))
    slots.answering(request.socket)
    post(body, request, response)
  }

  const server: Server = createServer(
    {
      requestTimeout: 30_000,
      headersTimeout: 10_000,
      connectionsCheckingInterval: 5000,
      keepAliveTimeout: 60_000,
      maxHeaderSize: 16_384,
    },
    (request, response) => {
      const { socket } = request
      slots.answering(socket)
      response.once('close', () => slots.idle(socket))
      handle(request, response).catch((error: unknown) => {
        const fault: Fault =
          error instanceof HttpFault
            ? error.fault
            : { status: 500, type: 'server_error', code: 'internal', message: 'internal error', param: null }
        deps.onFault(fault.status)
        if (fault.status === 413 || fault.code === droppedCode) response.setHeader('connection', 'close')
        sendFault(response, fault)
      })
    },
  )
  server.on('connection', (socket) => {
    const before = slots.evicted
    slots.take(socket)
    if (slots.evicted > before) deps.onRefused('no_room')
  })
  server.on('clientError', (_error, socket) => {
    if (socket.writable) lastWords(socket, '400 Bad Request')
    else socket.destroy()
  })

  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', (error) => {
          const at = `${deps.listen.host}:${deps.listen.port}`
          const inUse = systemCode(error) === 'EADDRINUSE'
          reject(
            new InferwardError({
              code: inUse ? 'host.port_in_use' : 'host.listen',
              message: inUse ? `${at} is in use by another process` : `cannot listen on ${at}`,
              hint: `See who it is: ss -ltnp 'sport = :${deps.listen.port}'; or set another engines.listen.`,
              cause: error,
            }),
          )
        })
        server.listen(deps.listen.port, deps.listen.host, () => {
          const address = server.address()
          resolve(typeof address === 'object' && address !== null ? address.port : deps.listen.port)
        })
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), 1000).unref()
      }),
  }
}

const droppedCode = 'body_dropped'
const dropped = (): HttpFault =>
  new HttpFault({
    status: 503,
    type: 'server_error',
    code: droppedCode,
    message: 'too many unfinished bodies; send it again, in one go',
    param: null,
    retryAfterSeconds: 1,
  })
const otherName = badRequest(
  'other_name',
  'this engine does not go by that name; call it by its address, or add the name to engines[].allowed_hosts',
  null,
  421,
)
const otherOrigin = badRequest('other_origin', 'a page of another origin may not ask this engine', null, 403)

/** The body as JSON, read up to the limit; the rest of a larger one is never taken in. */
function readJson(request: IncomingMessage, bodies: SharedBytes, onDropped: () => void): Promise<unknown> {
  const tooLarge = () =>
    badRequest('body_too_large', `the body is larger than ${maxBodyBytes} bytes; shorten the prompt`, null, 413)
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return reject(tooLarge())
    let parts: Buffer[] = []
    let bytes = 0
    let over = false
    const give = (fault: HttpFault): void => {
      over = true
      parts = []
      request.pause()
      reject(fault)
    }
    const holding = bodies.begin(() => {
      onDropped()
      give(dropped())
    })
    request.once('close', () => holding.end())
    request.on('data', (part: Buffer) => {
      if (over) return
      bytes += part.length
      if (bytes > maxBodyBytes) {
        holding.end()
        return give(tooLarge())
      }
      parts.push(part)
      holding.add(part.length)
    })
    // The client is gone, which is its own doing: no fault of the engine, and nobody reads the answer.
    request.once('error', () =>
      reject(badRequest('client_gone', 'the connection ended before the body did', null, clientGone)),
    )
    request.once('end', () => {
      holding.end()
      if (over) return
      try {
        resolve(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))))
      } catch {
        reject(badRequest('invalid_json', 'the body is not JSON in UTF-8'))
      }
    })
  })
}
