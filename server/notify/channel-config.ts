// Keys that several kinds of channel share, and what every channel is given when it is opened.

import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../core/base/clock.ts'
import { duration } from '../../core/base/schema.ts'
import type { Channel } from '../dispatch/channel.ts'
import type { ActionLinks } from './action-link.ts'
import type { Post } from './http-post.ts'
import type { RemedyPort } from './remedy-port.ts'
import type { Look } from './render/message.ts'
import { isTimeZone } from './render/time.ts'
import { defaultTimeZone, type Lang } from './render/words.ts'

export type ChannelDeps = {
  readonly clock: Clock
  readonly post: Post
  /** Links in messages that let a reader act; left out: none. */
  readonly actions?: ActionLinks
  /** Where `remedy` channels ask for repairs; left out: they are refused. */
  readonly remedy?: RemedyPort
}

/** The configuration of a channel whose messages people read, with the links that they may act by. */
export function withActions<C extends { readonly look: Look }>(config: C, { actions }: ChannelDeps): C {
  return actions === undefined ? config : { ...config, look: { ...config.look, actions } }
}

/** Where a channel stands in the configuration: its identity. */
export type ChannelPlace = { readonly receiver: string; readonly index: number }

export const channelName = (place: ChannelPlace, kind: string): string => `${place.receiver}/${kind}[${place.index}]`

export const lookKeys = {
  lang: z.enum(['zh', 'en']).optional(),
  time_zone: z
    .string()
    .refine(isTimeZone, 'not a time zone: write a name such as Asia/Shanghai, Europe/Berlin or UTC')
    .optional(),
}

/** Receiver that takes over what this channel cannot tell. */
export const spillKey = { spill_to: z.string().min(1).max(200).optional() }
export const spillOf = (raw: { readonly spill_to?: string | undefined }): { readonly spillTo?: string } =>
  raw.spill_to === undefined ? {} : { spillTo: raw.spill_to }

export function lookOf(
  raw: { readonly lang?: Lang | undefined; readonly time_zone?: string | undefined },
  lang: Lang,
): Look {
  const chosen = raw.lang ?? lang
  return { lang: chosen, timeZone: raw.time_zone ?? defaultTimeZone(chosen) }
}

/** One attempt; `0s` means the default, as upstream. */
export const timeout = duration
  .refine((ms) => ms <= 120_000, 'a timeout is at most 2m')
  .transform((ms) => (ms === 0 ? 10_000 : ms))
  .prefault('10s')

// YAML reads a bare mobile number as a number.
const mobile = z
  .union([z.string(), z.number()])
  .transform(String)
  .refine((text) => /^\+?\d[\d-]{4,20}$/.test(text), 'not a mobile number: write 13800000000 or +852-12345678')
const userId = z.string().regex(/^[A-Za-z0-9_.@-]{1,64}$/, 'not a user id')

/** Who is called by name when alerts fire; recoveries call nobody. At most 50 people, as the robots allow. */
export const mentions = z
  .object({
    mobiles: z.array(mobile).default([]),
    user_ids: z.array(userId).default([]),
    all: z.boolean().default(false),
  })
  .strict()
  .refine((one) => one.mobiles.length + one.user_ids.length <= 50, 'at most 50 people can be mentioned')
  .prefault({})
export type Mentions = z.infer<typeof mentions>

export const nobody: Mentions = { mobiles: [], user_ids: [], all: false }

/** A key that exists upstream and not here: refused by its own name, never ignored; empty values are accepted. */
export function notYet(instead: string) {
  return z
    .unknown()
    .optional()
    .superRefine((value, context) => {
      if (value === undefined || value === null || value === '') return
      if (Array.isArray(value) && value.length === 0) return
      context.addIssue({ code: 'custom', message: `not in this version; ${instead}` })
    })
}

/** Robots fall silent for minutes after the twentieth message of a minute; two receivers with one robot share its pace. */
export function robotQuota(url: string, pace = { perMinute: 18, burst: 5 }): NonNullable<Channel['quota']> {
  return { ...pace, key: createHash('sha256').update(url).digest('hex') }
}
