// The history over the real PostgreSQL: each event once, in order, and a change after the fact shows.

import { describe, expect, it } from 'vitest'
import { type Event, eventId } from '../../../core/event/event.ts'
import { openEventStore } from '../../../server/db/event-store.ts'
import { testDatabase } from '../../helpers/database.ts'

let count = 0
const fault = (at: number, engine = 'default'): Event => ({
  id: eventId(at, (bytes) => bytes.fill(++count)),
  at,
  kind: 'fault',
  host: 'h1',
  engine,
  incarnation: 'a',
  cause: 'killed',
  detail: 'killed',
  evidence: [{ source: 'parent', statement: 'ended by SIGKILL' }],
})

describe('event store', () => {
  it('keeps each event once however often it is sent, and tells which were new', async () => {
    await using database = await testDatabase()
    const store = openEventStore(database.db, () => 5000)
    const [a, b, c] = [fault(1000), fault(2000), fault(3000, 'other')]
    expect(await store.append([a, b])).toEqual([a, b])
    expect(await store.append([b, c, c])).toEqual([c])
    expect((await store.read({})).map((row) => row.event)).toEqual([a, b, c])
    expect((await store.read({ engine: 'other' })).map((row) => row.event.id)).toEqual([c.id])
    expect((await store.read({ from: 2000, to: 2000 })).map((row) => row.event.id)).toEqual([b.id])
    expect(await store.verify()).toBeNull()
  })

  it('gives one chain when several writers append at once', async () => {
    await using database = await testDatabase()
    const store = openEventStore(database.db, () => 5000)
    await Promise.all(Array.from({ length: 20 }, (_, n) => store.append([fault(n), fault(n + 100)])))
    expect(await store.read({})).toHaveLength(40)
    expect(await store.verify()).toBeNull()
  })

  it('names the first row that was changed or taken away', async () => {
    await using database = await testDatabase()
    const store = openEventStore(database.db, () => 5000)
    await store.append(Array.from({ length: 5 }, (_, n) => fault(n)))
    await database.pool.query(
      `update events set body = jsonb_set(body, '{detail}', '"nothing happened"') where sequence = 3`,
    )
    expect(await store.verify()).toBe(3)
    await database.pool.query('delete from events where sequence <= 3')
    expect(await store.verify()).toBe(4)
  })
})
