// The table of silences as a double in memory: what survives a restart is the object itself. It passes the same suite as the one over PostgreSQL.

import type { Silence } from '../../../server/dispatch/silence.ts'
import type { SilenceTable } from '../../../server/dispatch/silence-table-port.ts'

export function memorySilenceTable(): SilenceTable {
  const rows = new Map<string, Silence>()
  return {
    async save(silences) {
      // As the database would: what is stored is text.
      for (const one of silences) rows.set(one.id, JSON.parse(JSON.stringify(one)) as Silence)
    },
    load: async (endedSince) =>
      [...rows.values()].filter(({ endsAt }) => endsAt >= endedSince).sort((a, b) => a.startsAt - b.startsAt),
    async sweep(endedBefore) {
      const gone = [...rows.values()].filter(({ endsAt }) => endsAt < endedBefore)
      for (const { id } of gone) rows.delete(id)
      return gone.length
    },
  }
}
