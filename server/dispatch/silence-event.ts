// A change of a silence as an event of the one history: who kept what quiet, from when to when, and why.

import type { EventOf } from '../../core/event/event.ts'
import { matchersText } from './matcher-text.ts'
import type { Silence } from './silence.ts'

export function silenceEvent(
  id: string,
  at: number,
  silence: Silence,
  what: 'created' | 'updated' | 'expired',
): EventOf<'change'> {
  const until = new Date(silence.endsAt).toISOString()
  const words = what === 'expired' ? 'ended' : `${what}, until ${until}`
  return {
    id,
    at: Math.floor(at),
    kind: 'change',
    host: 'server',
    engine: null,
    incarnation: null,
    subject: 'silence',
    principal: silence.createdBy.slice(0, 200) || 'unknown',
    detail: `silence ${silence.id} ${words}: ${matchersText(silence.matchers)} ${silence.comment}`.slice(0, 4000),
  }
}
