// The embedded PostgreSQL dies under its server: killed once, killed again and again, killed for good.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '../../../core/base/clock.ts'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { openDatabase } from '../../../server/db/database.ts'
import type { EmbeddedPostgres } from '../../../server/db/embedded-postgres.ts'
import { keepPostgres } from '../../../server/db/postgres-keeper.ts'

type Fake = EmbeddedPostgres & { dead: boolean; stopped: number }
function fake(pid: number): Fake {
  const connection = { host: '/nowhere', port: 5432, user: 'inferward', database: 'inferward' }
  return {
    connection,
    pid,
    adopted: false,
    dead: false,
    stopped: 0,
    alive() {
      return !this.dead
    },
    async stop() {
      this.stopped++
      this.dead = true
    },
  }
}

it('one that is gone is started again, and so is the next one', async () => {
  const clock = virtualClock()
  const lives = [fake(1), fake(2), fake(3)]
  let starts = 0
  const keeper = keepPostgres({ first: lives[0]!, start: async () => lives[++starts]!, clock, log: silentLog })
  await clock.advance(60_000)
  expect(starts).toBe(0)
  for (const expected of [1, 2]) {
    lives[expected - 1]!.dead = true
    expect(keeper.alive()).toBe(false)
    await clock.advance(1000)
    expect(starts).toBe(expected)
    expect(keeper.alive()).toBe(true)
  }
  await keeper.stop(true)
  expect(lives.map((life) => life.stopped)).toEqual([0, 0, 1])
})

it('a start that fails is tried again, ever more slowly, until it works', async () => {
  const clock = virtualClock()
  const first = fake(1)
  const times: number[] = []
  let mended = false
  const start = async (): Promise<EmbeddedPostgres> => {
    times.push(clock.monotonic())
    if (!mended) throw new Error('no space left on device')
    return fake(2)
  }
  const keeper = keepPostgres({ first, start, clock, log: silentLog })
  first.dead = true
  await clock.advance(60_000)
  const waits = times.slice(1).map((at, index) => at - times[index]!)
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000, 10_000])
  mended = true
  await clock.advance(10_000)
  expect(keeper.alive()).toBe(true)
  await keeper.stop(false)
})

it('one that was asked to stop starts nothing any more, and waits for a start under way', async () => {
  const clock = virtualClock()
  const first = fake(1)
  const second = fake(2)
  let ready = (): void => {}
  const start = (): Promise<EmbeddedPostgres> => new Promise((resolve) => (ready = () => resolve(second)))
  const keeper = keepPostgres({ first, start, clock, log: silentLog })
  first.dead = true
  await clock.advance(500)
  const stopped = keeper.stop(true)
  ready()
  await stopped
  expect(second.stopped).toBe(1)
  await clock.advance(60_000)
  expect(clock.pending).toBe(0)
})

it('a database whose PostgreSQL was killed answers again, with all it held', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'iw-keeper-'))
  const database = await openDatabase({
    dataDirectory: folder,
    databaseUrl: undefined,
    clock: systemClock,
    log: silentLog,
  })
  try {
    await database.pool.query('create table kept as select 7 as seven')
    process.kill(
      Number(readFileSync(path.join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]),
      'SIGKILL',
    )
    await expect.poll(() => database.alive()).toBe(false)
    await expect.poll(() => database.alive(), { timeout: 25_000, interval: 50 }).toBe(true)
    const seven = () => database.pool.query('select seven from kept').then((found) => found.rows[0]?.seven)
    await expect.poll(() => seven().catch(() => null), { timeout: 10_000, interval: 50 }).toBe(7)
  } finally {
    await database.stop(true)
    rmSync(folder, { recursive: true, force: true })
  }
}, 60_000)
