// The agent channel: one outbound WebSocket from agent to server. Text frames are these records as JSON; binary frames carry streams.
// Semantics follow OpAMP: every agent message has the next sequence number, a gap makes the server ask for the full state. A stream
// frame is delivered at least once and in order; the server acknowledges what it has made its own, and drops what it has already.

import { z } from 'zod'
import { command } from './command.ts'
import { rulesOffer } from './host-rules.ts'
import { agentState } from './state.ts'

export const protocolVersion = 1
export const maxTextBytes = 1 << 20
export const maxBinaryBytes = 8 << 20
/** How often an agent says that it lives; the server calls it late at 2.5 of these. */
export const heartbeatMs = 10_000

export const streams = ['samples', 'events', 'transitions'] as const
export type Stream = (typeof streams)[number]

const position = z.object({
  /** Identity of the spool, 16 hexadecimal digits; another epoch means that the old frames are gone for good. */
  epoch: z.string().regex(/^[0-9a-f]{16}$/),
  first: z.number().int().positive(),
  next: z.number().int().positive(),
})

const sequence = z.number().int().nonnegative()

export const agentMessage = z.discriminatedUnion('type', [
  z
    .object({
      type: z.literal('hello'),
      seq: sequence,
      protocol: z.number().int(),
      state: agentState,
      /** Without `transitions`: this agent works no rules out. */
      streams: z.object({ samples: position, events: position, transitions: position.optional() }),
    })
    .strict(),
  z.object({ type: z.literal('state'), seq: sequence, state: agentState }).strict(),
  z.object({ type: z.literal('heartbeat'), seq: sequence, at: z.number().int() }).strict(),
  /** The command is in the agent's journal (or refused): the server need not send it again. */
  z
    .object({
      type: z.literal('command_received'),
      seq: sequence,
      commandId: z.string().max(64),
      verdict: z.string().max(300),
    })
    .strict(),
])
export type AgentMessage = z.infer<typeof agentMessage>

export const serverMessage = z.discriminatedUnion('type', [
  z
    .object({
      type: z.literal('welcome'),
      /** Server wall time, for showing clock skew. */
      time: z.number().int(),
      /** Identity of this server process: another one may have lost what it held in memory. */
      serverId: z.string().max(64),
      /** Highest sequence the server holds of each stream; null when it has nothing of that epoch. */
      acks: z.object({
        samples: sequence.nullable(),
        events: sequence.nullable(),
        transitions: sequence.nullable().default(null),
      }),
    })
    .strict(),
  z.object({ type: z.literal('ack'), stream: z.enum(streams), sequence }).strict(),
  z.object({ type: z.literal('command'), command }).strict(),
  z.object({ type: z.literal('report_full_state') }).strict(),
  /** How many actions the agent's own policy may take per engine and window; it counts also while the server is away. */
  z
    .object({
      type: z.literal('lease'),
      actionsPerEngine: z.number().int().nonnegative(),
      windowMs: z.number().int().positive(),
    })
    .strict(),
  rulesOffer,
])
export type ServerMessage = z.infer<typeof serverMessage>

/** Binary frame: stream number (1), sequence (8, little-endian), payload. */
export function encodeStreamFrame(stream: Stream, sequence: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length)
  bytes[0] = streams.indexOf(stream)
  new DataView(bytes.buffer).setBigUint64(1, BigInt(sequence), true)
  bytes.set(payload, 9)
  return bytes
}

export function decodeStreamFrame(bytes: Uint8Array): { stream: Stream; sequence: number; payload: Uint8Array } | null {
  const stream = streams[bytes[0] ?? 255]
  if (bytes.length < 9 || stream === undefined) return null
  const sequence = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(1, true))
  return Number.isSafeInteger(sequence) && sequence > 0 ? { stream, sequence, payload: bytes.subarray(9) } : null
}

export type Parsed<T> = { readonly ok: true; readonly message: T } | { readonly ok: false; readonly fault: string }

/** Text frame to record. The fault names the field, never echoes the content. */
export function parseMessage<T>(schema: z.ZodType<T>, text: string): Parsed<T> {
  if (text.length > maxTextBytes)
    return { ok: false, fault: `message of ${text.length} characters, at most ${maxTextBytes}` }
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    return { ok: false, fault: 'not JSON' }
  }
  const result = schema.safeParse(raw)
  if (result.success) return { ok: true, message: result.data }
  const issue = result.error.issues[0]
  // The words for an unknown key would repeat it, and keys are content too.
  const words = issue?.code === 'unrecognized_keys' ? 'a field that is not known' : (issue?.message ?? 'invalid')
  return { ok: false, fault: `${issue?.path.map(String).join('.') || 'message'}: ${words}` }
}
