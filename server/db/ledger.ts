// Ledger over PostgreSQL: fence and command in one transaction; at most one open command per engine, by a partial unique index.

import { and, asc, desc, eq, gt, inArray, lte, sql } from 'drizzle-orm'
import { InferwardError } from '../../core/base/errors.ts'
import type { Command } from '../../core/wire/command.ts'
import type { CommandState, Ledger, LedgerRow } from '../fleet/ledger-port.ts'
import type { Db } from './database.ts'
import { commands, fences } from './schema/fleet.ts'

type Row = typeof commands.$inferSelect
const open: readonly CommandState[] = ['issued', 'accepted', 'started']
/** What the server assumed when it heard nothing; the agent knows better when its word comes late. */
const assumed: readonly CommandState[] = ['expired', 'unknown']
/** A command in the agent's hands whose end nobody told: past this the engine is free for the next one. */
const silentMs = 10 * 60_000

const ledgerRow = (row: Row): LedgerRow => ({
  id: row.id,
  host: row.host,
  engine: row.engine,
  incarnation: row.incarnation,
  action: row.action as Command['action'],
  principal: row.principal,
  reason: row.reason,
  fence: row.fence,
  expiresAt: row.expiresAt,
  issuedAt: row.issuedAt,
  state: row.state as CommandState,
  outcome: row.outcome,
})

export function openLedger(db: Db): Ledger {
  return {
    async issue(request, now) {
      return db.transaction(async (tx) => {
        const { id, host, engine, incarnation, action, principal, reason } = request
        const [fence] = await tx
          .insert(fences)
          .values({ host, engine, fence: 1 })
          .onConflictDoUpdate({ target: [fences.host, fences.engine], set: { fence: sql`${fences.fence} + 1` } })
          .returning({ fence: fences.fence })
        const [row] = await tx
          .insert(commands)
          .values({
            id,
            host,
            engine,
            incarnation,
            action,
            principal,
            reason,
            fence: fence!.fence,
            term: 1,
            issuedAt: now,
            expiresAt: now + request.ttlMs,
            state: 'issued',
            outcome: '',
            updatedAt: now,
          })
          .onConflictDoNothing()
          .returning()
        if (row !== undefined) return ledgerRow(row)
        throw new InferwardError({
          code: 'fleet.conflict',
          message: `another command for ${host}/${engine} is still under way`,
          hint: 'Wait for it to end, or see it with GET /api/v1/commands.',
        })
      })
    },
    async pending(host, now) {
      const rows = await db
        .select()
        .from(commands)
        .where(and(eq(commands.host, host), eq(commands.state, 'issued'), gt(commands.expiresAt, now)))
        .orderBy(asc(commands.issuedAt), asc(commands.id))
      return rows.map((row) => {
        const { state: _state, outcome: _outcome, issuedAt: _issuedAt, ...command } = ledgerRow(row)
        return { ...command, ttlMs: row.expiresAt - now }
      })
    },
    async received(host, id, now) {
      await db
        .update(commands)
        .set({ state: 'accepted', updatedAt: now })
        .where(and(eq(commands.id, id), eq(commands.host, host), eq(commands.state, 'issued')))
    },
    async observe(outcome) {
      if (outcome.commandId === null) return
      // `started` must not open again what has been given up: another command may be under way by then.
      const from = outcome.result === 'started' ? open : [...open, ...assumed]
      await db
        .update(commands)
        .set({ state: outcome.result, outcome: outcome.reason, updatedAt: outcome.at })
        .where(
          and(eq(commands.id, outcome.commandId), eq(commands.host, outcome.host), inArray(commands.state, [...from])),
        )
    },
    async expire(now) {
      await db
        .update(commands)
        .set({ state: 'expired', outcome: 'nobody took it in time', updatedAt: now })
        .where(and(eq(commands.state, 'issued'), lte(commands.expiresAt, now)))
      await db
        .update(commands)
        .set({ state: 'unknown', outcome: 'the agent took it and never told how it ended', updatedAt: now })
        .where(and(inArray(commands.state, ['accepted', 'started']), lte(commands.expiresAt, now - silentMs)))
    },
    async get(id) {
      const [row] = await db.select().from(commands).where(eq(commands.id, id))
      return row === undefined ? null : ledgerRow(row)
    },
    async list(limit) {
      const rows = await db
        .select()
        .from(commands)
        .orderBy(desc(commands.issuedAt), desc(commands.id))
        .limit(Math.min(limit, 1000))
      return rows.map(ledgerRow)
    },
  }
}
