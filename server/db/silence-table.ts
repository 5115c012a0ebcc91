// SilenceTable over PostgreSQL.

import { gte, lt, sql } from 'drizzle-orm'
import type { Silence } from '../dispatch/silence.ts'
import type { SilenceTable } from '../dispatch/silence-table-port.ts'
import type { Db } from './database.ts'
import { silences } from './schema/silence.ts'

export function openSilenceTable(db: Db): SilenceTable {
  return {
    async save(rows) {
      if (rows.length === 0) return
      // A transaction, for one that no longer acts is refused it.
      await db.transaction((tx) =>
        tx
          .insert(silences)
          .values(
            rows.map(({ id, startsAt, endsAt, updatedAt, matchers, createdBy, comment, annotations }) => {
              return { id, startsAt, endsAt, updatedAt, body: { matchers, createdBy, comment, annotations } }
            }),
          )
          .onConflictDoUpdate({
            target: silences.id,
            set: {
              startsAt: sql`excluded.starts_at`,
              endsAt: sql`excluded.ends_at`,
              updatedAt: sql`excluded.updated_at`,
              body: sql`excluded.body`,
            },
          }),
      )
    },
    async load(endedSince) {
      const rows = await db.select().from(silences).where(gte(silences.endsAt, endedSince)).orderBy(silences.startsAt)
      return rows.map(({ body, ...row }) => ({ ...row, ...(body as Omit<Silence, keyof typeof row>) }))
    },
    async sweep(endedBefore) {
      const gone = await db.transaction((tx) =>
        tx.delete(silences).where(lt(silences.endsAt, endedBefore)).returning({ id: silences.id }),
      )
      return gone.length
    },
  }
}
