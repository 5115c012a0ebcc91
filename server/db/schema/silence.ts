// Silences, ended ones included until they are swept. Times are wall milliseconds. Matchers and texts are `json`, not `jsonb`: text with NUL must
// pass.

import { bigint, index, json, pgTable, text } from 'drizzle-orm/pg-core'

const ms = (name: string) => bigint(name, { mode: 'number' })

export const silences = pgTable(
  'silences',
  {
    id: text('id').primaryKey(),
    startsAt: ms('starts_at').notNull(),
    endsAt: ms('ends_at').notNull(),
    updatedAt: ms('updated_at').notNull(),
    /** Matchers, author, comment and annotations. */
    body: json('body').notNull(),
  },
  (table) => [index('silences_ends_at').on(table.endsAt)],
)
