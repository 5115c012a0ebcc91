// One PostgreSQL for a whole test run: started before the first file, migrated once into a template, stopped after the last.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { Pool } from 'pg'
import { systemClock } from '../../core/base/clock.ts'
import { silentLog } from '../../core/base/log.ts'
import { migrateDatabase } from '../../server/db/database.ts'
import { startEmbeddedPostgres } from '../../server/db/embedded-postgres.ts'

export default async function setup(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'iw-pg-'))
  const postgres = await startEmbeddedPostgres({ dataDirectory: folder, clock: systemClock, log: silentLog })
  const pool = new Pool({ ...postgres.connection, max: 1 })
  await migrateDatabase(pool)
  await pool.end()
  process.env.INFERWARD_TEST_POSTGRES = postgres.connection.host
  return async () => {
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
