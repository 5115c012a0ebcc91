// A command to an agent: an imperative with an identity, a target life, a fence and an end. Everything that can be said as desired state
// is said so; a command is for what happens once. Empty targets do not exist: a command names exactly one engine.

import { z } from 'zod'

export const command = z
  .object({
    id: z.string().min(8).max(64),
    /** Host the engine runs on; an agent refuses a command for another host. */
    host: z.string().min(1).max(200),
    engine: z.string().min(1).max(200),
    /** The life this command is for; another life makes it `stale`. Null = whichever lives. */
    incarnation: z.string().max(200).nullable(),
    action: z.enum(['start', 'stop', 'restart', 'rebuild']),
    principal: z.string().min(1).max(200),
    reason: z.string().max(1000),
    /** Monotone per target, given out by the database together with the command; a lower one than seen is refused. */
    fence: z.number().int().nonnegative(),
    /** Server wall time, milliseconds; past it the command is `expired`. */
    expiresAt: z.number().int(),
    /** Life time left at sending, milliseconds: agents count this on their monotonic clock, so that a clock jump expires nothing. */
    ttlMs: z.number().int().nonnegative(),
  })
  .strict()
export type Command = z.infer<typeof command>
