// The page behind a link of a message: GET shows what would be done and asks, POST does it. Needs no token of the API, since the link is signed,
// ends after a day and is good for one thing. Previews of chats fetch links; so nothing that GET can reach changes anything.

import express, { type Response, type Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../../core/base/clock.ts'
import { errorText, isInferwardError } from '../../core/base/errors.ts'
import type { Secret } from '../../core/base/redact.ts'
import { type ActionKind, actionKinds, actionPath, readActionToken, type Statement } from '../notify/action-link.ts'
import { actionPage, type PageLang, pageWords } from './action-html.ts'

/** What a reader may choose, in hours. */
export const offeredHours = [1, 2, 8, 24] as const

/** What is behind the links; an absent one is not offered. Each says in words what was done, or throws. */
export type ActionPorts = {
  readonly silence?: (request: {
    readonly labels: Readonly<Record<string, string>>
    readonly endsAt: number
    readonly createdBy: string
    readonly comment: string
  }) => Promise<{ readonly id: string; readonly endsAt: number }>
  readonly ack?: (request: {
    readonly labels: Readonly<Record<string, string>>
    readonly expiresAt: number
    readonly owner: string
    readonly comment: string
  }) => Promise<{ readonly alerts: number }>
}
export const offeredActions = (ports: ActionPorts): readonly ActionKind[] =>
  actionKinds.filter((kind) => ports[kind] !== undefined)

const form = z.object({
  name: z.string().trim().min(1).max(100),
  comment: z.string().trim().max(500).default(''),
  hours: z.coerce
    .number()
    .refine((hours) => (offeredHours as readonly number[]).includes(hours))
    .default(1),
})

const usesKept = 10_000

export function actionPages(deps: {
  readonly clock: Clock
  readonly key: Secret
  readonly ports: ActionPorts
}): Router {
  const { clock, key, ports } = deps
  const pages = express.Router()
  /** What was done by a link of this life: a form that is sent twice does it once. Oldest first, bounded. */
  const done = new Map<string, Promise<string>>()

  const open = (token: string, lang: PageLang, response: Response): Statement | null => {
    const read = readActionToken(key, token, clock.now())
    if (read.ok && ports[read.statement.action] !== undefined) return read.statement
    const w = pageWords[lang]
    const [status, words] = read.ok
      ? ([404, w.notOffered] as const)
      : read.reason === 'expired'
        ? ([410, w.expired] as const)
        : ([403, w.notOurs] as const)
    show(response, status, actionPage(lang, { title: w.refused, lines: [words] }))
    return null
  }
  const act = async (what: Statement, asked: z.infer<typeof form>, lang: PageLang): Promise<string> => {
    const { labels } = what
    const comment = asked.comment === '' ? 'by a link in a message' : asked.comment
    const endsAt = clock.now() + asked.hours * 3_600_000
    if (what.action === 'ack') {
      const { alerts } = await ports.ack!({ labels, expiresAt: endsAt, owner: asked.name, comment })
      return pageWords[lang].acked(asked.name, alerts, new Date(endsAt).toISOString())
    }
    const silence = await ports.silence!({ labels, endsAt, createdBy: asked.name, comment })
    return pageWords[lang].silenced(new Date(silence.endsAt).toISOString(), silence.id)
  }

  pages.get(`${actionPath}/:token`, (request, response) => {
    const lang = langOf(request.get('accept-language'))
    const what = open(request.params.token, lang, response)
    if (what !== null) show(response, 200, askPage(what, lang))
  })
  pages.post(
    `${actionPath}/:token`,
    express.urlencoded({ extended: false, limit: '8kb', parameterLimit: 10 }),
    async (request, response) => {
      const lang = langOf(request.get('accept-language'))
      const w = pageWords[lang]
      const what = open(request.params.token, lang, response)
      if (what === null) return
      const asked = form.safeParse(request.body ?? {})
      if (!asked.success) return show(response, 400, actionPage(lang, { title: w.refused, lines: [w.badForm] }))
      const use = `${what.action} ${what.message}`
      const work = done.get(use) ?? act(what, asked.data, lang)
      done.set(use, work)
      for (const oldest of done.keys()) {
        if (done.size <= usesKept) break
        done.delete(oldest)
      }
      try {
        show(response, 200, actionPage(lang, { title: w.done, lines: [await work] }))
      } catch (error) {
        // It was not done, so it may be asked for again.
        done.delete(use)
        if (!isInferwardError(error)) response.locals.failed?.(error)
        const words = isInferwardError(error) ? errorText(error) : w.failed
        show(response, 500, actionPage(lang, { title: w.refused, lines: [words] }))
      }
    },
  )
  return pages
}

function askPage(what: Statement, lang: PageLang): string {
  const w = pageWords[lang]
  return actionPage(lang, {
    title: what.action === 'silence' ? w.silence : w.ack,
    lines: [what.action === 'silence' ? w.silenceWhat : w.ackWhat],
    labels: what.labels,
    form: { hours: offeredHours },
  })
}

const langOf = (accepted: string | undefined): PageLang => (/^\s*zh\b/i.test(accepted ?? '') ? 'zh' : 'en')

function show(response: Response, status: number, page: string): void {
  // No other site may put the form into a frame of its own, and no cache may keep it.
  response.set({
    'content-security-policy': "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    'cache-control': 'no-store',
    'x-robots-tag': 'noindex',
  })
  response.status(status).type('html').send(page)
}
