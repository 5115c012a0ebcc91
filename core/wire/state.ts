// What an agent reports of itself: the full state at connect and on request, whole engine rows when they change. Small on purpose;
// numbers over time travel as samples, happenings as events.

import { z } from 'zod'

export const engineState = z
  .object({
    name: z.string().min(1).max(200),
    /** Pid and start time of the present life; null when none. */
    incarnation: z.string().max(200).nullable(),
    pid: z.number().int().nullable(),
    phase: z.enum(['stopped', 'starting', 'loading', 'serving', 'stopping', 'backoff', 'given_up']),
    verdict: z.enum(['healthy', 'busy', 'long_prefill', 'overloaded', 'idle', 'loading', 'hung', 'dead', 'unknown']),
    make: z.string().max(50),
    model: z.string().max(500),
    url: z.string().max(500),
    since: z.number().int(),
    budgetLeft: z.number().int(),
  })
  .strict()
export type EngineState = z.infer<typeof engineState>

export const agentState = z
  .object({
    host: z.string().min(1).max(200),
    bootId: z.string().max(100),
    version: z.string().max(50),
    startedAt: z.number().int(),
    engines: z.array(engineState).max(256),
  })
  .strict()
export type AgentState = z.infer<typeof agentState>
