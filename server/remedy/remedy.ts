// Repairs that alerts ask for: one command an episode, within a budget per engine that every restart of the server finds again in the ledger.
// A person's command passes the agent's guard without a budget; so this one is spent here, before the command exists.

import { type InferwardError, isInferwardError } from '../../core/base/errors.ts'
import type { EngineAction } from '../../core/event/event.ts'

export const remedyPrincipal = 'remedy'
const ttlMs = 120_000
/** Newest commands that are looked through for what was spent. */
const looked = 1000

type Row = {
  readonly id: string
  readonly host: string
  readonly engine: string
  readonly principal: string
  readonly issuedAt: number
}

export type RemedyDeps = {
  readonly now: () => number
  /** The life that an engine is in; null: not known here. */
  readonly incarnation: (host: string, engine: string) => { readonly incarnation: string | null } | null
  readonly ledger: {
    get(id: string): Promise<Row | null>
    list(limit: number): Promise<readonly Row[]>
    /** Throws `fleet.conflict` when another command of the engine is under way. */
    issue(
      request: {
        readonly id: string
        readonly host: string
        readonly engine: string
        readonly incarnation: string | null
        readonly action: EngineAction
        readonly principal: string
        readonly reason: string
        readonly ttlMs: number
      },
      now: number,
    ): Promise<Row>
  }
  readonly onIssued: (id: string) => Promise<void>
  readonly limits: { readonly actions_per_engine: number; readonly window: number }
}

export type Repair = {
  readonly id: string
  readonly host: string
  readonly engine: string
  readonly action: EngineAction
  readonly reason: string
}
export type Repaired =
  | { readonly outcome: 'issued' | 'known' }
  | { readonly outcome: 'refused'; readonly reason: 'no_such_engine' | 'budget_spent' | 'busy' }

export function openRemedy(deps: RemedyDeps): (repair: Repair) => Promise<Repaired> {
  const { ledger, limits } = deps
  let last: Promise<unknown> = Promise.resolve()

  const decide = async (repair: Repair): Promise<Repaired> => {
    if ((await ledger.get(repair.id)) !== null) return { outcome: 'known' }
    const { host, engine } = repair
    const life = deps.incarnation(host, engine)
    if (life === null) return { outcome: 'refused', reason: 'no_such_engine' }
    const now = deps.now()
    const spent = (await ledger.list(looked)).filter(
      (row) =>
        row.principal === remedyPrincipal &&
        row.host === host &&
        row.engine === engine &&
        row.issuedAt > now - limits.window,
    )
    if (spent.length >= limits.actions_per_engine) return { outcome: 'refused', reason: 'budget_spent' }
    try {
      await ledger.issue({ ...repair, incarnation: life.incarnation, principal: remedyPrincipal, ttlMs }, now)
    } catch (error) {
      if (isInferwardError(error) && (error as InferwardError).code === 'fleet.conflict')
        return { outcome: 'refused', reason: 'busy' }
      throw error
    }
    await deps.onIssued(repair.id)
    return { outcome: 'issued' }
  }
  return (repair) => {
    // One after the other: two that ask at once must not spend the same last action.
    const mine = last.then(
      () => decide(repair),
      () => decide(repair),
    )
    last = mine.catch(() => {})
    return mine
  }
}
