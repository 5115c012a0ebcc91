// Who is told that this server is at work, so that its silence is noticed: URLs that expect a call every so often, and receivers.

import { z } from 'zod'
import { errorText, exitCodes, InferwardError, systemCode } from '../../core/base/errors.ts'
import { type Secret, secret } from '../../core/base/redact.ts'
import { duration } from '../../core/base/schema.ts'
import { refusal } from './address-guard.ts'

const minute = 60_000
const hour = 60 * minute

const between = (least: number, most: number, words: string) =>
  duration.refine((ms) => ms >= least && ms <= most, { error: words })

/** Words why the text is no URL to call, or null. They do not hold it: such URLs are secrets. */
function urlFault(text: string): string | null {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return 'not an http or https URL'
  const words = refusal(new URL(text).hostname, 'private')
  return words === null ? null : `refused: ${words}`
}

const common = {
  interval: between(10_000, hour, 'must be 10s to 1h').prefault('1m'),
  timeout: between(100, minute, 'must be 100ms to 1m').prefault('10s'),
}
const byUrl = z
  .object({
    url: z.string().superRefine((text, context) => {
      const words = urlFault(text)
      if (words !== null) context.addIssue({ code: 'custom', message: words })
    }),
    ...common,
  })
  .strict()
const byFile = z.object({ url_file: z.string().min(1), ...common }).strict()
const byReceiver = z
  .object({
    receiver: z.string().min(1).max(200),
    /** How often it is told that all is well; trouble is told at once. */
    interval: between(10 * minute, 7 * 24 * hour, 'must be 10m to 7d').prefault('24h'),
  })
  .strict()

export const heartbeats = z
  .array(z.union([byUrl, byFile, byReceiver]))
  .max(20)
  .default([])

export type Heartbeat =
  | { readonly kind: 'url'; readonly url: Secret; readonly intervalMs: number; readonly timeoutMs: number }
  | { readonly kind: 'receiver'; readonly receiver: string; readonly intervalMs: number }

/** With the secrets read, and every receiver known to have a channel. Throws `config.heartbeats`. */
export function readHeartbeats(
  list: z.infer<typeof heartbeats>,
  deps: { readonly read: (file: string) => string; readonly receivers: ReadonlySet<string> },
): readonly Heartbeat[] {
  return list.map((one, index): Heartbeat => {
    const fault = (words: string, cause?: unknown): InferwardError =>
      new InferwardError({
        code: 'config.heartbeats',
        exitCode: exitCodes.config,
        message: `heartbeats[${index}]: ${words}`,
        hint: 'Correct heartbeats in the configuration file.',
        cause,
      })
    if ('receiver' in one) {
      if (deps.receivers.has(one.receiver))
        return { kind: 'receiver', receiver: one.receiver, intervalMs: one.interval }
      const known = [...deps.receivers].join(', ') || 'none'
      throw fault(`receiver "${one.receiver}" does not exist or has no channel; those that have: ${known}`)
    }
    const times = { intervalMs: one.interval, timeoutMs: one.timeout }
    if ('url' in one) return { kind: 'url', url: secret(one.url), ...times }
    let text: string
    try {
      text = deps.read(one.url_file).trim()
    } catch (error) {
      throw fault(`url_file: ${one.url_file} cannot be read (${systemCode(error) ?? errorText(error)})`, error)
    }
    const words = urlFault(text)
    if (words !== null)
      throw fault(
        `url_file: ${one.url_file} holds ${words === 'not an http or https URL' ? 'no http or https URL' : `an address that is ${words}`}`,
      )
    return { kind: 'url', url: secret(text), ...times }
  })
}
