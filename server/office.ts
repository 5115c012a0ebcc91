// Of several servers on one database one acts: it takes samples and agents, judges and tells. The others stand by: they answer that they live and
// that they are not ready, and wait for their turn (docs/decisions/0007-one-server-acts.md). Alone on its database a server never waits.

import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import * as path from 'node:path'
import type { Clock } from '../core/base/clock.ts'
import { errorText } from '../core/base/errors.ts'
import type { Log } from '../core/base/log.ts'
import type { Listen } from '../core/base/schema.ts'
import type { Database } from './db/database.ts'
import { fenced, type Lease, openLease } from './db/lease.ts'
import type { Channel } from './dispatch/channel.ts'

export type Office = {
  /** All of whose transactions are refused once another server acts. Stopping it gives the office up first. */
  readonly database: Database
  /** Asks the database when the last answer is too old to be sure. */
  readonly mayAct: () => Promise<boolean>
}

/** Resolves when this server is the one that acts; with null when it is stopped before. */
export async function takeOffice(options: {
  readonly database: Database
  readonly data: string
  readonly config: { readonly listen: Listen; readonly failover_after: number }
  readonly clock: Clock
  readonly log: Log
  readonly stopping: AbortSignal
  readonly onLost: () => void
}): Promise<Office | null> {
  const { database, clock, log, config, stopping } = options
  const ttlMs = config.failover_after
  const lease = openLease(database.db, { name: 'acting', holder: serverId(options.data), ttlMs, clock })
  const everyMs = Math.ceil(ttlMs / 3)
  if (!(await standBy({ lease, clock, log, listen: config.listen, everyMs, stopping }))) return null

  const over = new AbortController()
  const keep = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await clock.sleep(everyMs, over.signal)
      if (over.signal.aborted) return
      try {
        if ((await lease.renew()) === 'lost' && !over.signal.aborted) return options.onLost()
      } catch (error) {
        log.warn('the database was not told that this server acts', { error: errorText(error) })
      }
    }
  }
  const kept = keep()
  return {
    database: {
      ...database,
      db: fenced(database.db, lease),
      alive: () => database.alive() && lease.holds(),
      async stop(cluster) {
        over.abort()
        await kept
        await lease.release().catch((error: unknown) => log.warn('office not given up', { error: errorText(error) }))
        await database.stop(cluster)
      },
    },
    mayAct: async () => lease.holds() || (await lease.renew().catch(() => 'lost')) === 'held',
  }
}

/** False: stopped while it stood by. */
async function standBy(deps: {
  readonly lease: Lease
  readonly clock: Clock
  readonly log: Log
  readonly listen: Listen
  readonly everyMs: number
  readonly stopping: AbortSignal
}): Promise<boolean> {
  const { lease, clock, log, stopping } = deps
  if (await lease.acquire()) return true
  log.info('another server acts on this database; this one stands by')
  const door = await openDoor(deps.listen)
  try {
    for (;;) {
      await clock.sleep(deps.everyMs, stopping)
      if (stopping.aborted) return false
      try {
        if (!(await lease.acquire())) continue
        log.info('this server acts now')
        return true
      } catch (error) {
        log.warn('the database cannot be asked who acts', { error: errorText(error) })
      }
    }
  } finally {
    door.closeAllConnections()
    await new Promise<void>((resolve) => door.close(() => resolve()))
  }
}

const standby = JSON.stringify({
  error: {
    code: 'server.standby',
    message: 'another server acts; this one stands by',
    hint: 'Ask the one that is ready: GET /-/ready.',
  },
})

/** Lives, and is not ready. */
function openDoor({ host, port }: Listen): Promise<Server> {
  const server = createServer((request, reply) => {
    const alive = request.url === '/-/healthy'
    const headers = alive
      ? { 'content-type': 'text/plain' }
      : { 'content-type': 'application/json', 'retry-after': '5' }
    reply.writeHead(alive ? 200 : 503, { ...headers, connection: 'close' })
    reply.end(alive ? 'Inferward server is healthy.\n' : standby)
    // Of a body that nobody reads nothing is waited for.
    request.resume()
  })
  server.headersTimeout = 10_000
  server.requestTimeout = 30_000
  server.maxConnections = 200
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })
}

/** The same over all lives of this data folder, which only one process can use. */
function serverId(data: string): string {
  const file = path.join(data, 'server.id')
  try {
    const text = readFileSync(file, 'utf8').trim()
    if (/^[0-9a-f]{32}$/.test(text)) return text
  } catch {
    // The first life.
  }
  const made = randomBytes(16).toString('hex')
  writeFileSync(file, `${made}\n`, { mode: 0o600 })
  return made
}

/** A channel that sends only while this server acts: what it took before it was replaced is sent by the other. */
export function onlyActing(channel: Channel, mayAct: () => Promise<boolean>): Channel {
  return {
    ...channel,
    async send(notification, signal) {
      if (await mayAct()) return channel.send(notification, signal)
      return { ok: false, code: 'unreachable', reply: 'another server acts now', retryable: true, retryAfterMs: null }
    },
  }
}
