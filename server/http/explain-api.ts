// Why an alert was told, or was not, and when it is looked at next: one alert by its fingerprint, with its routes, what keeps it quiet, and what was
// decided of its groups last.

import express, { type Router } from 'express'
import { z } from 'zod'
import { InferwardError } from '../../core/base/errors.ts'
import { type Alert, isResolved } from '../alert/alert.ts'
import type { Principal } from '../auth/authorize.ts'
import type { Dispatch } from '../dispatch/dispatcher.ts'
import { check, demand } from './fleet-api.ts'

const fingerprint = z.string().regex(/^[0-9a-f]{16}$/, { error: 'a fingerprint of 16 hexadecimal digits' })

export type ExplainDeps = {
  readonly now: () => number
  readonly alerts: { find(fingerprint: string): Alert | null }
  readonly dispatch: Pick<Dispatch, 'explain' | 'groups'>
}

export function explainApi(deps: ExplainDeps): Router {
  const api = express.Router()
  api.get('/api/v1/alerts/:fingerprint/explain', (request, response) => {
    demand(response.locals.principal as Principal, 'read', null)
    const wanted = check(fingerprint, request.params.fingerprint)
    const alert = deps.alerts.find(wanted)
    if (alert === null) {
      throw new InferwardError({
        code: 'alert.not_found',
        message: `no alert ${wanted}`,
        hint: 'See which there are: inferward alerts list.',
      })
    }
    const groups = deps.dispatch.groups().filter((group) => group.alerts.some((one) => one.fingerprint === wanted))
    response.json({
      alert: { ...alert, state: isResolved(alert, deps.now()) ? 'resolved' : 'firing' },
      ...deps.dispatch.explain(alert.labels),
      groups: groups.map(({ key, receiver, mutedBy, dueInMs, last }) => ({ key, receiver, mutedBy, dueInMs, last })),
    })
  })
  return api
}
