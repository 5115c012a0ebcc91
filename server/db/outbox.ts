// Outbox over PostgreSQL. A flush holds a transaction lock on its group, so log and messages of one group change in one order; taking marks the
// row and counts an attempt: a message that was tried is never replaced.

import { createHash } from 'node:crypto'
import { and, asc, desc, eq, gte, inArray, isNull, lt, ne, notInArray, or, sql } from 'drizzle-orm'
import type { Waiting } from '../dispatch/digest.ts'
import type { Notification } from '../dispatch/notification.ts'
import type { LogEntry, Outbox, OutboxRow, OutboxState, Settlement } from '../dispatch/outbox-port.ts'
import { supersede } from '../dispatch/supersede.ts'
import type { Db } from './database.ts'
import { notificationLog, outbox } from './schema/dispatch.ts'

type Row = typeof outbox.$inferSelect
type Transaction = Parameters<Parameters<Db['transaction']>[0]>[0]

const unsent: OutboxState[] = ['due', 'failed']
const flushLock = 7_196_003
/** No hash of a group. */
const digestGroup = ''
/** Rows that one merge looks at; the next one takes the others. */
const maxMerged = 2000

const hashOf = (groupKey: string): string => createHash('sha256').update(groupKey).digest('hex')

/** PostgreSQL's text holds everything but NUL. */
const plain = (text: string): string => text.replaceAll('\u0000', '\ufffd')

const outboxRow = (row: Row): OutboxRow => ({
  id: row.id,
  channel: row.channel,
  notification: row.notification as Notification,
  state: row.state as OutboxState,
  attempt: row.attempt,
  createdAt: row.createdAt,
  nextAt: row.nextAt,
  code: row.code,
  reply: row.reply,
})

const codeOf = (result: Settlement): string =>
  result.state === 'sent' ? (result.spilled === true ? 'spilled' : '') : result.code

const waitingRow = ({ id, groupHash, critical, notification }: Row): Waiting => ({
  id,
  group: groupHash,
  critical,
  notification: notification as Notification,
})

/** A message that was never tried. */
const fresh = (notification: Notification, at: number) => ({
  id: notification.id,
  notification,
  state: 'due',
  attempt: 0,
  createdAt: at,
  nextAt: at,
  takenAt: null,
  code: '',
  reply: '',
})

async function replace(tx: Transaction, ids: readonly string[], by: string, at: number): Promise<void> {
  const state = { state: 'merged', code: by, takenAt: null, settledAt: at }
  await tx
    .update(outbox)
    .set(state)
    .where(inArray(outbox.id, [...ids]))
}

