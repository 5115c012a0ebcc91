// The configuration of engines and of how they are watched.

import { z } from 'zod'
import { allowedHosts, duration, listen } from '../../core/base/schema.ts'

export const engineConfig = z
  .object({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, { error: 'letters, digits, dot, dash and underscore, at most 63' }),
    model: z.string().min(1),
    listen: listen,
    allowed_hosts: allowedHosts,
    threads: z.number().int().min(0).max(256).optional(),
    max_batch: z.number().int().min(1).max(4096).optional(),
    max_queue: z.number().int().min(0).optional(),
    kv_tokens: z.number().int().min(16).optional(),
    step_tokens: z.number().int().min(1).optional(),
    request_timeout: z.string().optional(),
  })
  .strict()
export type EngineConfig = z.infer<typeof engineConfig>

export const watchConfig = z
  .object({
    scrape_interval: duration.default(1000),
    probe_interval: duration.default(30_000),
    probe_failures: z.number().int().min(1).max(100).default(3),
    /** Work waits and nothing moves: hung. */
    stall_timeout: duration.default(60_000),
    /** A load without progress: hung. */
    load_stall_timeout: duration.default(120_000),
    stop_timeout: duration.default(15_000),
    /** Actions of the local policy per engine and window, until the server leases others. */
    budget: z
      .object({ actions: z.number().int().min(0).max(100).default(3), window: duration.default(30 * 60_000) })
      .strict()
      .prefault({}),
  })
  .strict()
export type WatchConfig = z.infer<typeof watchConfig>
