// Where acknowledgements are kept, one for each alert. `server/db/ack-table.ts` and the double in the tests pass one suite.

import type { Ack } from './ack.ts'

export type AckTable = {
  /** Replaces what stands for the alert. */
  save(ack: Ack): Promise<void>
  /** Those that expire at or after that time. */
  load(expiredSince: number): Promise<readonly Ack[]>
  /** Drops those that expired before that time; how many. */
  sweep(expiredBefore: number): Promise<number>
}
