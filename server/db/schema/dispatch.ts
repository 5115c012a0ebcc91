// What dispatch remembers: the notification log, one row per group and channel, and the outbox, one row per message. Group keys may be longer
// than an index takes, so rows are found by their hash. Notifications are `json`, not `jsonb`: text with NUL must pass.

import { sql } from 'drizzle-orm'
import { bigint, bigserial, boolean, index, integer, json, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'

const ms = (name: string) => bigint(name, { mode: 'number' })

export const notificationLog = pgTable(
  'notification_log',
  {
    groupHash: text('group_hash').notNull(),
    channel: text('channel').notNull(),
    groupKey: text('group_key').notNull(),
    /** Fingerprints. */
    firing: jsonb('firing').notNull(),
    toldAt: ms('told_at').notNull(),
    firingAt: ms('firing_at').notNull(),
    updatedAt: ms('updated_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.groupHash, table.channel] })],
)

export const outbox = pgTable(
  'outbox',
  {
    id: text('id').primaryKey(),
    /** Order of sending; a message that takes the place of another takes its position. */
    position: bigserial('position', { mode: 'number' }).notNull(),
    groupHash: text('group_hash').notNull(),
    channel: text('channel').notNull(),
    notification: json('notification').notNull(),
    critical: boolean('critical').notNull(),
    state: text('state').notNull(),
    attempt: integer('attempt').notNull(),
    createdAt: ms('created_at').notNull(),
    nextAt: ms('next_at').notNull(),
    /** Since when a worker has it; null = nobody. */
    takenAt: ms('taken_at'),
    settledAt: ms('settled_at'),
    code: text('code').notNull(),
    reply: text('reply').notNull(),
  },
  (table) => [
    index('outbox_unsent').on(table.channel, table.groupHash, table.position).where(sql`state in ('due', 'failed')`),
    index('outbox_sent').on(table.channel, table.settledAt).where(sql`state = 'sent'`),
    index('outbox_created').on(table.createdAt),
  ],
)
