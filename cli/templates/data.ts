// The notification that templates are tried on: the body of a webhook, version 4, as `--data` gives it.

import { z } from 'zod'
import { exitCodes, InferwardError } from '../../core/base/errors.ts'
import { type Notification, summarize } from '../../server/dispatch/notification.ts'

const labels = z.record(z.string(), z.string())
const instant = z.string().transform((text, context): number => {
  const at = Date.parse(text)
  if (!Number.isNaN(at)) return at
  context.addIssue({ code: 'custom', message: 'not a time: write 2026-11-24T12:00:00Z' })
  return z.NEVER
})
const body = z.object({
  receiver: z.string().default('oncall'),
  alerts: z
    .array(
      z.object({
        status: z.enum(['firing', 'resolved']).default('firing'),
        labels: labels.default({}),
        annotations: labels.default({}),
        startsAt: instant,
        endsAt: instant.optional(),
        generatorURL: z.string().default(''),
        fingerprint: z.string().default('0000000000000000'),
      }),
    )
    .max(1000),
  groupLabels: labels.default({}),
  externalURL: z.string().default('http://127.0.0.1:9700'),
})

/** Throws `cli.data` with what is wrong and where. `now` is when the message is written, milliseconds. */
export function notificationOf(text: string, now: number): Notification {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw invalid(`no JSON (${(error as Error).message})`, error)
  }
  const read = body.safeParse(parsed)
  if (!read.success) {
    const [first] = read.error.issues
    throw invalid(`${first?.path.join('.') ?? ''}: ${first?.message ?? ''}`, read.error)
  }
  const { receiver, groupLabels, externalURL } = read.data
  const alerts = read.data.alerts.map(({ status, startsAt, endsAt, generatorURL, ...alert }) => ({
    ...alert,
    startsAt,
    endsAt: status === 'resolved' ? Math.min(endsAt ?? now, now) : null,
    updatedAt: now,
    generatorUrl: generatorURL,
    source: 'test',
  }))
  const firing = alerts.some((alert) => alert.endsAt === null)
  return {
    id: 'check',
    receiver,
    groupKey: '{}',
    reason: firing ? 'first' : 'all_resolved',
    status: firing ? 'firing' : 'resolved',
    groupLabels,
    ...summarize(alerts),
    alerts,
    truncated: 0,
    externalUrl: externalURL,
    at: now,
  }
}

const invalid = (words: string, cause: unknown): InferwardError =>
  new InferwardError({
    code: 'cli.data',
    message: `--data: ${words}`,
    hint: 'Give the body of a webhook: { "alerts": [{ "labels": {…}, "annotations": {…}, "startsAt": "2026-11-24T12:00:00Z" }] }.',
    exitCode: exitCodes.failed,
    cause,
  })
