// A change of an acknowledgement as an event of the one history: who took which alert over, until when, and why.

import type { EventOf } from '../../core/event/event.ts'
import type { Ack } from './ack.ts'

export function ackEvent(
  id: string,
  at: number,
  ack: Ack,
  what: 'acknowledged' | 'withdrawn',
  by: string,
): EventOf<'change'> {
  const words =
    what === 'withdrawn'
      ? `acknowledgement by ${ack.owner} withdrawn`
      : `acknowledged by ${ack.owner}, until ${new Date(ack.expiresAt).toISOString()}: ${ack.comment}`
  return {
    id,
    at: Math.floor(at),
    kind: 'change',
    host: 'server',
    engine: null,
    incarnation: null,
    subject: 'alert',
    principal: by.slice(0, 200) || 'unknown',
    detail: `alert ${ack.fingerprint} ${words}`.slice(0, 4000),
  }
}
