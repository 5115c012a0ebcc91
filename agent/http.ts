// What the agent shows on its own port: its last round as a metrics page, whether it lives, whether it is ready. Reading only, and never in the way
// of supervision: a port that is taken is a warning, not an end.

import { createServer, type Server } from 'node:http'
import { errorText } from '../core/base/errors.ts'
import type { Log } from '../core/base/log.ts'
import { type Listen, listenUrl } from '../core/base/schema.ts'
import { exposition, expositionType } from '../core/sample/exposition.ts'
import type { SeriesSamples } from '../core/sample/sample.ts'

export type AgentHttp = {
  /** The address, or null when nothing listens. */
  start(): Promise<string | null>
  stop(): Promise<void>
}

export function openAgentHttp(deps: {
  readonly log: Log
  /** Null: no port. */
  readonly listen: Listen | null
  readonly latest: () => readonly SeriesSamples[]
  /** True once a first round was made. */
  readonly ready: () => boolean
}): AgentHttp {
  const { listen, log } = deps
  const pages: Readonly<Record<string, () => { status: number; type: string; body: string }>> = {
    '/metrics': () => ({ status: 200, type: expositionType, body: exposition(deps.latest()) }),
    '/-/healthy': () => ({ status: 200, type: 'text/plain', body: 'Inferward agent is healthy.\n' }),
    '/-/ready': () =>
      deps.ready()
        ? { status: 200, type: 'text/plain', body: 'Inferward agent is ready.\n' }
        : { status: 503, type: 'text/plain', body: 'Inferward agent is starting.\n' },
  }
  let server: Server | null = null

  const open = (at: Listen): Promise<string | null> =>
    new Promise((resolve) => {
      const made = createServer(
        { requestTimeout: 10_000, headersTimeout: 5000, maxHeaderSize: 8192 },
        (request, response) => {
          if (request.method !== 'GET' && request.method !== 'HEAD') {
            response.writeHead(405, { allow: 'GET, HEAD', 'content-length': '0', connection: 'close' })
            return response.end()
          }
          const path = (request.url ?? '').split('?', 1)[0]!
          const page = (Object.hasOwn(pages, path) ? pages[path]! : notFound)()
          response.writeHead(page.status, { 'content-type': page.type, 'x-content-type-options': 'nosniff' })
          response.end(request.method === 'HEAD' ? undefined : page.body)
        },
      )
      made.maxConnections = 64
      made.once('error', (error) => {
        log.warn('the agent shows nothing on its port', { url: listenUrl(at), error: errorText(error) })
        resolve(null)
      })
      made.listen(at.port, at.host, () => {
        made.removeAllListeners('error')
        made.on('error', (error) => log.warn('HTTP listener', { error: errorText(error) }))
        server = made
        const address = made.address()
        const port = typeof address === 'object' && address !== null ? address.port : at.port
        resolve(listenUrl({ host: at.host, port }))
      })
    })

  return {
    start: async () => (listen === null ? null : open(listen)),
    stop: () =>
      new Promise((resolve) => {
        if (server === null) return resolve()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const notFound = () => ({
  status: 404,
  type: 'text/plain',
  body: 'Nothing here. The agent shows /metrics, /-/healthy and /-/ready.\n',
})
