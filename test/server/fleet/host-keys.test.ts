// Whose name a host name is: the same suite for the table in memory and the one in PostgreSQL, then the bounds and the unlikely orders.

import { describe, expect, it } from 'vitest'
import { openHostKeyTable } from '../../../server/db/host-key-table.ts'
import type { HostKeyRow, HostKeyTable } from '../../../server/fleet/host-key-table-port.ts'
import { openHostKeys } from '../../../server/fleet/host-keys.ts'
import { testDatabase } from '../../helpers/database.ts'

const key = (letter: string): string => letter.repeat(43)

function memoryTable(): HostKeyTable {
  const rows = new Map<string, HostKeyRow>()
  return {
    all: async () => [...rows.values()],
    bind: async (row) => {
      if (!rows.has(row.host)) rows.set(row.host, row)
      return rows.get(row.host)!
    },
    forget: async (host) => rows.delete(host),
  }
}
const open = (table: HostKeyTable, maxHosts = 10) => openHostKeys({ table, maxHosts, now: () => 1000 })

describe.each([
  {
    kind: 'memory',
    make: async (): Promise<{ table: HostKeyTable } & AsyncDisposable> => ({
      table: memoryTable(),
      [Symbol.asyncDispose]: async () => {},
    }),
  },
  {
    kind: 'PostgreSQL',
    make: async (): Promise<{ table: HostKeyTable } & AsyncDisposable> => {
      const database = await testDatabase()
      return {
        table: openHostKeyTable(database.db),
        [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
      }
    },
  },
])('a host name, kept in $kind,', ({ make }) => {
  it('belongs to the first key that comes under it, also for a server that starts anew', async () => {
    await using place = await make()
    const keys = await open(place.table)
    expect(await keys.admit('h1', key('a'))).toBe('bound')
    expect(await keys.admit('h1', key('a'))).toBe('known')
    expect(await keys.admit('h1', key('b'))).toBe('other_key')
    const anew = await open(place.table)
    expect(await anew.admit('h1', key('b'))).toBe('other_key')
    expect(await anew.admit('h1', key('a'))).toBe('known')
    expect(JSON.stringify(await place.table.all())).not.toContain(key('a'))
  })

  it('goes to one of two that come at once, and to the same one for ever', async () => {
    await using place = await make()
    const keys = await open(place.table)
    const answers = await Promise.all([keys.admit('h1', key('a')), keys.admit('h1', key('b'))])
    expect(answers.filter((one) => one === 'bound')).toHaveLength(1)
    expect(answers.filter((one) => one === 'other_key')).toHaveLength(1)
    const winner = answers[0] === 'bound' ? 'a' : 'b'
    expect(await (await open(place.table)).admit('h1', key(winner))).toBe('known')
  })

  it('is free again once a person had the host forgotten', async () => {
    await using place = await make()
    const keys = await open(place.table)
    await keys.admit('h1', key('a'))
    expect(await keys.forget('h1')).toBe(true)
    expect(await keys.forget('h1')).toBe(false)
    expect(await keys.admit('h1', key('b'))).toBe('bound')
    expect(await keys.admit('h1', key('a'))).toBe('other_key')
  })
})

describe('the door', () => {
  it.each([
    ['no key', null],
    ['an empty one', ''],
    ['one that is too short', key('a').slice(1)],
    ['one that is too long', `${key('a')}a`],
    ['one with a blank', `${key('a').slice(1)} `],
  ])('is closed to %s, and binds nothing', async (_name, shown) => {
    const keys = await open(memoryTable())
    expect(await keys.admit('h1', shown)).toBe('no_key')
    expect(keys.size).toBe(0)
  })

  it('gives out so many names and no more, however many come at once; those that are known still come in', async () => {
    const keys = await open(memoryTable(), 3)
    const names = Array.from({ length: 20 }, (_, n) => `h${n}`)
    const answers = await Promise.all(names.map((name) => keys.admit(name, key('a'))))
    expect(answers.filter((one) => one === 'bound')).toHaveLength(3)
    expect(answers.filter((one) => one === 'hosts_full')).toHaveLength(17)
    expect(await keys.admit('h0', key('a'))).toBe('known')
    await keys.forget('h0')
    expect(await keys.admit('h19', key('a'))).toBe('bound')
  })

  it('binds nothing that the table did not take, and is not narrower for it afterwards', async () => {
    const table = memoryTable()
    let broken = true
    const keys = await open(
      { ...table, bind: (row, now) => (broken ? Promise.reject(new Error('database gone')) : table.bind(row, now)) },
      1,
    )
    for (let n = 0; n < 3; n++) await expect(keys.admit(`h${n}`, key('a'))).rejects.toThrow('database gone')
    broken = false
    expect(await keys.admit('h9', key('a'))).toBe('bound')
  })
})
