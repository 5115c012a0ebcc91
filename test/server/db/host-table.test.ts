import { describe, expect, it } from 'vitest'
import { openHostTable } from '../../../server/db/host-table.ts'
import { testDatabase } from '../../helpers/database.ts'

const row = (host: string, lastSeenAt: number) => ({ host, bootId: 'boot', version: '1', startedAt: 1, lastSeenAt })

describe('the hosts that the database remembers', () => {
  it('answers those heard since a moment, with their newest sight', async () => {
    await using database = await testDatabase()
    const table = openHostTable(database.db)
    await table.save([row('a', 100), row('b', 200)], 200)
    await table.save([row('a', 300)], 300)
    expect(await table.heardSince(250)).toEqual(['a'])
    expect([...(await table.heardSince(100))].sort()).toEqual(['a', 'b'])
    const { rows } = await database.pool.query('select host, first_seen_at, last_seen_at from hosts order by host')
    expect(rows).toEqual([
      { host: 'a', first_seen_at: '200', last_seen_at: '300' },
      { host: 'b', first_seen_at: '200', last_seen_at: '200' },
    ])
  })

  it('takes an empty list', async () => {
    await using database = await testDatabase()
    await openHostTable(database.db).save([], 1)
    expect(await openHostTable(database.db).heardSince(0)).toEqual([])
  })
})
