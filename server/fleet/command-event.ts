// What the history says of a command that was issued.

import type { EventOf } from '../../core/event/event.ts'
import type { LedgerRow } from './ledger-port.ts'

export function commandEvent(row: LedgerRow, about: { readonly id: string; readonly at: number }): EventOf<'command'> {
  const { id: commandId, host, engine, incarnation, action, principal, reason } = row
  return { ...about, kind: 'command', host, engine, incarnation, commandId, action, principal, reason }
}
