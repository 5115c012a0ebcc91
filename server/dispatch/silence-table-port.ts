// Where silences are kept. `server/db/silence-table.ts` and the double in the tests pass one suite.

import type { Silence } from './silence.ts'

export type SilenceTable = {
  /** All or nothing; what stands under an id is replaced. */
  save(silences: readonly Silence[]): Promise<void>
  /** Those that end at or after that time. */
  load(endedSince: number): Promise<readonly Silence[]>
  /** Drops those that ended before that time; how many. */
  sweep(endedBefore: number): Promise<number>
}
