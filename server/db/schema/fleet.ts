// Tables of the fleet: hosts, engines, commands with their fences, leases, tokens. Times are wall milliseconds given by the server, but for
// leases, which use the database's own clock so that two servers agree.

import { sql } from 'drizzle-orm'
import { bigint, index, integer, jsonb, pgTable, primaryKey, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core'

const ms = (name: string) => bigint(name, { mode: 'number' })

export const hosts = pgTable('hosts', {
  host: text('host').primaryKey(),
  bootId: text('boot_id').notNull(),
  version: text('version').notNull(),
  startedAt: ms('started_at').notNull(),
  firstSeenAt: ms('first_seen_at').notNull(),
  lastSeenAt: ms('last_seen_at').notNull(),
})

/** Which key a host's name belongs to; only its hash. */
export const hostKeys = pgTable('host_keys', {
  host: text('host').primaryKey(),
  kind: text('kind').notNull(),
  hash: text('hash').notNull(),
  boundAt: ms('bound_at').notNull(),
})

export const engines = pgTable(
  'engines',
  {
    host: text('host').notNull(),
    name: text('name').notNull(),
    incarnation: text('incarnation'),
    phase: text('phase').notNull(),
    state: jsonb('state').notNull(),
    updatedAt: ms('updated_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.host, table.name] })],
)

export const commands = pgTable(
  'commands',
  {
    id: text('id').primaryKey(),
    host: text('host').notNull(),
    engine: text('engine').notNull(),
    incarnation: text('incarnation'),
    action: text('action').notNull(),
    principal: text('principal').notNull(),
    reason: text('reason').notNull(),
    fence: bigint('fence', { mode: 'number' }).notNull(),
    /** Term of the server that issued it. */
    term: bigint('term', { mode: 'number' }).notNull(),
    issuedAt: ms('issued_at').notNull(),
    expiresAt: ms('expires_at').notNull(),
    state: text('state').notNull(),
    outcome: text('outcome').notNull(),
    updatedAt: ms('updated_at').notNull(),
  },
  (table) => [
    index('commands_host').on(table.host, table.state),
    // At most one command of a target is under way.
    uniqueIndex('commands_open').on(table.host, table.engine).where(sql`state in ('issued', 'accepted', 'started')`),
  ],
)

export const fences = pgTable(
  'fences',
  {
    host: text('host').notNull(),
    engine: text('engine').notNull(),
    fence: bigint('fence', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.host, table.engine] })],
)

export const leases = pgTable('leases', {
  name: text('name').primaryKey(),
  holder: text('holder').notNull(),
  term: bigint('term', { mode: 'number' }).notNull(),
  until: timestamp('until', { withTimezone: true }).notNull(),
})

export const tokens = pgTable(
  'tokens',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    /** First characters, for finding the row; the secret itself is stored hashed only. */
    prefix: text('prefix').notNull(),
    hash: text('hash').notNull(),
    role: text('role').notNull(),
    scope: text('scope').notNull(),
    generation: integer('generation').notNull(),
    createdAt: ms('created_at').notNull(),
    revokedAt: ms('revoked_at'),
  },
  (table) => [index('tokens_prefix').on(table.prefix)],
)
