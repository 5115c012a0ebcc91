// The one history: a closed union of what can happen in a fleet. Agents and rooms emit events; the server stores them; incidents, the
// audit trail and `why` are folds over them. A stored event never changes; a new kind is a new member here, never a free-form field.
// Invariant: `id` is unique for ever, so receiving an event twice is receiving it once.

import { z } from 'zod'

/**
 * What a process wrote may hold anything. PostgreSQL stores neither NUL nor half of a surrogate pair, and an event that can never be stored
 * would stand before all later ones; so both become U+FFFD, on every road, before the event has a hash.
 */
const storable = (value: string): string =>
  value
    .replaceAll('\0', '\ufffd')
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd')

const text = z.string().max(4000).overwrite(storable)
const name = z.string().min(1).max(200).overwrite(storable)
const labels = z.record(z.string().max(200).overwrite(storable), text)

/** What ended a process, or stopped it from working. `unknown` is an answer: it means that nothing proved another. */
export const faultCauses = [
  'killed', // SIGKILL from outside, no memory evidence
  'aborted', // SIGABRT, failed assertion, uncaught exception
  'crashed', // SIGSEGV, SIGBUS, SIGILL, SIGFPE
  'out_of_memory', // kernel OOM kill, allocation failure, heap exhausted
  'terminated', // SIGTERM or SIGINT from outside
  'exited', // returned by itself, with a code
  'hung', // alive, work waiting, no progress
  'load_failed', // never became ready
  'probe_failed', // answers, but not with an inference
  'unknown',
] as const
export const faultCause = z.enum(faultCauses)
export type FaultCause = z.infer<typeof faultCause>

export const verdicts = [
  'healthy',
  'busy',
  'long_prefill',
  'overloaded',
  'idle',
  'loading',
  'hung',
  'dead',
  'unknown',
] as const
export const verdict = z.enum(verdicts)
export type Verdict = z.infer<typeof verdict>

/** One observation behind a decision: where it was seen and what it said. */
export const evidence = z.object({ source: name, statement: text }).strict()
export type Evidence = z.infer<typeof evidence>

export const engineActions = ['start', 'stop', 'restart', 'rebuild'] as const
export const engineAction = z.enum(engineActions)
export type EngineAction = z.infer<typeof engineAction>

const base = {
  /** Unique for ever, ordered by time: `eventId()`. */
  id: z
    .string()
    .min(8)
    .max(64)
    .regex(/^[\x21-\x7e]+$/),
  /** Wall time of the happening at its source, milliseconds. */
  at: z.number().int().nonnegative(),
  /** Host name of the agent, or `server`. */
  host: name,
  /** Engine name, or null when the event is not about one. */
  engine: name.nullable(),
  /** Which life of the engine: pid and start time. Null when unknown. */
  incarnation: name.nullable(),
}

export const faultEvent = z
  .object({ ...base, kind: z.literal('fault'), cause: faultCause, detail: text, evidence: z.array(evidence).max(32) })
  .strict()
export const verdictEvent = z
  .object({ ...base, kind: z.literal('verdict'), verdict, previous: verdict, evidence: z.array(evidence).max(32) })
  .strict()
export const transitionEvent = z
  .object({
    ...base,
    kind: z.literal('transition'),
    /** Identity of the alert: hash of rule and labels. */
    fingerprint: name,
    group: name,
    rule: name,
    state: z.enum(['pending', 'firing', 'resolved', 'inactive']),
    labels,
    annotations: labels,
    /** Value of the expression at the transition; null when it gave none. */
    value: z.number().nullable(),
    /** When this alert became pending, milliseconds. */
    activeAt: z.number().int(),
  })
  .strict()
export const deliveryEvent = z
  .object({
    ...base,
    kind: z.literal('delivery'),
    receiver: name,
    channel: name,
    /** Identity of the message at the receiver, the same on every retry. */
    messageId: name,
    status: z.enum(['sent', 'failed', 'given_up']),
    /** `firing` or `resolved`. */
    transition: z.enum(['firing', 'resolved']),
    fingerprints: z.array(name).max(1000),
    attempt: z.number().int(),
    /** What the receiver answered, cut and redacted: the proof of delivery. */
    reply: text,
  })
  .strict()
export const commandEvent = z
  .object({
    ...base,
    kind: z.literal('command'),
    commandId: name,
    action: engineAction,
    /** Who asked: user, token name, `remedy`, `local-policy`. */
    principal: name,
    reason: text,
  })
  .strict()
export const outcomeEvent = z
  .object({
    ...base,
    kind: z.literal('outcome'),
    /** Null for actions of the agent's own policy. */
    commandId: name.nullable(),
    action: engineAction,
    principal: name,
    result: z.enum(['started', 'done', 'failed', 'refused', 'unknown', 'expired', 'stale']),
    /** Why refused or failed; the guard's named reason. */
    reason: text,
    /** Time from decision to verified, milliseconds; null when it does not apply. */
    tookMs: z.number().nonnegative().nullable(),
    /** Life after the action, null when there is none. */
    newIncarnation: name.nullable(),
  })
  .strict()
export const breakerEvent = z
  .object({
    ...base,
    kind: z.literal('breaker'),
    backend: name,
    state: z.enum(['closed', 'open', 'half_open']),
    reason: text,
  })
  .strict()
export const snapshotEvent = z
  .object({
    ...base,
    kind: z.literal('snapshot'),
    snapshotId: name,
    step: z.enum(['created', 'verified', 'restored', 'pruned', 'failed']),
    detail: text,
  })
  .strict()
export const changeEvent = z
  .object({
    ...base,
    kind: z.literal('change'),
    /** What changed: `config`, `rules`, `agent`, `server`, `engine`. */
    subject: name,
    principal: name,
    detail: text,
  })
  .strict()

export const event = z.discriminatedUnion('kind', [
  faultEvent,
  verdictEvent,
  transitionEvent,
  deliveryEvent,
  commandEvent,
  outcomeEvent,
  breakerEvent,
  snapshotEvent,
  changeEvent,
])
export type Event = z.infer<typeof event>
export type EventKind = Event['kind']
export type EventOf<K extends EventKind> = Extract<Event, { kind: K }>

/** Rooms that make history take one of these. It must not throw and must not block. */
export type Emit = (event: Event) => void

/** 48 bits of milliseconds and 80 random bits, in hexadecimal: sorts by time, never repeats. `random` fills its argument. */
export function eventId(now: number, random: (bytes: Uint8Array) => Uint8Array): string {
  const tail = random(new Uint8Array(10))
  let hex = Math.floor(now).toString(16).padStart(12, '0')
  for (const byte of tail) hex += byte.toString(16).padStart(2, '0')
  return hex
}
