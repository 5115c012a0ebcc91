import { expect, it } from 'vitest'
import { openHostTable } from '../../server/db/host-table.ts'
import { openMarkTable } from '../../server/db/mark-table.ts'
import { openResume } from '../../server/resume.ts'
import { testDatabase } from '../helpers/database.ts'

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
