// Named moments over PostgreSQL. A mark only moves forward.

import { eq, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { marks } from './schema/mark.ts'

export type MarkTable = {
  /** Null: never set. */
  read(name: string): Promise<number | null>
  advance(name: string, at: number): Promise<void>
}

export function openMarkTable(db: Db): MarkTable {
  return {
    async read(name) {
      const [row] = await db.select({ at: marks.at }).from(marks).where(eq(marks.name, name))
      return row?.at ?? null
    },
    async advance(name, at) {
      await db
        .insert(marks)
        .values({ name, at })
        .onConflictDoUpdate({ target: marks.name, set: { at: sql`greatest(${marks.at}, excluded.at)` } })
    },
  }
}
