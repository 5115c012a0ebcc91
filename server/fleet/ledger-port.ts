// The command ledger as the rooms see it: a command is issued once, with a fence from the same transaction, and ends in exactly one state.

import type { EventOf } from '../../core/event/event.ts'
import type { Command } from '../../core/wire/command.ts'

export const commandStates = [
  'issued',
  'accepted',
  'started',
  'done',
  'failed',
  'refused',
  'unknown',
  'expired',
  'stale',
] as const
export type CommandState = (typeof commandStates)[number]

export type LedgerRow = Omit<Command, 'ttlMs'> & {
  readonly state: CommandState
  readonly outcome: string
  readonly issuedAt: number
}

export type IssueRequest = Pick<Command, 'host' | 'engine' | 'incarnation' | 'action' | 'principal' | 'reason'> & {
  readonly id: string
  readonly ttlMs: number
}

export type Ledger = {
  /** Throws `fleet.conflict` when another command of this engine is under way. */
  issue(request: IssueRequest, now: number): Promise<LedgerRow>
  /** Not yet in the hands of the agent, and not expired. */
  pending(host: string, now: number): Promise<readonly Command[]>
  /** A host that the command is not for changes nothing, here and below. */
  received(host: string, id: string, now: number): Promise<void>
  /** Takes the result of a command from the agent's outcome event; it also corrects what the server had assumed. */
  observe(outcome: EventOf<'outcome'>): Promise<void>
  /** Marks what nobody took in time as `expired`, and what was taken and never ended as `unknown`. */
  expire(now: number): Promise<void>
  get(id: string): Promise<LedgerRow | null>
  list(limit: number): Promise<readonly LedgerRow[]>
}
