import { expect, it } from 'vitest'
import { openHostTable } from '../../server/db/host-table.ts'
import { openMarkTable } from '../../server/db/mark-table.ts'
import { openResume } from '../../server/resume.ts'
import { testDatabase } from '../helpers/database.ts'

const hostRow = (host: string, lastSeenAt: number) =>
  ({ host, bootId: 'b', version: '1', startedAt: 1, lastSeenAt, contact: 'connected', engines: 1 }) as const

it('of a host that begins anew again and again only its last epoch is kept, and of one that is forgotten nothing', async () => {
  await using database = await testDatabase()
  const open = () =>
    openResume({ hosts: openHostTable(database.db), marks: openMarkTable(database.db), now: () => 1000 })
  const marks = async () =>
    (await database.pool.query(`select name from marks where name like 'taken/%' order by name`)).rows.map(
      (row) => (row as { name: string }).name,
    )
  const epoch = (n: number): string => String(n).padStart(16, '0')
  let resume = await open()
  for (let n = 0; n < 5; n++) {
    await resume.keep(
      [hostRow('h1', 1000), hostRow('h2', 1000)],
      [
        { host: 'h1', epoch: epoch(n), sequence: 1 },
        { host: 'h2', epoch: epoch(0), sequence: 9 },
      ],
      false,
    )
    // Also over a restart in the middle.
    if (n === 2) resume = await open()
  }
  expect(await marks()).toEqual([`taken/${epoch(0)}/h2`, `taken/${epoch(4)}/h1`])
  resume = await open()
  const nobody = { connected: () => ['h2'], behind: () => [] }
  expect(resume.ready(nobody)).toBe(false)
  await resume.forget('h1')
  await resume.forget('nobody')
  expect(await marks()).toEqual([`taken/${epoch(0)}/h2`])
  expect(resume.ready(nobody)).toBe(true)
  expect((await open()).taken.map((one) => one.host)).toEqual(['h2'])
})

it('a new life of the server knows whom it knew, how far it judged and what was sent', async () => {
  await using database = await testDatabase()
  let time = 1_000_000
  const open = () =>
    openResume({ hosts: openHostTable(database.db), marks: openMarkTable(database.db), now: () => time })
  const first = await open()
  expect([first.rulesFrom, first.taken]).toEqual([null, []])
  expect(first.ready({ connected: () => [], behind: () => [] })).toBe(true)
  const host = {
    host: 'rack/1 中',
    bootId: 'b',
    version: '1',
    startedAt: 1,
    lastSeenAt: time,
    contact: 'connected',
    engines: 1,
  } as const
  const position = { host: 'rack/1 中', epoch: '00000000000000ab', sequence: 7 }
  await first.keep([host], [position], true)
  await first.keep([host], [{ ...position, sequence: 9 }], false)

  time += 5000
  const second = await open()
  expect(second.taken).toEqual([{ ...position, sequence: 9 }])
  expect(second.rulesFrom).toBe(1_000_000 - 2000)
  expect(second.ready({ connected: () => [], behind: () => [] })).toBe(false)
  expect(second.ready({ connected: () => ['rack/1 中'], behind: () => [] })).toBe(true)
  time += 15_000
  expect(second.ready({ connected: () => [], behind: () => [] })).toBe(true)
})
