// What the store takes from the configuration file.

import { z } from 'zod'
import { duration } from '../../core/base/schema.ts'

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
