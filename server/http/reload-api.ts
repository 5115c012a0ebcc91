// HTTP of a change of rule files: they are read again, and what is wrong with them is the answer. Prometheus' path for it.

import express, { type Router } from 'express'
import type { Principal } from '../auth/authorize.ts'
import { demand } from './fleet-api.ts'

export function reloadApi(deps: { readonly reload: () => Promise<void> }): Router {
  const api = express.Router()
  const reload: express.RequestHandler = async (_request, response) => {
    demand(response.locals.principal as Principal, 'administer', null)
    await deps.reload()
    response.status(200).end()
  }
  api.post('/-/reload', reload)
  api.put('/-/reload', reload)
  return api
}
