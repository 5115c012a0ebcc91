// What the store takes from the configuration file.

import { z } from 'zod'
import { duration } from '../../core/base/schema.ts'

/** The window lies in memory. */
const longestWindowMs = 86_400_000

/** Samples on disk, under the data folder. */
export const storageConfig = z
  .object({
    retention: duration.default(15 * 86_400_000),
    /** Most bytes of blocks; left out: bounded by age alone. The log and the snapshots of the newest hours come on top. */
    max_bytes: z
      .number()
      .int()
      .min(1 << 20)
      .optional(),
    /** How far behind the newest sample of all a sample may come behind newer ones of its series; 0: not at all. That much stays in memory. */
    out_of_order_time_window: duration.default(0).refine((ms) => ms <= longestWindowMs, 'longer than a day'),
  })
  .strict()
  .prefault({})

export type StoreConfig = {
  readonly server: {
    readonly max_series: number
    /** How far back samples are kept in memory, milliseconds. */
    readonly retention: number
    readonly query_samples: number
    readonly external_labels: Readonly<Record<string, string>>
  }
  readonly storage: z.infer<typeof storageConfig>
  readonly evaluation_interval: number
  readonly evaluation_on_arrival?: number | undefined
}
