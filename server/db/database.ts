// The database: an embedded PostgreSQL by default, `DATABASE_URL` otherwise; migrated on start, refused when it is newer than this program.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { Pool, type PoolConfig } from 'pg'
import type { Clock } from '../../core/base/clock.ts'
import { projectRoot } from '../../core/base/entry.ts'
import { errorText, InferwardError } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import { redact } from '../../core/base/redact.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts'
import { keepPostgres } from './postgres-keeper.ts'

export type Db = NodePgDatabase<Record<string, never>>

export type Database = {
  readonly db: Db
  readonly pool: Pool
  /** False while the embedded one is gone. One of your own is not watched. */
  alive(): boolean
  /** Closes connections; the embedded cluster itself goes on unless `cluster` is true. May be called again. */
  stop(cluster: boolean): Promise<void>
}

/** Identity of the transaction-level lock that keeps two servers from migrating at once. */
const migrationLock = 7_196_001

export async function openDatabase(options: {
  readonly dataDirectory: string
  readonly databaseUrl: string | undefined
  readonly clock: Clock
  readonly log: Log
}): Promise<Database> {
  const { clock, log, dataDirectory } = options
  const start = (existing: boolean): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ dataDirectory, clock, log, existing })
  const embedded = options.databaseUrl === undefined ? await start(false) : null
  const config: PoolConfig = embedded === null ? { connectionString: options.databaseUrl! } : { ...embedded.connection }
  const pool = new Pool({
    ...config,
    // A process that was stopped in the middle of a transaction must not hold its locks for ever.
    idle_in_transaction_session_timeout: 10_000,
    max: 10,
    connectionTimeoutMillis: 5000,
    idleTimeoutMillis: 30_000,
  })
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  let closed: Promise<void> | null = null
  pool.on('error', (error) => {
    // Of a pool that is being closed every connection is lost, and meant to be.
    if (closed === null) log.warn('database connection lost', { error: errorText(error) })
  })
  try {
    await migrateDatabase(pool)
  } catch (error) {
    await pool.end()
    await embedded?.stop()
    if (options.databaseUrl === undefined) throw error
    throw new InferwardError({
      code: 'database.unreachable',
      message: `DATABASE_URL ${redact(options.databaseUrl)} cannot be used: ${errorText(error)}`,
      hint: 'Check host, user, password and that the database exists; unset DATABASE_URL to use the embedded one.',
      cause: error,
    })
  }
  const keeper = embedded === null ? null : keepPostgres({ first: embedded, start: () => start(true), clock, log })
  return {
    db: drizzle(pool),
    pool,
    alive: () => keeper?.alive() ?? true,
    async stop(cluster) {
      closed ??= pool.end()
      await closed
      await keeper?.stop(cluster)
    },
  }
}

export async function migrateDatabase(pool: Pool): Promise<void> {
  const folder = path.join(projectRoot, 'migrations')
  const journal = JSON.parse(readFileSync(path.join(folder, 'meta', '_journal.json'), 'utf8')) as {
    entries: { when: number }[]
  }
  const newest = Math.max(...journal.entries.map((entry) => entry.when))
  const client = await pool.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock])
    const table = await client.query("select to_regclass('drizzle.__drizzle_migrations') as found")
    if (table.rows[0]?.found !== null) {
      const applied = await client.query('select max(created_at)::bigint as newest from drizzle.__drizzle_migrations')
      if (Number(applied.rows[0]?.newest ?? 0) > newest) {
        throw new InferwardError({
          code: 'database.newer_schema',
          message: 'the database was written by a newer version of Inferward',
          hint: 'Install that version or a later one; this one has changed nothing.',
        })
      }
    }
    await migrate(drizzle(client), { migrationsFolder: folder })
  } finally {
    await client.query('select pg_advisory_unlock($1)', [migrationLock]).catch(() => {})
    client.release()
  }
}
