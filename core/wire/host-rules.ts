// Rules that an agent works out for its own host: what the server hands over, and what comes back on the stream `transitions`
// (docs/decisions/0008). Plain records; times are milliseconds of the agent's wall clock.

import { z } from 'zod'

const name = z.string().min(1).max(1000)
const term = z.string().min(1).max(64)
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const time = z.number().int()
const labels = z.record(z.string().max(1000), z.string().max(1 << 16))
/** JSON knows only finite numbers. */
const value = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]).transform(Number)
export const wireValue = (one: number): number | 'NaN' | 'Infinity' | '-Infinity' =>
  Number.isFinite(one) ? one : (String(one) as 'NaN')

/** Which rules of a file: places in the list of the group. */
export const rulePick = z
  .object({ file: name, group: name, rules: z.array(z.number().int().nonnegative()).max(10_000) })
  .strict()
export type RulePick = z.infer<typeof rulePick>

const alert = {
  fingerprint: z.string().min(1).max(64),
  file: name,
  group: name,
  rule: name,
  expression: z.string().max(1 << 20),
  labels,
  annotations: labels,
  activeAt: time,
  firedAt: time.nullable(),
}
export const wireAlert = z
  .object({ ...alert, state: z.enum(['pending', 'firing']), value, keepFiringSince: time.nullable() })
  .strict()
export const wireTransition = z
  .object({
    ...alert,
    state: z.enum(['pending', 'firing', 'resolved', 'inactive']),
    at: time,
    value: value.nullable(),
  })
  .strict()
export const wireAmendment = z
  .object({
    fingerprint: alert.fingerprint,
    file: name,
    group: name,
    rule: name,
    at: time,
    activeAt: time,
    annotations: labels,
    value: value.nullable(),
    keepFiringSince: time.nullable(),
  })
  .strict()

/** From the server. `hash` is of everything but term and alerts; the agent repeats it and never works it out. No picks: stop. */
export const rulesOffer = z
  .object({
    type: z.literal('rules'),
    term,
    hash,
    files: z.array(z.object({ file: name, text: z.string() }).strict()).max(1000),
    picks: z.array(rulePick).max(10_000),
    externalLabels: labels,
    externalUrl: z.string().max(2000),
    /** For groups without an interval. */
    intervalMs: z.number().int().positive(),
    /** What the server knows of this host's alerts. */
    alerts: z.array(wireAlert).max(10_000),
  })
  .strict()
export type RulesOffer = z.infer<typeof rulesOffer>

export const rulesRecord = z.discriminatedUnion('kind', [
  /** What one evaluation changed. */
  z
    .object({
      kind: z.literal('changes'),
      term,
      hash,
      transitions: z.array(wireTransition).max(10_000),
      amendments: z.array(wireAmendment).max(10_000),
    })
    .strict(),
  /** All alerts at this point of the stream. */
  z.object({ kind: z.literal('statement'), term, hash, alerts: z.array(wireAlert).max(10_000) }).strict(),
  z.object({ kind: z.literal('refused'), term, hash, reason: z.string().max(2000) }).strict(),
])
export type RulesRecord = z.infer<typeof rulesRecord>

export type ParsedRecord =
  | { readonly ok: true; readonly record: RulesRecord }
  | { readonly ok: false; readonly fault: string }

const [encoder, decoder] = [new TextEncoder(), new TextDecoder('utf-8', { fatal: true })]

export function encodeRulesRecord(record: RulesRecord): Uint8Array {
  // Only values may be other than finite; NaN is `null` to JSON, which would mean "none".
  const text = JSON.stringify(record, (_key, one: unknown) => (typeof one === 'number' ? wireValue(one) : one))
  return encoder.encode(text)
}

/** The fault names the field, never echoes the content. */
export function decodeRulesRecord(bytes: Uint8Array): ParsedRecord {
  let raw: unknown
  try {
    raw = JSON.parse(decoder.decode(bytes))
  } catch {
    return { ok: false, fault: 'not JSON' }
  }
  const result = rulesRecord.safeParse(raw)
  if (result.success) return { ok: true, record: result.data }
  const issue = result.error.issues[0]
  return { ok: false, fault: `${issue?.path.map(String).join('.') || 'record'}: ${issue?.code ?? 'invalid'}` }
}
