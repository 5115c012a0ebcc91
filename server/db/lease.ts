// The office of the acting server: of several servers on one database one holds it, for as long as it goes on saying so. Whoever takes it over gets
// a higher epoch, and every transaction of the one before fails from then on: a server that was stopped for a minute and goes on, not knowing that
// it was replaced, changes nothing.
// Invariant: a transaction that passed `check` commits before the lease can change hands (it holds a share lock on the row).

import { and, eq, sql } from 'drizzle-orm'
import type { Clock } from '../../core/base/clock.ts'
import { InferwardError } from '../../core/base/errors.ts'
import type { Db } from './database.ts'
import { leadership } from './schema/leadership.ts'

type Transaction = Parameters<Parameters<Db['transaction']>[0]>[0]

export type Lease = {
  /** True when it is ours now. A holder of the same name takes it at once: that was an earlier life of this server. */
  acquire(): Promise<boolean>
  /** `lost`: somebody else has it, for good. Throws when the database cannot be asked. */
  renew(): Promise<'held' | 'lost'>
  /** Lets the next one take it at once. */
  release(): Promise<void>
  /** Nobody else can have it at this moment. */
  holds(): boolean
  /** Throws `lease.lost` unless it is ours, and keeps it so until the transaction ends. */
  check(tx: Transaction): Promise<void>
}

const nowMs = sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`

export function openLease(
  db: Db,
  options: { readonly name: string; readonly holder: string; readonly ttlMs: number; readonly clock: Clock },
): Lease {
  const { name, holder, ttlMs, clock } = options
  const expiresAt = sql`${nowMs} + ${ttlMs}::bigint`
  let epoch: number | null = null
  let validUntil = Number.NEGATIVE_INFINITY
  const ours = () => and(eq(leadership.name, name), eq(leadership.holder, holder), eq(leadership.epoch, epoch ?? -1))

  return {
    async acquire() {
      const asked = clock.monotonic()
      const rows = await db
        .insert(leadership)
        .values({ name, holder, epoch: 1, expiresAt })
        .onConflictDoUpdate({
          target: leadership.name,
          set: { holder, epoch: sql`${leadership.epoch} + 1`, expiresAt },
          setWhere: sql`${leadership.expiresAt} <= ${nowMs} or ${leadership.holder} = ${holder}`,
        })
        .returning({ epoch: leadership.epoch })
      const got = rows[0]?.epoch
      if (got === undefined) return false
      epoch = got
      // Counted from before the question: the database began to count later.
      validUntil = asked + ttlMs
      return true
    },
    async renew() {
      const asked = clock.monotonic()
      const rows = await db.update(leadership).set({ expiresAt }).where(ours()).returning({ epoch: leadership.epoch })
      if (rows.length === 0) {
        validUntil = Number.NEGATIVE_INFINITY
        return 'lost'
      }
      validUntil = asked + ttlMs
      return 'held'
    },
    async release() {
      validUntil = Number.NEGATIVE_INFINITY
      await db.update(leadership).set({ expiresAt: 0 }).where(ours())
    },
    holds: () => clock.monotonic() < validUntil,
    async check(tx) {
      const rows = await tx.select({ epoch: leadership.epoch }).from(leadership).where(ours()).for('share')
      if (rows.length > 0) return
      throw new InferwardError({
        code: 'lease.lost',
        message: 'another server acts now; this one changes nothing',
        retryable: true,
      })
    },
  }
}

/** The same database, whose transactions all pass the check of the lease first. */
export function fenced(db: Db, lease: Pick<Lease, 'check'>): Db {
  const transaction: Db['transaction'] = (work, config) =>
    db.transaction(async (tx) => {
      await lease.check(tx)
      return work(tx)
    }, config)
  return Object.create(db, { transaction: { value: transaction } }) as Db
}
