// Named moments over PostgreSQL. A mark only moves forward.

import { eq, inArray, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { marks } from './schema/mark.ts'

export type MarkTable = {
  /** Null: never set. */
  read(name: string): Promise<number | null>
  advance(name: string, at: number): Promise<void>
  /** All whose name begins so. */
  list(prefix: string): Promise<readonly Mark[]>
  advanceAll(marks: readonly Mark[]): Promise<void>
  remove(names: readonly string[]): Promise<void>
}
export type Mark = { readonly name: string; readonly at: number }

export function openMarkTable(db: Db): MarkTable {
  const advanceAll = async (rows: readonly Mark[]): Promise<void> => {
    if (rows.length === 0) return
    await db
      .insert(marks)
      .values([...rows])
      .onConflictDoUpdate({ target: marks.name, set: { at: sql`greatest(${marks.at}, excluded.at)` } })
  }
  return {
    async read(name) {
      const [row] = await db.select({ at: marks.at }).from(marks).where(eq(marks.name, name))
      return row?.at ?? null
    },
    advance: (name, at) => advanceAll([{ name, at }]),
    advanceAll,
    async remove(names) {
      if (names.length > 0) await db.delete(marks).where(inArray(marks.name, [...names]))
    },
    list: async (prefix) => db.select().from(marks).where(sql`starts_with(${marks.name}, ${prefix})`),
  }
}
