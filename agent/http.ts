// What the agent shows on its own port: its last round as a metrics page, whether it lives, whether it is ready. Reading only, and never in the way
// of supervision: a port that is taken is a warning, counted and tried again, not an end.

import { createServer, type Server } from 'node:http'
import { misled } from '../core/base/caller.ts'
import type { Clock } from '../core/base/clock.ts'
import { errorText } from '../core/base/errors.ts'
import type { Log } from '../core/base/log.ts'
import { type Listen, listenUrl } from '../core/base/schema.ts'
import { openSlots } from '../core/base/slots.ts'
import { exposition, expositionType } from '../core/sample/exposition.ts'
import type { SeriesSamples } from '../core/sample/sample.ts'

/** Its holder may be an earlier agent that is still ending. */
const retryMs = 10_000
/** Of a connection on which nothing moves. */
const idleMs = 15_000
const maxConnections = 64

export type AgentHttp = {
  /** The address, or null when nothing listens. */
  start(): Promise<string | null>
  stop(): Promise<void>
  stats(): AgentHttpStats
}

export type AgentHttpStats = {
  /** Attempts to listen that failed. */
  readonly listenFailures: number
  /** Connections and requests turned away, by reason. */
  readonly refused: Readonly<Record<AgentHttpRefusal, number>>
}
export const agentHttpRefusals = ['no_room', 'other_name', 'other_origin'] as const
export type AgentHttpRefusal = (typeof agentHttpRefusals)[number]

export function openAgentHttp(deps: {
  readonly clock: Clock
  readonly log: Log
  /** Null: no port. */
  readonly listen: Listen | null
  /** Names it may be called by, besides addresses and localhost. */
  readonly names: readonly string[]
  readonly latest: () => readonly SeriesSamples[]
  /** True once a first round was made. */
  readonly ready: () => boolean
}): AgentHttp {
  const { clock, listen, log } = deps
  const pages: Readonly<Record<string, () => Page>> = {
    '/metrics': () => ({ status: 200, type: expositionType, body: exposition(deps.latest()) }),
    '/-/healthy': () => ({ status: 200, type: 'text/plain', body: 'Inferward agent is healthy.\n' }),
    '/-/ready': () =>
      deps.ready()
        ? { status: 200, type: 'text/plain', body: 'Inferward agent is ready.\n' }
        : { status: 503, type: 'text/plain', body: 'Inferward agent is starting.\n' },
  }
  let server: Server | null = null
  let retry: Disposable | null = null
  let stopped = false
  let listenFailures = 0
  let lastWords = ''
  const slots = openSlots(maxConnections)
  const misledCount = { other_name: 0, other_origin: 0 }

  const answer = (path: string): Page => {
    try {
      return (Object.hasOwn(pages, path) ? pages[path]! : notFound)()
    } catch (error) {
      log.error('the agent could not show a page', { path, error: errorText(error) })
      return { status: 500, type: 'text/plain', body: 'This page could not be made; see the log of the agent.\n' }
    }
  }

  const open = (at: Listen): Promise<string | null> =>
    new Promise((resolve) => {
      const made = createServer(
        { requestTimeout: 10_000, headersTimeout: 5000, connectionsCheckingInterval: 2000, maxHeaderSize: 8192 },
        (request, response) => {
          const { socket } = request
          slots.answering(socket)
          response.once('close', () => slots.idle(socket))
          const why = misled(request, deps.names)
          if (why !== null) {
            misledCount[why]++
            response.writeHead(why === 'other_name' ? 421 : 403, { 'content-type': 'text/plain', connection: 'close' })
            return response.end(misledWords)
          }
          if (request.method !== 'GET' && request.method !== 'HEAD') {
            response.writeHead(405, { allow: 'GET, HEAD', 'content-length': '0', connection: 'close' })
            return response.end()
          }
          const path = (request.url ?? '').split('?', 1)[0]!
          const page = answer(path)
          response.writeHead(page.status, { 'content-type': page.type, 'x-content-type-options': 'nosniff' })
          response.end(request.method === 'HEAD' ? undefined : page.body)
        },
      )
      made.on('connection', (socket) => slots.take(socket))
      made.setTimeout(idleMs)
      made.once('error', (error) => {
        listenFailures++
        const words = errorText(error)
        const fields = { url: listenUrl(at), error: words, key: 'agent.listen', again_in_ms: retryMs }
        if (words !== lastWords) log.warn('the agent shows nothing on its port', fields)
        lastWords = words
        if (!stopped) retry = clock.timer(retryMs, () => void open(at))
        resolve(null)
      })
      made.listen(at.port, at.host, () => {
        made.removeAllListeners('error')
        made.on('error', (error) => log.warn('HTTP listener', { error: errorText(error) }))
        if (stopped) made.close()
        else server = made
        const address = made.address()
        const port = typeof address === 'object' && address !== null ? address.port : at.port
        const url = listenUrl({ host: at.host, port })
        if (lastWords !== '') log.info('the agent has its port', { url })
        lastWords = ''
        resolve(url)
      })
    })

  return {
    start: async () => (listen === null ? null : open(listen)),
    stop: () =>
      new Promise((resolve) => {
        stopped = true
        retry?.[Symbol.dispose]()
        if (server === null) return resolve()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
    stats: () => ({ listenFailures, refused: { no_room: slots.evicted, ...misledCount } }),
  }
}

type Page = { readonly status: number; readonly type: string; readonly body: string }

const misledWords =
  'Not a name of this agent, or a page of another origin. Call it by its address, or add the name to agent.allowed_hosts.\n'

const notFound = (): Page => ({
  status: 404,
  type: 'text/plain',
  body: 'Nothing here. The agent shows /metrics, /-/healthy and /-/ready.\n',
})
