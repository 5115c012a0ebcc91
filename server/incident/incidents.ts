// Incidents over the stored history. The fold is kept and fed from a cursor, so that asking again reads only what is new; readings are
// bounded (newest events of the last days), and whoever is answered learns where the history was cut.
//
// Invariant: one reading at a time; a reading that fails leaves the cursor where the fold stands.

import type { Event } from '../../core/event/event.ts'
import { defaultFoldLimits, type FoldLimits, openFold } from './fold.ts'
import type { Gathered } from './incident.ts'
import { type Incident, type IncidentSummary, recordOf, summaryOf } from './record.ts'

/** What is needed of the event store. */
export type History = {
  read(query: {
    readonly after?: number
    readonly from?: number
    readonly limit?: number
    readonly descending?: boolean
  }): Promise<readonly { readonly sequence: number; readonly event: Event }[]>
}

export type IncidentLimits = FoldLimits & { readonly keepMs: number; readonly events: number; readonly page: number }
export const defaultIncidentLimits: IncidentLimits = {
  ...defaultFoldLimits,
  keepMs: 30 * 86_400_000,
  events: 50_000,
  // Small pages, so that the first reading of a long history does not hold up the thread that serves.
  page: 1000,
}

export type Found<T> = {
  readonly value: T
  /** Older history exists and was not read, or incidents were given up for room. */
  readonly cut: boolean
}

export type IncidentQuery = { readonly limit: number; readonly state?: 'open' | 'closed' }

export type Incidents = {
  /** Newest first. */
  list(query: IncidentQuery): Promise<Found<readonly IncidentSummary[]>>
  /** By id, by the beginning of one that fits no other, or `last`. */
  find(wanted: string): Promise<Found<Incident | 'not_found' | 'ambiguous'>>
}

export function openIncidents(deps: {
  readonly now: () => number
  readonly history: History
  readonly limits?: IncidentLimits
}): Incidents {
  const { history } = deps
  const limits = deps.limits ?? defaultIncidentLimits
  const fold = openFold(limits)
  let cursor: number | null = null
  let cut = false
  let reading: Promise<void> | null = null

  /** Where to begin: behind what is too old, and behind what is too much. */
  const begin = async (): Promise<number> => {
    const [newest] = await history.read({ limit: 1, descending: true })
    if (newest === undefined) return 0
    const [oldest] = await history.read({ limit: 1 })
    const [inside] = await history.read({ limit: 1, from: deps.now() - limits.keepMs })
    const after = Math.max(newest.sequence - limits.events, (inside?.sequence ?? newest.sequence + 1) - 1)
    cut = oldest !== undefined && oldest.sequence <= after
    return after
  }
  const read = async (): Promise<void> => {
    cursor ??= await begin()
    for (;;) {
      const rows = await history.read({ after: cursor, limit: limits.page })
      for (const { sequence, event } of rows) {
        fold.take(sequence, event)
        cursor = sequence
      }
      if (rows.length < limits.page) break
    }
    fold.forget(deps.now() - limits.keepMs)
  }
  const fresh = async (): Promise<readonly Gathered[]> => {
    reading ??= read().finally(() => {
      reading = null
    })
    await reading
    return [...fold.incidents()].sort((a, b) => b.openedAt - a.openedAt || (a.id < b.id ? 1 : -1))
  }
  const found = <T>(value: T): Found<T> => ({ value, cut: cut || fold.dropped > 0 })

  return {
    async list({ limit, state }) {
      const rows = (await fresh()).filter(
        (one) => state === undefined || (one.closedAt === null) === (state === 'open'),
      )
      return found(rows.slice(0, limit).map(summaryOf))
    },
    async find(wanted) {
      const rows = await fresh()
      if (wanted === 'last') return found(rows[0] === undefined ? 'not_found' : recordOf(rows[0]))
      const key = wanted.toLowerCase()
      const exact = rows.find((one) => one.id.toLowerCase() === key)
      if (exact !== undefined) return found(recordOf(exact))
      const fits = key.length < 2 ? [] : rows.filter((one) => one.id.toLowerCase().startsWith(key))
      if (fits.length > 1) return found('ambiguous')
      return found(fits[0] === undefined ? 'not_found' : recordOf(fits[0]))
    },
  }
}
