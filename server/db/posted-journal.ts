// The journal of posted alerts over PostgreSQL. Appending is one transaction with one statement, whatever the number of requests.

import { asc, gt, lte, sql } from 'drizzle-orm'
import type { JournalRow, PostedJournal } from '../alert/posted-journal-port.ts'
import type { Db } from './database.ts'
import { postedAlerts } from './schema/posted-alert.ts'

const page = 200

const values = (rows: readonly JournalRow[]) =>
  rows.map(({ kind, receivedAt, resolveTimeoutMs, body }) => {
    return { kind, receivedAt, resolveTimeoutMs, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) }
  })

export function openPostedJournal(db: Db): PostedJournal {
  return {
    async append(rows) {
      // A transaction, for one that no longer acts is refused it.
      if (rows.length > 0) await db.transaction((tx) => tx.insert(postedAlerts).values(values(rows)))
    },
    async load(each) {
      for (let after = 0; ; ) {
        const rows = await db
          .select()
          .from(postedAlerts)
          .where(gt(postedAlerts.sequence, after))
          .orderBy(asc(postedAlerts.sequence))
          .limit(page)
        for (const { sequence, ...row } of rows) {
          after = sequence
          each(row as JournalRow)
        }
        if (rows.length < page) return
      }
    },
    async compact(state) {
      await db.transaction(async (tx) => {
        const [last] = await tx.select({ sequence: sql<string>`max(sequence)` }).from(postedAlerts)
        await tx.delete(postedAlerts).where(lte(postedAlerts.sequence, Number(last?.sequence ?? 0)))
        if (state.length > 0) await tx.insert(postedAlerts).values(values(state))
      })
    },
  }
}
