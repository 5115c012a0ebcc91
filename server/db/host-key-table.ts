// HostKeyTable over PostgreSQL. Of two that come under one name at once, the primary key decides.

import { eq } from 'drizzle-orm'
import type { HostKeyRow, HostKeyTable } from '../fleet/host-key-table-port.ts'
import type { Db } from './database.ts'
import { hostKeys } from './schema/fleet.ts'

const rowOf = ({ host, hash }: { host: string; hash: string }): HostKeyRow => ({ host, kind: 'secret', hash })

export function openHostKeyTable(db: Db): HostKeyTable {
  return {
    all: async () => (await db.select().from(hostKeys).where(eq(hostKeys.kind, 'secret'))).map(rowOf),
    async bind(row, now) {
      await db
        .insert(hostKeys)
        .values({ ...row, boundAt: now })
        .onConflictDoNothing()
      const [stands] = await db.select().from(hostKeys).where(eq(hostKeys.host, row.host))
      if (stands === undefined) throw new Error('a host was forgotten while it was bound')
      return rowOf(stands)
    },
    async forget(host) {
      return (await db.delete(hostKeys).where(eq(hostKeys.host, host)).returning()).length > 0
    },
  }
}
