// EventStore over PostgreSQL. One writer at a time holds a transaction lock, so the chain of hashes has one order.

import { createHash } from 'node:crypto'
import { and, asc, desc, eq, gt, gte, inArray, lte, sql } from 'drizzle-orm'
import { type Event, event as eventSchema } from '../../core/event/event.ts'
import type { EventQuery, EventStore, StoredEvent } from '../fleet/event-store-port.ts'
import type { Db } from './database.ts'
import { events } from './schema/event.ts'

const chainLock = 7_196_002

/** Keys sorted at every level: the same event has the same bytes whatever order JSON kept. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`
  }
  return JSON.stringify(value)
}

const link = (previous: string, event: Event): string =>
  createHash('sha256').update(previous).update(canonical(event)).digest('hex')

export type Transaction = Parameters<Parameters<Db['transaction']>[0]>[0]

/** Appends inside a transaction of the caller, whose other writes stand or fall with it; answers the events that were new, in order. The
 * chain is locked until that transaction ends, so it must be short. */
export async function appendEvents(tx: Transaction, batch: readonly Event[], now: number): Promise<readonly Event[]> {
  if (batch.length === 0) return []
  await tx.execute(sql`select pg_advisory_xact_lock(${chainLock})`)
  const known = await tx
    .select({ id: events.id })
    .from(events)
    .where(
      inArray(
        events.id,
        batch.map((one) => one.id),
      ),
    )
  const seen = new Set(known.map((row) => row.id))
  const [last] = await tx.select({ hash: events.hash }).from(events).orderBy(desc(events.sequence)).limit(1)
  let previous = last?.hash ?? ''
  const fresh: Event[] = []
  const rows = []
  for (const one of batch) {
    if (seen.has(one.id)) continue
    seen.add(one.id)
    const hash = link(previous, one)
    rows.push({
      id: one.id,
      at: one.at,
      receivedAt: now,
      kind: one.kind,
      host: one.host,
      engine: one.engine,
      incarnation: one.incarnation,
      body: one,
      previousHash: previous,
      hash,
    })
    previous = hash
    fresh.push(one)
  }
  if (rows.length > 0) await tx.insert(events).values(rows)
  return fresh
}

export function openEventStore(db: Db, now: () => number): EventStore {
  return {
    append: async (batch) => (batch.length === 0 ? [] : db.transaction((tx) => appendEvents(tx, batch, now()))),
    async read(query: EventQuery): Promise<readonly StoredEvent[]> {
      const order = query.descending ? desc(events.sequence) : asc(events.sequence)
      const rows = await db
        .select({ sequence: events.sequence, body: events.body })
        .from(events)
        .where(
          and(
            query.after === undefined ? undefined : gt(events.sequence, query.after),
            query.kinds === undefined ? undefined : inArray(events.kind, [...query.kinds]),
            query.host === undefined ? undefined : eq(events.host, query.host),
            query.engine === undefined ? undefined : eq(events.engine, query.engine),
            query.from === undefined ? undefined : gte(events.at, query.from),
            query.to === undefined ? undefined : lte(events.at, query.to),
          ),
        )
        .orderBy(order)
        .limit(Math.min(query.limit ?? 1000, 10_000))
      return rows.map((row) => ({ sequence: row.sequence, event: eventSchema.parse(row.body) }))
    },
    async verify() {
      let previous = ''
      let after = 0
      for (;;) {
        const rows = await db
          .select()
          .from(events)
          .where(gt(events.sequence, after))
          .orderBy(asc(events.sequence))
          .limit(1000)
        if (rows.length === 0) return null
        for (const row of rows) {
          if (row.previousHash !== previous || row.hash !== link(previous, eventSchema.parse(row.body)))
            return row.sequence
          previous = row.hash
          after = row.sequence
        }
      }
    },
  }
}
