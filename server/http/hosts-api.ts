// HTTP of the hosts: who is there, and taking one out of the fleet. Forgetting frees the name for whoever comes next under it, so it is for an
// administrator, leaves a line in the history, and is refused while somebody is connected under that name.

import express, { type Router } from 'express'
import { InferwardError } from '../../core/base/errors.ts'
import type { Principal } from '../auth/authorize.ts'
import type { Registry } from '../fleet/registry.ts'
import { actionBody, check, demand } from './fleet-api.ts'

export type HostsApiDeps = {
  readonly now: () => number
  readonly registry: Registry
  readonly connected: () => readonly string[]
  /** Lets go everything that is known of the host; false: nothing was. */
  readonly forget: (host: string) => Promise<boolean>
  readonly onForgotten: (host: string, principal: string, reason: string) => Promise<void>
}

export function hostsApi(deps: HostsApiDeps): Router {
  const api = express.Router()
  api.get('/api/v1/hosts', (_request, response) => {
    demand(response.locals.principal as Principal, 'read', null)
    response.json(deps.registry.hosts(deps.now()))
  })
  api.post('/api/v1/hosts/:host/forget', express.json({ limit: '16kb' }), async (request, response) => {
    const principal = response.locals.principal as Principal
    demand(principal, 'administer', null)
    const { reason } = check(actionBody, request.body)
    const { host } = request.params
    if (deps.connected().includes(host!)) {
      throw new InferwardError({
        code: 'fleet.conflict',
        message: `host ${host} is connected`,
        hint: 'Stop its agent first. If it is not yours, remove DATA/agent.token, restart the server and give the new token to your hosts.',
      })
    }
    if (host!.includes('\0') || !(await deps.forget(host!)))
      throw new InferwardError({
        code: 'fleet.not_found',
        message: `no such host ${host!.slice(0, 200)}`,
        hint: 'See which there are: inferward hosts list.',
      })
    await deps.onForgotten(host!, principal.name, reason)
    response.json({ host, forgotten: true })
  })
  return api
}
