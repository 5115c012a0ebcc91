// The journal of posted alerts as a double in memory: what survives a restart is the object itself. It passes the same suite as the one over
// PostgreSQL, and can be told to fail or to hang.

import type { JournalRow, PostedJournal } from '../../../server/alert/posted-journal-port.ts'

export type MemoryJournal = PostedJournal & {
  readonly rows: JournalRow[]
  /** What the next appends meet; an error that is thrown, or a wait. */
  before: () => Promise<void>
}

export function memoryJournal(): MemoryJournal {
  const journal: MemoryJournal = {
    rows: [],
    before: async () => {},
    async append(rows) {
      await journal.before()
      journal.rows.push(...rows.map((row) => ({ ...row, body: Uint8Array.from(row.body) })))
    },
    async load(each) {
      for (const row of journal.rows) each(row)
    },
    async compact(state) {
      await journal.before()
      journal.rows.splice(0, journal.rows.length, ...state)
    },
  }
  return journal
}
