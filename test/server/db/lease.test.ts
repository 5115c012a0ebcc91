// One acting server on a database: who gets the lease, when it changes hands, and what the one before can still do.

import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type VirtualClock, virtualClock } from '../../../core/base/virtual-clock.ts'
import { fenced, type Lease, openLease } from '../../../server/db/lease.ts'
import { openMarkTable } from '../../../server/db/mark-table.ts'
import { leadership } from '../../../server/db/schema/leadership.ts'
import { type TestDatabase, testDatabase } from '../../helpers/database.ts'

describe('the lease', () => {
  let database: TestDatabase
  let clock: VirtualClock
  beforeAll(async () => {
    database = await testDatabase()
  })
  afterAll(() => database[Symbol.asyncDispose]())
  beforeEach(async () => {
    clock = virtualClock()
    await database.db.delete(leadership)
  })
  const lease = (holder: string): Lease => openLease(database.db, { name: 'acting', holder, ttlMs: 60_000, clock })
  /** As if so much time had passed in the database. */
  const pass = (ms: number) =>
    database.db.update(leadership).set({ expiresAt: sql`${leadership.expiresAt} - ${ms}::bigint` })

  it('is given to the first who asks, and to nobody else while it is renewed', async () => {
    const [a, b] = [lease('a'), lease('b')]
    expect(a.holds()).toBe(false)
    expect(await a.acquire()).toBe(true)
    expect(a.holds()).toBe(true)
    expect(await b.acquire()).toBe(false)
    expect(b.holds()).toBe(false)
    await pass(50_000)
    expect(await a.renew()).toBe('held')
    await pass(50_000)
    expect(await b.acquire()).toBe(false)
  })

  it('is given to one of many who ask at once', async () => {
    const many = Array.from({ length: 5 }, (_, index) => lease(`s${index}`))
    const got = await Promise.all(many.map((one) => one.acquire()))
    expect(got.filter(Boolean)).toHaveLength(1)
  })

  it('goes to another when it has expired, and the one before learns it', async () => {
    const [a, b] = [lease('a'), lease('b')]
    await a.acquire()
    await pass(60_001)
    expect(await b.acquire()).toBe(true)
    expect(await a.renew()).toBe('lost')
    expect(a.holds()).toBe(false)
    expect(await b.renew()).toBe('held')
  })

  it('stays with its holder past the end as long as nobody else took it', async () => {
    const a = lease('a')
    await a.acquire()
    await pass(600_000)
    await clock.advance(600_000)
    expect(a.holds()).toBe(false)
    expect(await a.renew()).toBe('held')
    expect(a.holds()).toBe(true)
  })

  it('is no longer sure of itself once its time has passed without an answer', async () => {
    const a = lease('a')
    await a.acquire()
    await clock.advance(59_999)
    expect(a.holds()).toBe(true)
    await clock.advance(1)
    expect(a.holds()).toBe(false)
  })

  it('goes at once to the next life of the same server, and the life before has lost it', async () => {
    const before = lease('a')
    await before.acquire()
    const after = lease('a')
    expect(await after.acquire()).toBe(true)
    expect(await before.renew()).toBe('lost')
  })

  it('goes at once to another when it is released', async () => {
    const [a, b] = [lease('a'), lease('b')]
    await a.acquire()
    await a.release()
    expect(a.holds()).toBe(false)
    expect(await b.acquire()).toBe(true)
    // What comes late takes nothing away.
    await a.release()
    expect(await b.renew()).toBe('held')
  })

  it('lets transactions of its holder through, and refuses those of one who was replaced', async () => {
    const [a, b] = [lease('a'), lease('b')]
    await a.acquire()
    const old = openMarkTable(fenced(database.db, a))
    await fenced(database.db, a).transaction((tx) => tx.execute(sql`select 1`))
    await pass(60_001)
    await b.acquire()
    let ran = false
    const late = fenced(database.db, a).transaction(async () => {
      ran = true
    })
    await expect(late).rejects.toMatchObject({ code: 'lease.lost', retryable: true })
    expect(ran).toBe(false)
    await expect(old.read('rules')).resolves.toBeNull()
  })

  it('does not change hands while a transaction of its holder is under way', async () => {
    const [a, b] = [lease('a'), lease('b')]
    await a.acquire()
    const order: string[] = []
    let go = (): void => {}
    const held = new Promise<void>((resolve) => {
      go = resolve
    })
    let begun = (): void => {}
    const under = new Promise<void>((resolve) => {
      begun = resolve
    })
    const work = fenced(database.db, a)
      .transaction(async () => {
        begun()
        await held
      })
      .then(() => order.push('committed'))
    await under
    const taken = pass(0).then(() => order.push('row free'))
    const waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    while ((await database.pool.query(waiting)).rows.length === 0) expect(order).toEqual([])
    go()
    await Promise.all([work, taken])
    expect(order).toEqual(['committed', 'row free'])
    expect(await b.acquire()).toBe(false)
  })
})
