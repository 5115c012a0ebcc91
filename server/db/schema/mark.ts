// Moments that a restarted server must know, by name, such as how far rules were evaluated. Wall milliseconds.

import { bigint, pgTable, text } from 'drizzle-orm/pg-core'

export const marks = pgTable('marks', {
  name: text('name').primaryKey(),
  at: bigint('at', { mode: 'number' }).notNull(),
})
