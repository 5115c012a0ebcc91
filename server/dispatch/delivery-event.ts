// An attempt to deliver as an event of the one history: the proof that somebody was told, or that it failed.

import type { EventOf } from '../../core/event/event.ts'
import type { OutboxRow, Settlement } from './outbox-port.ts'

const maxName = 200
const maxFingerprints = 1000

/** Every end is told; of failures the first three, then each whose number is a power of two: a day of retries is some dozen events. */
export function worthAnEvent(settlement: Settlement, attempt: number): boolean {
  return settlement.state !== 'failed' || attempt <= 3 || Number.isInteger(Math.log2(attempt))
}

export function deliveryEvent(id: string, row: OutboxRow, settlement: Settlement): EventOf<'delivery'> {
  const { notification } = row
  const engine = notification.commonLabels.engine
  return {
    id,
    at: Math.floor(settlement.at),
    kind: 'delivery',
    host: 'server',
    engine: engine === undefined || engine === '' ? null : engine.slice(0, maxName),
    incarnation: null,
    receiver: notification.receiver.slice(0, maxName),
    channel: row.channel.slice(0, maxName),
    messageId: row.id,
    status: settlement.state,
    transition: notification.status,
    fingerprints: notification.alerts.slice(0, maxFingerprints).map((alert) => alert.fingerprint),
    attempt: row.attempt,
    reply: settlement.state === 'sent' ? settlement.reply : `${settlement.code}: ${settlement.reply}`.slice(0, 4000),
  }
}
