// HTTP of the fleet: engines, commands, events. Reads are for everybody who got in; an action needs an operator and leaves a command.

import express, { type Router } from 'express'
import { z } from 'zod'
import { InferwardError } from '../../core/base/errors.ts'
import { event } from '../../core/event/event.ts'
import { type Action, authorize, type Principal } from '../auth/authorize.ts'
import type { EventStore } from '../fleet/event-store-port.ts'
import type { Ledger } from '../fleet/ledger-port.ts'
import type { Registry } from '../fleet/registry.ts'

export type FleetApiDeps = {
  readonly now: () => number
  readonly newId: () => string
  readonly registry: Registry
  readonly ledger: Ledger
  readonly events: EventStore
  /** A command was issued: tell the host's session, and write history. */
  readonly onIssued: (commandId: string) => Promise<void>
}

const commandTtlMs = 60_000
const eventKinds = event.options.map((option) => option.shape.kind.value)
/** PostgreSQL refuses a text with NUL: here it is a bad request, there it would be a failure. */
const name = z
  .string()
  .max(200)
  .refine((value) => !value.includes('\u0000'), 'holds a NUL character')
export const actionBody = z
  .object({
    reason: z
      .string()
      .min(1)
      .max(1000)
      .refine((value) => !value.includes('\u0000'), 'holds a NUL character'),
  })
  .strict()
const page = z.object({
  after: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(500),
  kind: z.enum(eventKinds as [string, ...string[]]).optional(),
  host: name.optional(),
  engine: name.optional(),
  from: z.coerce.number().int().optional(),
  to: z.coerce.number().int().optional(),
  order: z.enum(['asc', 'desc']).default('asc'),
})

export function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new InferwardError({
    code: 'http.invalid',
    message: `${issue?.path.map(String).join('.') || 'request'}: ${issue?.message ?? 'invalid'}`,
  })
}

export function demand(principal: Principal, action: Action, pool: string | null): void {
  const decision = authorize(principal, action, { pool })
  if (decision.allow) return
  throw new InferwardError({
    code: 'auth.forbidden',
    message: `${principal.name} may not ${action.replaceAll('_', ' ')} (${decision.reason})`,
    hint: 'Send a token that may: Authorization: Bearer TOKEN; the admin token lies at DATA/admin.token.',
  })
}

export function fleetApi(deps: FleetApiDeps): Router {
  const api = express.Router()
  const notFound = (what: string): InferwardError =>
    new InferwardError({ code: 'fleet.not_found', message: `no such ${what}` })

  api.use(/^\/api\/v1\/(?:engines|commands|events)(?=\/|$)/, (_request, response, next) => {
    demand(response.locals.principal as Principal, 'read', null)
    next()
  })
  api.get('/api/v1/engines', (_request, response) => void response.json(deps.registry.engines(deps.now())))
  api.get('/api/v1/commands', async (_request, response) => void response.json(await deps.ledger.list(200)))
  api.get('/api/v1/commands/:id', async (request, response) => {
    const row = await deps.ledger.get(check(name, request.params.id))
    if (row === null) throw notFound('command')
    response.json({ ...row, reason: row.outcome === '' ? row.reason : row.outcome })
  })
  api.get('/api/v1/events', async (request, response) => {
    const { kind, order, ...query } = check(page, request.query)
    const defined = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined))
    const rows = await deps.events.read({
      ...defined,
      descending: order === 'desc',
      ...(kind === undefined ? {} : { kinds: [kind as (typeof eventKinds)[number]] }),
    })
    response.json(rows.map((row) => ({ sequence: row.sequence, ...row.event })))
  })
  api.post('/api/v1/engines/:host/:engine/:action', express.json({ limit: '16kb' }), async (request, response) => {
    const principal = response.locals.principal as Principal
    demand(principal, 'operate_engine', null)
    const action = check(z.enum(['start', 'stop', 'restart', 'rebuild']), request.params.action)
    const { reason } = check(actionBody, request.body)
    const { host, engine } = request.params
    const state = deps.registry.engine(host!, engine!)
    if (state === null) throw notFound(`engine ${host}/${engine}`)
    const row = await deps.ledger.issue(
      {
        id: deps.newId(),
        host: host!,
        engine: engine!,
        incarnation: state.incarnation,
        action,
        principal: principal.name,
        reason,
        ttlMs: commandTtlMs,
      },
      deps.now(),
    )
    await deps.onIssued(row.id)
    response.status(202).json(row)
  })
  return api
}
