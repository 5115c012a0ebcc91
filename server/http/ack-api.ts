// HTTP of acknowledgements and of who is on call. Taking an alert over needs an operator.

import express, { type Router } from 'express'
import { z } from 'zod'
import { duration } from '../../core/base/schema.ts'
import type { Principal } from '../auth/authorize.ts'
import type { Ack } from '../dispatch/ack.ts'
import { nextHandover, onCallAt } from '../dispatch/oncall.ts'
import type { OnCallSchedule } from '../dispatch/oncall-config.ts'
import { check, demand } from './fleet-api.ts'

const fingerprint = z.string().regex(/^[0-9a-f]{16}$/, { error: 'the fingerprint of an alert: 16 hexadecimal digits' })
const ackBody = z
  .object({
    /** Left out: whoever asks. */
    owner: z.string().min(1).max(200).optional(),
    comment: z.string().max(4000).default(''),
    /** How long. */
    for: duration.prefault('1h'),
  })
  .strict()

export function ackApi(deps: {
  readonly now: () => number
  readonly acks: {
    set(ack: Ack): Promise<void>
    withdraw(fingerprint: string, by: string): Promise<void>
    list(): readonly Ack[]
  }
  readonly schedules: readonly OnCallSchedule[]
}): Router {
  const { acks, now } = deps
  const api = express.Router()
  const json = express.json({ limit: '64kb' })
  api.get('/api/v1/acks', (_request, response) => {
    demand(response.locals.principal as Principal, 'read', null)
    response.json(acks.list())
  })
  api.post('/api/v1/acks/:fingerprint', json, async (request, response) => {
    const principal = response.locals.principal as Principal
    demand(principal, 'operate_engine', null)
    const { owner, comment, for: ms } = check(ackBody, request.body ?? {})
    const at = now()
    const ack = {
      fingerprint: check(fingerprint, request.params.fingerprint),
      owner: owner ?? principal.name,
      comment,
      at,
      expiresAt: at + ms,
    }
    await acks.set(ack)
    response.json(ack)
  })
  api.delete('/api/v1/acks/:fingerprint', async (request, response) => {
    const principal = response.locals.principal as Principal
    demand(principal, 'operate_engine', null)
    await acks.withdraw(check(fingerprint, request.params.fingerprint), principal.name)
    response.status(204).end()
  })
  api.get('/api/v1/on-call', (_request, response) => {
    demand(response.locals.principal as Principal, 'read', null)
    response.json(
      deps.schedules.map((schedule) => ({
        name: schedule.name,
        timeZone: schedule.time_zone,
        receiver: onCallAt(schedule, now()),
        next: nextHandover(schedule, now()),
      })),
    )
  })
  return api
}
