// A migrated database of its own for one test, copied from the template in some tens of milliseconds and dropped afterwards.

import { randomBytes } from 'node:crypto'
import { drizzle } from 'drizzle-orm/node-postgres'
import { Client, Pool } from 'pg'
import type { Db } from '../../server/db/database.ts'

export type TestDatabase = { readonly db: Db; readonly pool: Pool; readonly url: string } & AsyncDisposable

async function admin<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ host: socketFolder(), user: 'inferward', database: 'postgres' })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

function socketFolder(): string {
  const folder = process.env.INFERWARD_TEST_POSTGRES
  if (folder === undefined)
    throw new Error('test/helpers/global-setup.ts did not run: start the tests by vitest.config.ts')
  return folder
}

export async function testDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  // Two copies of one template at the same moment refuse each other.
  await admin(async (client) => {
    await client.query('select pg_advisory_lock(1)')
    await client.query(`create database ${name} template inferward`)
  })
  const pool = new Pool({ host: socketFolder(), user: 'inferward', database: name, max: 5 })
  pool.on('error', () => {}) // dropped under it at the end
  return {
    db: drizzle(pool),
    pool,
    url: `postgres://inferward@localhost/${name}?host=${encodeURIComponent(socketFolder())}`,
    async [Symbol.asyncDispose]() {
      await pool.end()
      await admin((client) => client.query(`drop database if exists ${name} with (force)`))
    },
  }
}
