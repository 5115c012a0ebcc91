// HostTable over PostgreSQL.

import { eq, gte, sql } from 'drizzle-orm'
import type { HostTable } from '../fleet/host-table-port.ts'
import type { Db } from './database.ts'
import { hosts } from './schema/fleet.ts'

export function openHostTable(db: Db): HostTable {
  return {
    async save(rows, now) {
      if (rows.length === 0) return
      await db
        .insert(hosts)
        .values(rows.map((row) => ({ ...row, firstSeenAt: now })))
        .onConflictDoUpdate({
          target: hosts.host,
          set: {
            bootId: sql`excluded.boot_id`,
            version: sql`excluded.version`,
            startedAt: sql`excluded.started_at`,
            lastSeenAt: sql`excluded.last_seen_at`,
          },
        })
    },
    async heardSince(since) {
      const rows = await db.select({ host: hosts.host }).from(hosts).where(gte(hosts.lastSeenAt, since))
      return rows.map((row) => row.host)
    },
    async forget(host) {
      await db.delete(hosts).where(eq(hosts.host, host))
    },
  }
}
