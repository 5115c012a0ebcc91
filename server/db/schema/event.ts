// The one history. A row never changes; `hash` chains each row to the one before it, so that a change after the fact shows.

import { bigint, bigserial, index, jsonb, pgTable, text } from 'drizzle-orm/pg-core'

export const events = pgTable(
  'events',
  {
    sequence: bigserial('sequence', { mode: 'number' }).primaryKey(),
    id: text('id').notNull().unique(),
    at: bigint('at', { mode: 'number' }).notNull(),
    receivedAt: bigint('received_at', { mode: 'number' }).notNull(),
    kind: text('kind').notNull(),
    host: text('host').notNull(),
    engine: text('engine'),
    incarnation: text('incarnation'),
    body: jsonb('body').notNull(),
    previousHash: text('previous_hash').notNull(),
    hash: text('hash').notNull(),
  },
  (table) => [index('events_at').on(table.at), index('events_engine').on(table.host, table.engine, table.at)],
)
