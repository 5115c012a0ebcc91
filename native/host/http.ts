// The engine's HTTP surface over node:http, since this is the hot path. Routes, limits and faults; what happens inside a request is
// generate.ts. It listens before the model is loaded: then everything but `/health` and `/metrics` answers 503.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { InferwardError, systemCode } from '../../core/base/errors.ts'
import type { Listen } from '../../core/base/schema.ts'
import { type Fault, sendFault, sendJson } from './replies.ts'

const maxBodyBytes = 1 << 20
/** Status of a request whose client left before it was read. It is counted, never sent. */
export const clientGone = 499

export type HostState = 'loading' | 'serving' | 'draining'

export type HostHttpDeps = {
  readonly listen: Listen
  readonly state: () => HostState
  readonly health: () => object
  readonly models: () => object
  readonly metrics: () => Promise<{ readonly text: string; readonly contentType: string }>
  /** Handlers of POST bodies by path. They answer or throw a Fault. */
  readonly posts: Readonly<Record<string, (body: unknown, request: IncomingMessage, response: ServerResponse) => void>>
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
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '/').split('?', 1)[0]!
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
    post(await readJson(request), request, response)
  }

  const server: Server = createServer(
    { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 60_000, maxHeaderSize: 16_384 },
    (request, response) => {
      handle(request, response).catch((error: unknown) => {
        const fault: Fault =
          error instanceof HttpFault
            ? error.fault
            : { status: 500, type: 'server_error', code: 'internal', message: 'internal error', param: null }
        deps.onFault(fault.status)
        if (fault.status === 413) response.setHeader('connection', 'close')
        sendFault(response, fault)
      })
    },
  )
  server.maxConnections = 4096
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
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

/** The body as JSON, read up to the limit; the rest of a larger one is never taken in. */
function readJson(request: IncomingMessage): Promise<unknown> {
  const tooLarge = () =>
    badRequest('body_too_large', `the body is larger than ${maxBodyBytes} bytes; shorten the prompt`, null, 413)
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return reject(tooLarge())
    const parts: Buffer[] = []
    let bytes = 0
    request.on('data', (part: Buffer) => {
      bytes += part.length
      if (bytes > maxBodyBytes) {
        request.pause()
        reject(tooLarge())
      } else parts.push(part)
    })
    // The client is gone, which is its own doing: no fault of the engine, and nobody reads the answer.
    request.once('error', () =>
      reject(badRequest('client_gone', 'the connection ended before the body did', null, clientGone)),
    )
    request.once('end', () => {
      try {
        resolve(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))))
      } catch {
        reject(badRequest('invalid_json', 'the body is not JSON in UTF-8'))
      }
    })
  })
}
