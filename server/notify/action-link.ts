// Links in messages that let a reader without an account do one thing: each is a signed statement of what, about which alerts, and until when.
// Reading one changes nothing; the page behind it asks first. Whoever has the link may do this one thing, as whoever reads the chat may.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Secret } from '../../core/base/redact.ts'
import type { Notification } from '../dispatch/notification.ts'

export const actionKinds = ['ack', 'silence'] as const
export type ActionKind = (typeof actionKinds)[number]

const statement = z
  .object({
    action: z.enum(actionKinds),
    /** Of the message that it stood in: the same on every attempt, and one purpose is one use of one message. */
    message: z.string().min(1).max(200),
    /** All alerts with these labels; never empty. */
    labels: z.record(z.string(), z.string()).refine((labels) => Object.values(labels).some((value) => value !== '')),
    expiresAt: z.number().int(),
  })
  .strict()
export type Statement = z.infer<typeof statement>

export type ActionLink = { readonly action: ActionKind; readonly url: string }
/** Links for one message; none for a recovery, and none when it speaks of alerts that share no label. */
export type ActionLinks = (notification: Notification) => readonly ActionLink[]

export const actionPath = '/notify/act'
/** News of yesterday is acted on in the console. */
export const linkLifeMs = 86_400_000
/** Longer links are cut by chats, and longer statements are not ours. */
const maxToken = 2000

const sign = (key: Secret, payload: string): string =>
  createHmac('sha256', key.reveal()).update(`inferward action\n${payload}`).digest('base64url')

/** `offered`: what there is something behind. */
export function openActionLinks(key: Secret, offered: readonly ActionKind[]): ActionLinks {
  return (notification) => {
    const labels = sharedLabels(notification)
    if (notification.status !== 'firing' || labels === null) return []
    return offered.flatMap((action) => {
      const token = actionToken(key, {
        action,
        message: notification.id,
        labels,
        expiresAt: notification.at + linkLifeMs,
      })
      return token.length > maxToken ? [] : [{ action, url: `${notification.externalUrl}${actionPath}/${token}` }]
    })
  }
}

export function actionToken(key: Secret, what: Statement): string {
  const payload = Buffer.from(JSON.stringify(what), 'utf8').toString('base64url')
  return `${payload}.${sign(key, payload)}`
}

export type ReadAction =
  | { readonly ok: true; readonly statement: Statement }
  | { readonly ok: false; readonly reason: 'not_ours' | 'expired' }

export function readActionToken(key: Secret, token: string, now: number): ReadAction {
  const [payload = '', given = '', ...more] = token.length > maxToken ? [] : token.split('.')
  const expected = sign(key, payload)
  const same = given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected))
  if (!same || more.length > 0) return { ok: false, reason: 'not_ours' }
  const read = statement.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')))
  if (!read.success) return { ok: false, reason: 'not_ours' }
  return now < read.data.expiresAt ? { ok: true, statement: read.data } : { ok: false, reason: 'expired' }
}

/** The labels of the group where it has some, else those that all its alerts share; without any a silence would hold everything. */
function sharedLabels({ groupLabels, commonLabels, digest }: Notification): Readonly<Record<string, string>> | null {
  if (digest === true) return null
  for (const labels of [groupLabels, commonLabels]) {
    const told = Object.entries(labels).filter(([, value]) => value !== '')
    if (told.length > 0) return Object.fromEntries(told)
  }
  return null
}
