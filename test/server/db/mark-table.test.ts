import { expect, it } from 'vitest'
import { openMarkTable } from '../../../server/db/mark-table.ts'
import { testDatabase } from '../../helpers/database.ts'

it('a mark is kept under its name and only moves forward', async () => {
  await using database = await testDatabase()
  const marks = openMarkTable(database.db)
  expect(await marks.read('rules')).toBeNull()
  await marks.advance('rules', 200)
  await marks.advance('rules', 100)
  await marks.advance('other', 7)
  expect(await marks.read('rules')).toBe(200)
  await marks.advance('rules', 300)
  expect(await marks.read('rules')).toBe(300)
})

it('marks are listed by the beginning of their names, whatever else those hold', async () => {
  await using database = await testDatabase()
  const marks = openMarkTable(database.db)
  await marks.advanceAll([
    { name: 'taken/a%/x', at: 1 },
    { name: 'taken/b_', at: 2 },
    { name: 'other', at: 3 },
  ])
  await marks.advanceAll([])
  await marks.advanceAll([{ name: 'taken/b_', at: 5 }])
  expect([...(await marks.list('taken/'))].sort((a, b) => a.at - b.at)).toEqual([
    { name: 'taken/a%/x', at: 1 },
    { name: 'taken/b_', at: 5 },
  ])
  expect(await marks.list('taken/a%')).toHaveLength(1)
})
