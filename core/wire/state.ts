// What an agent reports of itself: the full state at connect and on request, whole engine rows when they change. Small on purpose;
// numbers over time travel as samples, happenings as events.

import { z } from 'zod'

/** Engines on one host, in a configuration and in a report. */
export const maxEngines = 64

/** Text that a database can hold: neither NUL nor half of a surrogate pair. */
const text = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[^\0\p{Cs}]*$/u, { error: 'holds characters that are no text' })
/** Shown in terminals and messages: nothing that moves a cursor or turns the reading direction. */
const name = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]*$/u, { error: 'holds characters that cannot be shown' })
export const hostName = name

export const engineState = z
  .object({
    name,
    /** Pid and start time of the present life; null when none. */
    incarnation: text(200).nullable(),
    pid: z.number().int().nullable(),
    phase: z.enum(['stopped', 'starting', 'loading', 'serving', 'stopping', 'backoff', 'given_up']),
    verdict: z.enum(['healthy', 'busy', 'long_prefill', 'overloaded', 'idle', 'loading', 'hung', 'dead', 'unknown']),
    make: text(50),
    model: text(500),
    url: text(500),
    since: z.number().int(),
    budgetLeft: z.number().int(),
  })
  .strict()
export type EngineState = z.infer<typeof engineState>

export const agentState = z
  .object({
    host: hostName,
    bootId: text(100),
    version: text(50),
    startedAt: z.number().int(),
    engines: z
      .array(engineState)
      .max(maxEngines)
      .refine((engines) => new Set(engines.map((one) => one.name)).size === engines.length, 'two engines of one name'),
  })
  .strict()
export type AgentState = z.infer<typeof agentState>
