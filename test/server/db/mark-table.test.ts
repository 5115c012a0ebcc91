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
