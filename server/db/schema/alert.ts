// Alerts as rules gave them: one row per life of an alert, overwritten as it goes on; the steps themselves are events. Times are wall
// milliseconds of the evaluation.

import { bigint, doublePrecision, index, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'

const ms = (name: string) => bigint(name, { mode: 'number' })

export const alerts = pgTable(
  'alerts',
  {
    fingerprint: text('fingerprint').notNull(),
    file: text('file').notNull(),
    group: text('rule_group').notNull(),
    rule: text('rule').notNull(),
    expression: text('expression').notNull(),
    labels: jsonb('labels').notNull(),
    annotations: jsonb('annotations').notNull(),
    state: text('state').notNull(),
    value: doublePrecision('value'),
    activeAt: ms('active_at').notNull(),
    firedAt: ms('fired_at'),
    resolvedAt: ms('resolved_at'),
    keepFiringSince: ms('keep_firing_since'),
    /** One life from pending to resolved; the same for every step of it. */
    episode: text('episode').notNull(),
    /** When the state changed last, and when anything did. */
    changedAt: ms('changed_at').notNull(),
    updatedAt: ms('updated_at').notNull(),
  },
  (table) => [
    // Two rules may give the same labels: each keeps lives of its own, readers see them as one alert. A new life leaves the end of the last
    // one in its place, for readers that have not heard of it.
    primaryKey({ columns: [table.fingerprint, table.episode, table.file, table.group, table.rule] }),
    index('alerts_state').on(table.state, table.resolvedAt),
  ],
)
