// Silences of Alertmanager's API.

import type { Request } from 'express'
import { z } from 'zod'
import type { Clock } from '../../../core/base/clock.ts'
import type { Matcher } from '../../dispatch/matcher.ts'
import type { MatcherOp, MatcherText } from '../../dispatch/matcher-text.ts'
import { type Silence, silenceState } from '../../dispatch/silence.ts'
import type { Silences } from '../../dispatch/silences.ts'
import { instant } from './alert-json.ts'
import { bad, filters, flag, jsonBody, type Routes } from './route.ts'

const time = z.string().transform((text, context): number | null => {
  if (text.startsWith('0001-01-01')) return null
  const at = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(at)) return at
  context.addIssue({ code: 'custom', message: 'not a time as RFC 3339 has them' })
  return z.NEVER
})
/** Go's clients write what is not there as null or leave it out. */
const postable = z.object({
  id: z.string().max(64).nullish(),
  matchers: z
    .array(
      z.object({
        name: z.string(),
        value: z.string(),
        isRegex: z.boolean(),
        isEqual: z.boolean().nullish(),
      }),
    )
    .max(1000),
  startsAt: time,
  endsAt: time,
  createdBy: z.string(),
  comment: z.string(),
  annotations: z.record(z.string(), z.string()).nullish(),
})

const opOf = (isRegex: boolean, isEqual: boolean): MatcherOp =>
  isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!='

export function addSilences({ add }: Routes, deps: { readonly clock: Clock; readonly silences: Silences }): void {
  const { clock, silences } = deps
  const shown = (silence: Silence): unknown => ({
    id: silence.id,
    status: { state: silenceState(silence, clock.now()) },
    updatedAt: instant(silence.updatedAt),
    annotations: silence.annotations,
    comment: silence.comment,
    createdBy: silence.createdBy,
    endsAt: instant(silence.endsAt),
    startsAt: instant(silence.startsAt),
    matchers: silence.matchers.map(({ name, op, value }) => ({
      name,
      value,
      isRegex: op.includes('~'),
      isEqual: !op.startsWith('!'),
    })),
  })
  const idOf = (request: Request): string => String(request.params.id)

  add('/silences', {
    get: {
      needs: 'read',
      handle(request, response) {
        const wanted = filters(request, 'filter')
        const states = (['active', 'pending', 'expired'] as const).filter((state) => flag(request, state))
        const now = clock.now()
        const rows = silences
          .list()
          .map((silence) => ({ silence, state: silenceState(silence, now) }))
          .filter(({ silence, state }) => states.includes(state) && wanted.every((one) => holds(silence, one)))
        response.json(rows.sort(byUse).map(({ silence }) => shown(silence)))
      },
    },
    post: {
      needs: 'silence',
      async handle(request, response) {
        const parsed = postable.safeParse(jsonBody(request))
        if (!parsed.success) {
          const [issue] = parsed.error.issues
          throw bad(`${issue?.path.map(String).join('.') || 'body'}: ${issue?.message ?? 'invalid'}`)
        }
        const { id, matchers, startsAt, endsAt, createdBy, comment, annotations } = parsed.data
        const silenceID = await silences.set({
          id: id ?? '',
          matchers: matchers.map(({ name, value, isRegex, isEqual }) => ({
            name,
            value,
            op: opOf(isRegex, isEqual ?? true),
          })),
          startsAt,
          endsAt: endsAt ?? Number.NaN,
          createdBy,
          comment,
          annotations: annotations ?? {},
        })
        response.json({ silenceID })
      },
    },
  })
  add('/silence/:id', {
    get: {
      needs: 'read',
      handle(request, response) {
        const silence = silences.get(idOf(request))
        if (silence === null) response.status(404).json(`no silence ${idOf(request).slice(0, 64)}`)
        else response.json(shown(silence))
      },
    },
    delete: {
      needs: 'silence',
      async handle(request, response) {
        await silences.expire(idOf(request))
        response.status(200).end()
      },
    },
  })
}

/** Does the silence have this very matcher? */
const holds = (silence: Silence, wanted: Matcher): boolean =>
  silence.matchers.some(
    ({ name, op, value }: MatcherText) => name === wanted.name && op === wanted.op && value === wanted.value,
  )

type Row = { readonly silence: Silence; readonly state: 'active' | 'pending' | 'expired' }
const order = ['active', 'pending', 'expired']

/** Active ones that end first, then pending ones that begin first, then expired ones that ended last. */
function byUse(a: Row, b: Row): number {
  if (a.state !== b.state) return order.indexOf(a.state) - order.indexOf(b.state)
  if (a.state === 'pending') return a.silence.startsAt - b.silence.startsAt
  return a.state === 'active' ? a.silence.endsAt - b.silence.endsAt : b.silence.endsAt - a.silence.endsAt
}
