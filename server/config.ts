// The server's part of the configuration file. One file serves all programs: keys of the others are known here and left alone.

import { z } from 'zod'
import { duration, listen } from '../core/base/schema.ts'

export const serverConfig = z
  .object({
    server: z
      .object({
        listen: listen.prefault('127.0.0.1:9700'),
        max_agents: z.number().int().min(1).max(100_000).default(2000),
      })
      .strict()
      .prefault({}),
    remedy: z
      .object({
        actions_per_engine: z.number().int().min(0).max(100).default(3),
        window: duration.default(30 * 60_000),
      })
      .strict()
      .prefault({}),
    engines: z.unknown().optional(),
    agent: z.unknown().optional(),
  })
  .strict()
export type ServerConfig = z.infer<typeof serverConfig>
