// Acknowledgements, one for each alert.

import { bigint, index, pgTable, text } from 'drizzle-orm/pg-core'

const ms = (name: string) => bigint(name, { mode: 'number' })

export const acks = pgTable(
  'acks',
  {
    fingerprint: text('fingerprint').primaryKey(),
    owner: text('owner').notNull(),
    comment: text('comment').notNull(),
    at: ms('at').notNull(),
    expiresAt: ms('expires_at').notNull(),
  },
  (table) => [index('acks_expires').on(table.expiresAt)],
)
