// The table of alerts in memory, by the rules of the real one: an event that is known brings no row with it, and a late step undoes no later one.

import type { EventOf } from '../../core/event/event.ts'
import type { AlertRow, AlertTable, AlertWrite } from '../../server/alert/alert-table-port.ts'

export type MemoryTable = AlertTable & {
  readonly events: readonly EventOf<'transition'>[]
  readonly rows: ReadonlyMap<string, AlertRow>
}

export function memoryTable(): MemoryTable {
  const events = new Map<string, EventOf<'transition'>>()
  const rows = new Map<string, AlertRow>()
  const write = (one: AlertWrite): string | null => {
    if (one.kind === 'text') {
      const row = rows.get(one.episode)
      if (row?.state === 'firing' && row.updatedAt <= one.updatedAt) {
        const { annotations, value, keepFiringSince, updatedAt } = one
        rows.set(one.episode, { ...row, annotations, value, keepFiringSince, updatedAt })
      }
      return null
    }
    const { event, row } = one
    if (events.has(event.id)) return null
    events.set(event.id, event)
    const known = rows.get(row.episode)
    if (known === undefined || known.changedAt <= row.changedAt) {
      if (one.remove) rows.delete(row.episode)
      else rows.set(row.episode, row)
    }
    return event.id
  }
  return {
    get events() {
      return [...events.values()]
    },
    rows,
    apply: async (writes) => new Set(writes.flatMap((one) => write(one) ?? [])),
    load: async (since) =>
      [...rows.values()].filter(({ state, resolvedAt }) => state !== 'resolved' || (resolvedAt ?? 0) >= since),
    async sweep(before, limit) {
      const old = [...rows.values()].filter(({ resolvedAt }) => resolvedAt !== null && resolvedAt < before)
      for (const { episode } of old.slice(0, limit)) rows.delete(episode)
      return Math.min(limit, old.length)
    },
  }
}
