// HTTP of the incidents: a list of what happened, and one of them with its timeline, as JSON or as a Markdown page. Reading only.

import express, { type Router } from 'express'
import { z } from 'zod'
import { InferwardError } from '../../core/base/errors.ts'
import type { Principal } from '../auth/authorize.ts'
import type { Incidents } from '../incident/incidents.ts'
import { renderIncident } from '../incident/render.ts'
import { check, demand } from './fleet-api.ts'

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  state: z.enum(['open', 'closed']).optional(),
})
const showQuery = z.object({
  format: z.enum(['json', 'markdown']).default('json'),
  lang: z.enum(['en', 'zh']).default('en'),
})
const identity = z.string().regex(/^(?:last|[iI][0-9a-fA-F]{1,12})$/, {
  error: 'an incident id such as I0123456789ab, the beginning of one, or last',
})

/** Set on answers whose history was cut at a bound. */
const cutHeader = 'inferward-history'
const cutWords = 'cut: only the newest events of the last 30 days are read'

export function incidentsApi(deps: { readonly incidents: Incidents }): Router {
  const api = express.Router()
  api.get('/api/v1/incidents', async (request, response) => {
    demand(response.locals.principal as Principal, 'read', null)
    const { limit, state } = check(listQuery, request.query)
    const { value, cut } = await deps.incidents.list({ limit, ...(state === undefined ? {} : { state }) })
    if (cut) response.set(cutHeader, cutWords)
    response.json(value)
  })
  api.get('/api/v1/incidents/:id', async (request, response) => {
    demand(response.locals.principal as Principal, 'read', null)
    const { format, lang } = check(showQuery, request.query)
    const id = check(identity, request.params.id)
    const { value, cut } = await deps.incidents.find(id)
    if (value === 'ambiguous')
      throw new InferwardError({
        code: 'incident.invalid',
        message: `more than one incident begins with ${id}`,
        hint: 'Give more characters of the id: inferward incidents list.',
      })
    if (value === 'not_found')
      throw new InferwardError({
        code: 'incident.not_found',
        message: id === 'last' ? 'there is no incident' : `no incident ${id}${cut ? ` (${cutWords})` : ''}`,
        hint: 'See which there are: inferward incidents list.',
      })
    if (cut) response.set(cutHeader, cutWords)
    if (format === 'json') return void response.json(value)
    response.type('text/markdown').send(renderIncident(value, lang))
  })
  return api
}
