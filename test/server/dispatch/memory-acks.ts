// The table of acknowledgements as a double in memory. It passes the same suite as the one over PostgreSQL.

import type { Ack } from '../../../server/dispatch/ack.ts'
import type { AckTable } from '../../../server/dispatch/ack-table-port.ts'

export function memoryAckTable(): AckTable {
  const rows = new Map<string, Ack>()
  const order = (a: Ack, b: Ack): number => a.at - b.at || (a.fingerprint < b.fingerprint ? -1 : 1)
  return {
    save: async (ack) => void rows.set(ack.fingerprint, { ...ack }),
    load: async (since) => [...rows.values()].filter(({ expiresAt }) => expiresAt >= since).sort(order),
    async sweep(before) {
      const gone = [...rows.values()].filter(({ expiresAt }) => expiresAt < before)
      for (const { fingerprint } of gone) rows.delete(fingerprint)
      return gone.length
    },
  }
}
