// AckTable over PostgreSQL.

import { gte, lt } from 'drizzle-orm'
import type { AckTable } from '../dispatch/ack-table-port.ts'
import type { Db } from './database.ts'
import { acks } from './schema/ack.ts'

export function openAckTable(db: Db): AckTable {
  return {
    async save({ fingerprint, owner, comment, at, expiresAt }) {
      const row = { owner, comment, at, expiresAt }
      await db
        .insert(acks)
        .values({ fingerprint, ...row })
        .onConflictDoUpdate({ target: acks.fingerprint, set: row })
    },
    load: (expiredSince) =>
      db.select().from(acks).where(gte(acks.expiresAt, expiredSince)).orderBy(acks.at, acks.fingerprint),
    async sweep(expiredBefore) {
      const gone = await db
        .delete(acks)
        .where(lt(acks.expiresAt, expiredBefore))
        .returning({ fingerprint: acks.fingerprint })
      return gone.length
    },
  }
}
