// One way into every endpoint of the Prometheus API: parameters from URL and form, faults in Prometheus' words, 405 for a method that the
// endpoint does not know. A form that is too large or cannot be read is a bad request like any other, so no client meets a second error shape.

import express, { type NextFunction, type Request, type Response, type Router } from 'express'
import { errorText } from '../../../core/base/errors.ts'
import type { Principal } from '../../auth/authorize.ts'
import { demand } from '../fleet-api.ts'
import { sendFault } from './answer.ts'
import { badData, type Params, paramsOf } from './params.ts'

export type Handler = (params: Params, response: Response, request: Request) => Promise<void> | void
export type Method = 'get' | 'post' | 'put'

/** A query may have a million characters (the parser's own bound), a form up to three bytes for each and more than one parameter. */
const formBytes = 4 << 20
const formFields = 10_000

export type Routes = {
  readonly router: Router
  /** `path` as it is mounted, for example `/api/v1/labels`. */
  add(path: string, methods: readonly Method[], handler: Handler): void
}

export function openRoutes(): Routes {
  const router = express.Router()
  const form = express.urlencoded({ extended: false, limit: formBytes, parameterLimit: formFields })
  const readForm = (request: Request, response: Response, next: NextFunction): void => {
    form(request, response, (error: unknown) => {
      if (error === undefined) next()
      else sendFault(response, badData(`error parsing form values: ${errorText(error)}`))
    })
  }
  return {
    router,
    add(path, methods, handler) {
      const route = router.route(path)
      // Before a form is read. Who may not read is told in the words that refuse a wrong token: Prometheus has none of its own for it.
      route.all((_request, response, next) => {
        demand(response.locals.principal as Principal, 'read', null)
        next()
      })
      const handle = async (request: Request, response: Response): Promise<void> => {
        try {
          await handler(paramsOf(request), response, request)
        } catch (error) {
          if (response.headersSent) response.destroy()
          else sendFault(response, error)
        }
      }
      for (const method of methods) {
        if (method === 'get') route.get(handle)
        else route[method](readForm, handle)
      }
      const allowed = methods.flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]))
      route.all((_request, response) => {
        response.set('allow', allowed.join(', ')).status(405)
        response.json({
          status: 'error',
          errorType: 'bad_data',
          error: `method not allowed; use ${allowed.join(', ')}`,
        })
      })
    },
  }
}
