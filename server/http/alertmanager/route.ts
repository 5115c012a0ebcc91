// One way into every endpoint of Alertmanager's API: who may, parameters as they come in URLs, faults as Alertmanager words them: a JSON text and
// a status. A method that the path does not know is 405.

import express, { type Request, type Response, type Router } from 'express'
import { RE2JS } from 're2js'
import { errorText, InferwardError, isInferwardError } from '../../../core/base/errors.ts'
import type { Action, Principal } from '../../auth/authorize.ts'
import { type Matcher, parseMatchers } from '../../dispatch/matcher.ts'
import { demand } from '../fleet-api.ts'

export const base = '/alertmanager/api/v2'

export type Handler = (request: Request, response: Response) => Promise<void> | void
type Method = 'get' | 'post' | 'delete'

export type Routes = {
  readonly router: Router
  add(
    path: string,
    methods: Partial<Readonly<Record<Method, { readonly needs: Action; readonly handle: Handler }>>>,
  ): void
}

const maxBody = 32 << 20

export function openRoutes(): Routes {
  const router = express.Router()
  const readBody = express.raw({ type: () => true, limit: maxBody })
  return {
    router,
    add(path, methods) {
      const route = router.route(`${base}${path}`)
      for (const [method, { needs, handle }] of Object.entries(methods) as [
        Method,
        { needs: Action; handle: Handler },
      ][]) {
        const allowed: Handler = (_request, response) => demand(response.locals.principal as Principal, needs, null)
        const answer = async (request: Request, response: Response): Promise<void> => {
          try {
            await handle(request, response)
          } catch (error) {
            if (response.headersSent) response.destroy()
            else sendFault(response, error)
          }
        }
        // Before a body is read: who may not is told so, and is no burden.
        route[method]((request, response, next) => {
          void allowed(request, response)
          next()
        })
        if (method === 'post') {
          route.post((request, response, next) => {
            readBody(request, response, (error: unknown) => {
              if (error === undefined) next()
              else sendFault(response, bad(errorText(error)))
            })
          })
        }
        route[method](answer)
      }
      const known = Object.keys(methods).flatMap((method) =>
        method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
      )
      route.all((_request, response) => {
        response
          .set('allow', known.join(', '))
          .status(405)
          .json(`method not allowed; use ${known.join(', ')}`)
      })
    },
  }
}

export const bad = (message: string): InferwardError => new InferwardError({ code: 'alertmanager.invalid', message })

function sendFault(response: Response, error: unknown): void {
  const status = statusOf(error)
  if (status === 500) (response.locals.failed as (error: unknown) => void)(error)
  const message = status === 500 ? 'internal error; the server log has the details' : errorText(error)
  response.status(status).json(message)
}

function statusOf(error: unknown): number {
  if (!isInferwardError(error)) return 500
  if (/\.not_found$/.test(error.code)) return 404
  if (/\.(?:invalid|limit)$/.test(error.code)) return 400
  return error.retryable ? 503 : 500
}

/** All values of a parameter that may be repeated. */
export function list(request: Request, name: string): readonly string[] {
  const given = request.query[name]
  const values = Array.isArray(given) ? given : given === undefined ? [] : [given]
  return values.filter((one): one is string => typeof one === 'string')
}

export function flag(request: Request, name: string): boolean {
  const text = list(request, name).at(-1)
  if (text === undefined || text === '') return true
  const value = {
    true: true,
    t: true,
    '1': true,
    yes: true,
    on: true,
    false: false,
    f: false,
    '0': false,
    no: false,
    off: false,
  }[text.toLowerCase()]
  if (value === undefined) throw bad(`${name} in query must be of type boolean: ${JSON.stringify(text.slice(0, 100))}`)
  return value
}

export function filters(request: Request, name: string): readonly Matcher[] {
  return list(request, name).flatMap((text) => {
    const parsed = parseMatchers(text)
    if (!parsed.ok) throw bad(`bad matcher format: ${parsed.fault}`)
    return parsed.value
  })
}

/** Anchored at both ends; null: not given. */
export function pattern(request: Request, name: string): ((text: string) => boolean) | null {
  const text = list(request, name).at(-1)
  if (text === undefined || text === '') return null
  try {
    const compiled = RE2JS.compile(`^(?:${text})$`)
    return (one) => compiled.matches(one)
  } catch (error) {
    throw bad(`failed to parse ${name} param: ${errorText(error)}`)
  }
}

export function jsonBody(request: Request): unknown {
  try {
    return JSON.parse(Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '')
  } catch {
    throw bad('the body is not JSON')
  }
}
