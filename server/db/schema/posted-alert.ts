// What others posted to us, as a journal: whole requests in the order they were taken, and now and then the state that all of them give, which
// stands for everything before it. Bodies are bytes: what was posted is read again as it came.

import { bigint, bigserial, customType, integer, pgTable, text } from 'drizzle-orm/pg-core'

const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

export const postedAlerts = pgTable('posted_alerts', {
  sequence: bigserial('sequence', { mode: 'number' }).primaryKey(),
  /** `post` or `state`. */
  kind: text('kind').notNull(),
  /** Wall milliseconds; what a post leaves open depends on it. */
  receivedAt: bigint('received_at', { mode: 'number' }).notNull(),
  resolveTimeoutMs: integer('resolve_timeout_ms').notNull(),
  body: bytes('body').notNull(),
})