export function openOutbox(db: Db): Outbox {
  return {
    async flush(groupKey, channels, at, decide) {
      const groupHash = hashOf(groupKey)
      return db.transaction(async (tx) => {
        await tx.execute(sql`select pg_advisory_xact_lock(${flushLock}, hashtext(${groupHash}))`)
        const rows = await tx
          .select()
          .from(notificationLog)
          .where(and(eq(notificationLog.groupHash, groupHash), inArray(notificationLog.channel, [...channels])))
        const known = new Map<string, LogEntry>()
        for (const { channel, firing, toldAt, firingAt } of rows)
          known.set(channel, { firing: firing as string[], toldAt, firingAt })
        const changed = new Map<string, number>()
        for (const { channel, entry, notification, critical } of decide(known)) {
          const { firing, toldAt, firingAt } = entry
          const state = { firing: [...firing], toldAt, firingAt, updatedAt: at }
          await tx
            .insert(notificationLog)
            .values({ groupHash, channel, groupKey: plain(groupKey), ...state })
            .onConflictDoUpdate({ target: [notificationLog.groupHash, notificationLog.channel], set: state })
          if (notification !== null)
            changed.set(channel, await enqueue(tx, { groupHash, channel, notification, critical, at }))
        }
        return changed
      })
    },

    async take(channel, now) {
      // The head of each group's unsent rows; a head that is under way or not yet due holds its group back.
      // What came after an unsent digest waits for it: it may be news of the same groups.
      const heads = sql`select distinct on (group_hash) id, critical, position, next_at, taken_at from outbox
        where channel = ${channel} and state in ('due', 'failed') and not exists (select 1 from outbox digest
          where digest.channel = ${channel} and digest.group_hash = ${digestGroup} and digest.state in ('due', 'failed')
            and digest.position < outbox.position)
        order by group_hash, position, id`
      return db.transaction(async (tx) => {
        const [row] = await tx
          .update(outbox)
          .set({ takenAt: now, attempt: sql`${outbox.attempt} + 1` })
          .where(
            and(
              isNull(outbox.takenAt),
              inArray(outbox.state, unsent),
              sql`${outbox.id} = (select id from (${heads}) heads where taken_at is null and next_at <= ${now}
              order by critical desc, position, id limit 1)`,
            ),
          )
          .returning()
        if (row !== undefined) return { row: outboxRow(row) }
        const next = await tx.execute<{ next_at: string | null }>(
          sql`select min(next_at) as next_at from (${heads}) heads where taken_at is null`,
        )
        const nextAt = next.rows[0]?.next_at ?? null
        return { row: null, nextAt: nextAt === null ? null : Number(nextAt) }
      })
    },

    async settle(id, result) {
      return db.transaction(async (tx) => {
        const [row] = await tx
          .update(outbox)
          .set({
            state: result.state,
            takenAt: null,
            code: codeOf(result),
            reply: plain(result.reply),
            ...(result.state === 'failed' ? { nextAt: result.nextAt } : { settledAt: result.at }),
          })
          .where(and(eq(outbox.id, id), inArray(outbox.state, unsent)))
          .returning({ group: outbox.groupHash, notification: outbox.notification })
        if (row === undefined || result.state === 'failed') return 0
        const { digest, part } = row.notification as Notification
        if (digest === undefined && part === undefined) return 0
        const again = digest === true && result.state === 'given_up'
        const merged = await tx
          .update(outbox)
          .set(
            again
              ? { state: 'failed', attempt: 1, nextAt: result.at, settledAt: null, code: '' }
              : { reply: plain(result.reply) },
          )
          .where(and(eq(outbox.state, 'merged'), eq(outbox.code, id)))
          .returning({ id: outbox.id })
        return again ? merged.length : 0
      })
    },

    async wasSpilled(id) {
      const before = sql`from outbox before, outbox own where own.id = ${id} and before.group_hash = own.group_hash
        and before.channel = own.channel and before.state = 'sent' and before.position < own.position`
      const recovered = sql`select coalesce(max(before.position), 0) ${before} and before.notification->>'status' = 'resolved'`
      const found = await db.execute<{ found: boolean }>(
        sql`select exists(select 1 ${before} and before.code = 'spilled' and before.position > (${recovered})) as found`,
      )
      return found.rows[0]?.found === true
    },

    async merge(channel, now, decide) {
      return db.transaction(async (tx) => {
        // A group of which anything was tried, or is not yet due, stays as it is: its order is not ours to change.
        const free = sql`${outbox.groupHash} not in (select group_hash from outbox where channel = ${channel}
          and state in ('due', 'failed') and (attempt > 0 or next_at > ${now}))`
        const rows = await tx
          .select()
          .from(outbox)
          .where(and(eq(outbox.channel, channel), eq(outbox.state, 'due'), ne(outbox.groupHash, digestGroup), free))
          .orderBy(asc(outbox.position), asc(outbox.id))
          .limit(maxMerged)
          .for('update')
        const merges = decide(rows.map(waitingRow))
        for (const { from, notification, critical } of merges) {
          await replace(tx, from, notification.id, now)
          await tx.insert(outbox).values({ ...fresh(notification, now), groupHash: digestGroup, channel, critical })
        }
        return merges.reduce((sum, one) => sum + 1 - one.from.length, 0)
      })
    },

    async split(id, parts) {
      return db.transaction(async (tx) => {
        const [row] = await tx
          .select()
          .from(outbox)
          .where(and(eq(outbox.id, id), inArray(outbox.state, unsent)))
          .for('update')
        if (row === undefined || parts.length === 0) return 0
        const { groupHash, channel, critical, position, createdAt } = row
        await replace(tx, [id], parts.at(-1)!.id, createdAt)
        for (const part of parts)
          await tx.insert(outbox).values({ ...fresh(part, createdAt), groupHash, channel, critical, position })
        return parts.length - 1
      })
    },

    async release() {
      await db.transaction((tx) => tx.update(outbox).set({ takenAt: null }).where(inArray(outbox.state, unsent)))
    },

    async waiting() {
      const rows = await db
        .select({ channel: outbox.channel, rows: sql<string>`count(*)` })
        .from(outbox)
        .where(inArray(outbox.state, unsent))
        .groupBy(outbox.channel)
      return new Map(rows.map((row) => [row.channel, Number(row.rows)]))
    },

    async undelivered(since) {
      const isUnsent = inArray(outbox.state, unsent)
      const isGivenUp = and(eq(outbox.state, 'given_up'), gte(outbox.settledAt, since))
      const rows = await db
        .select({
          channel: outbox.channel,
          oldestAt: sql<string | null>`min(${outbox.createdAt}) filter (where ${isUnsent})`,
          givenUp: sql<string>`count(*) filter (where ${isGivenUp})`,
        })
        .from(outbox)
        .where(or(isUnsent, isGivenUp))
        .groupBy(outbox.channel)
        .orderBy(asc(outbox.channel))
      return rows.map(({ channel, oldestAt, givenUp }) => ({
        channel,
        oldestAt: oldestAt === null ? null : Number(oldestAt),
        givenUp: Number(givenUp),
      }))
    },

    async sentSince(channel, since) {
      const rows = await db
        .select({ at: outbox.settledAt })
        .from(outbox)
        .where(and(eq(outbox.channel, channel), eq(outbox.state, 'sent'), gte(outbox.settledAt, since)))
        .orderBy(asc(outbox.settledAt))
        .limit(1000)
      return rows.flatMap((row) => (row.at === null ? [] : [row.at]))
    },

    async list(limit) {
      const newest = [desc(outbox.createdAt), desc(outbox.position)]
      const rows = await db
        .select()
        .from(outbox)
        .orderBy(...newest)
        .limit(Math.min(limit, 1000))
      return rows.map(outboxRow)
    },

    async prune({ now, settledBefore, staleBefore, unsentBefore, channels }) {
      return db.transaction(async (tx) => {
        const lost = await tx
          .update(outbox)
          .set({ state: 'given_up', settledAt: now, takenAt: null, code: 'no_channel', reply: '' })
          .where(
            and(
              inArray(outbox.state, unsent),
              lt(outbox.createdAt, unsentBefore),
              channels.length === 0 ? undefined : notInArray(outbox.channel, [...channels]),
            ),
          )
          .returning({ id: outbox.id })
        await tx.delete(outbox).where(and(notInArray(outbox.state, unsent), lt(outbox.settledAt, settledBefore)))
        await tx
          .delete(notificationLog)
          .where(
            and(
              lt(
                notificationLog.updatedAt,
                sql`case when firing = '[]'::jsonb then ${settledBefore}::bigint else ${staleBefore}::bigint end`,
              ),
            ),
          )
        return lost.length
      })
    },
  }
}

/** By how many rows the queue of the channel grew. */
async function enqueue(
  tx: Transaction,
  message: {
    readonly groupHash: string
    readonly channel: string
    readonly notification: Notification
    readonly critical: boolean
    readonly at: number
  },
): Promise<number> {
  const { groupHash, channel, critical, at } = message
  const waiting = await tx
    .select()
    .from(outbox)
    .where(
      and(eq(outbox.groupHash, groupHash), eq(outbox.channel, channel), eq(outbox.state, 'due'), eq(outbox.attempt, 0)),
    )
    .orderBy(asc(outbox.position))
    .for('update')
  const { replaces, notification } = supersede(
    waiting.map((row) => row.notification as Notification),
    message.notification,
  )
  const replaced = waiting.find((row) => row.id === replaces)
  if (replaced !== undefined)
    await tx.update(outbox).set({ state: 'superseded', settledAt: at }).where(eq(outbox.id, replaced.id))
  await tx.insert(outbox).values({
    ...fresh(notification, at),
    groupHash,
    channel,
    critical: critical || replaced?.critical === true,
    ...(replaced === undefined ? {} : { position: replaced.position }),
  })
  return replaced === undefined ? 1 : 0
}
