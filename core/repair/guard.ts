// Every change of an engine passes here, a person's command included. Pure: what is asked and what is known in, yes or a named reason out.
// A refusal is an answer, not a fault: it is recorded with its reason.

import type { EngineAction } from '../event/event.ts'

export type GuardRequest = {
  readonly action: EngineAction
  /** `local-policy` for the agent's own decisions, else a command. */
  readonly origin: 'local-policy' | 'command'
  /** The life it is meant for; null = whichever. */
  readonly incarnation: string | null
  readonly fence: number | null
  /** Monotonic deadline, milliseconds; null = none. */
  readonly expiresAt: number | null
}

export type GuardState = {
  readonly incarnation: string | null
  readonly highestFence: number
  /** Somebody stopped this engine on purpose; only a person's start brings it back. */
  readonly stoppedByPerson: boolean
  readonly acting: boolean
  /** Monotonic times of the actions counted against the budget, oldest first. */
  readonly actions: readonly number[]
}

export type Budget = { readonly actionsPerEngine: number; readonly windowMs: number }

export type GuardAnswer =
  | { readonly allow: true }
  | {
      readonly allow: false
      readonly reason: 'expired' | 'stale_incarnation' | 'lower_fence' | 'stopped_by_person' | 'busy' | 'budget_spent'
      /** When asking again may help, milliseconds from now; null = never by waiting. */
      readonly retryMs: number | null
    }

const refuse = (
  reason: Extract<GuardAnswer, { allow: false }>['reason'],
  retryMs: number | null = null,
): GuardAnswer => ({
  allow: false,
  reason,
  retryMs,
})

export function guard(request: GuardRequest, state: GuardState, budget: Budget, now: number): GuardAnswer {
  if (request.expiresAt !== null && now >= request.expiresAt) return refuse('expired')
  if (request.fence !== null && request.fence < state.highestFence) return refuse('lower_fence')
  if (request.incarnation !== null && request.incarnation !== state.incarnation) return refuse('stale_incarnation')
  if (state.acting) return refuse('busy', 1000)
  const person = request.origin === 'command'
  if (state.stoppedByPerson && !person) return refuse('stopped_by_person')
  if (request.action === 'stop') return { allow: true }
  const recent = state.actions.filter((at) => now - at < budget.windowMs)
  // A person may act past the automatic budget: the budget is there to stop loops, and a person is not one.
  if (!person && recent.length >= budget.actionsPerEngine) {
    // The action whose leaving makes room; a budget of nought never has any.
    const last = recent.at(-budget.actionsPerEngine)
    return refuse(
      'budget_spent',
      budget.actionsPerEngine < 1 || last === undefined ? null : last + budget.windowMs - now,
    )
  }
  return { allow: true }
}

export function budgetLeft(actions: readonly number[], budget: Budget, now: number): number {
  return Math.max(0, budget.actionsPerEngine - actions.filter((at) => now - at < budget.windowMs).length)
}
