// Who may act: one row for each office that only one server holds at a time. Times are the database's own.

import { bigint, pgTable, text } from 'drizzle-orm/pg-core'

export const leadership = pgTable('leadership', {
  name: text('name').primaryKey(),
  holder: text('holder').notNull(),
  /** Grows with every change of hands, and with every life of a holder: the fence. */
  epoch: bigint('epoch', { mode: 'number' }).notNull(),
  expiresAt: bigint('expires_at', { mode: 'number' }).notNull(),
})
