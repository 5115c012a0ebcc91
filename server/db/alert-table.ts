// AlertTable over PostgreSQL: rows and events in one transaction. An event that is known already brings no row with it, so that a change told
// twice is written once.

import { and, eq, gte, inArray, lt, lte, ne, or, sql } from 'drizzle-orm'
import { errorText, InferwardError } from '../../core/base/errors.ts'
import type { AlertRow, AlertTable, AlertWrite } from '../alert/alert-table-port.ts'
import type { Db } from './database.ts'
import { appendEvents, type Transaction } from './event-store.ts'
import { alerts } from './schema/alert.ts'

type Text = Extract<AlertWrite, { kind: 'text' }>

export function openAlertTable(db: Db, now: () => number): AlertTable {
  return {
    apply: (writes) => converted(() => db.transaction((tx) => applyIn(tx, writes, now()))),
    load: (resolvedSince) =>
      converted(async () => {
        const rows = await db
          .select()
          .from(alerts)
          .where(or(ne(alerts.state, 'resolved'), gte(alerts.resolvedAt, resolvedSince)))
          .orderBy(alerts.changedAt)
        return rows.map((row) => row as AlertRow)
      }),
    sweep: (resolvedBefore, limit) =>
      converted(async () => {
        const old = db
          .select({ episode: alerts.episode })
          .from(alerts)
          .where(and(eq(alerts.state, 'resolved'), lt(alerts.resolvedAt, resolvedBefore)))
          .limit(limit)
        const gone = await db.delete(alerts).where(inArray(alerts.episode, old)).returning({ episode: alerts.episode })
        return gone.length
      }),
  }
}

async function applyIn(tx: Transaction, writes: readonly AlertWrite[], now: number): Promise<ReadonlySet<string>> {
  const events = writes.flatMap((write) => (write.kind === 'step' ? [write.event] : []))
  const fresh = new Set((await appendEvents(tx, events, now)).map((event) => event.id))
  const rows = new Map<string, AlertRow>()
  const texts = new Map<string, Text>()
  const gone = new Map<string, AlertRow>()
  for (const write of writes) {
    if (write.kind === 'text') {
      const row = rows.get(write.episode)
      if (row === undefined) texts.set(write.episode, write)
      else {
        const { annotations, value, keepFiringSince, updatedAt } = write
        rows.set(write.episode, { ...row, annotations, value, keepFiringSince, updatedAt })
      }
      continue
    }
    if (!fresh.has(write.event.id)) continue
    const { row } = write
    if (write.remove) {
      rows.delete(row.episode)
      gone.set(row.episode, row)
    } else {
      // What is said of the text before this step is in its row.
      texts.delete(row.episode)
      rows.set(row.episode, row)
    }
  }
  // One that went on meanwhile, as told by somebody else, stays.
  for (const row of gone.values())
    await tx.delete(alerts).where(and(sameLife(row), lte(alerts.changedAt, row.changedAt)))
  if (rows.size > 0) {
    const { fingerprint, episode, file, group, rule, ...rest } = alerts
    await tx
      .insert(alerts)
      .values([...rows.values()])
      .onConflictDoUpdate({
        target: [fingerprint, episode, file, group, rule],
        set: {
          expression: sql`excluded.expression`,
          labels: sql`excluded.labels`,
          annotations: sql`excluded.annotations`,
          state: sql`excluded.state`,
          value: sql`excluded.value`,
          activeAt: sql`excluded.active_at`,
          firedAt: sql`excluded.fired_at`,
          resolvedAt: sql`excluded.resolved_at`,
          keepFiringSince: sql`excluded.keep_firing_since`,
          changedAt: sql`excluded.changed_at`,
          updatedAt: sql`excluded.updated_at`,
        },
        // A step that comes late does not undo a later one.
        setWhere: lte(rest.changedAt, sql`excluded.changed_at`),
      })
  }
  for (const { kind: _kind, fingerprint, episode, ...set } of texts.values()) {
    const one = and(
      sameLife({ fingerprint, episode }),
      eq(alerts.state, 'firing'),
      lte(alerts.updatedAt, set.updatedAt),
    )
    await tx.update(alerts).set(set).where(one)
  }
  return fresh
}

const sameLife = ({ fingerprint, episode }: Pick<AlertRow, 'fingerprint' | 'episode'>) =>
  and(eq(alerts.fingerprint, fingerprint), eq(alerts.episode, episode))

/** Data that PostgreSQL will never take (classes 22, 23, 54) is refused for good; anything else may work later. */
async function converted<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const code = sqlState(error)
    const never = /^(?:22|23|54)/.test(code)
    throw new InferwardError({
      code: never ? 'database.refused' : 'database.unavailable',
      message: `alerts: ${errorText(rootOf(error))}`,
      retryable: !never,
      cause: rootOf(error),
    })
  }
}

/** The words of the database itself: those of the query library repeat the query and all its values. */
function rootOf(error: unknown): unknown {
  let root = error
  while (root instanceof Error && root.cause !== undefined) root = root.cause
  return root
}

function sqlState(error: unknown): string {
  for (let one = error; one instanceof Error; one = one.cause) {
    const code = (one as { code?: unknown }).code
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code
  }
  return ''
}
