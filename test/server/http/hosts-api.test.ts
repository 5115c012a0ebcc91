// HTTP of the hosts: who may look, who may have one forgotten, and when not.

import { afterEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../../core/base/log.ts'
import type { Principal } from '../../../server/auth/authorize.ts'
import { openRegistry } from '../../../server/fleet/registry.ts'
import { hostsApi } from '../../../server/http/hosts-api.ts'
import { openHttp } from '../../../server/http/http.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function stand(connected: readonly string[] = []) {
  const registry = openRegistry(0, { hosts: 10, engines: 10 })
  registry.report({ host: 'h1', bootId: 'b', version: '1', startedAt: 0, engines: [] }, 1000)
  const forgotten: string[] = []
  const history: string[] = []
  const http = openHttp({
    log: silentLog,
    listen: { host: '127.0.0.1', port: 0 },
    authenticate: async (request): Promise<Principal> => ({
      name: 'ada',
      role: (request.headers['x-role'] ?? 'viewer') as 'viewer',
      scope: '*',
    }),
    routers: [
      hostsApi({
        now: () => 1000,
        registry,
        connected: () => connected,
        forget: async (host) => {
          forgotten.push(host)
          return host === 'h1' || host === 'rack/1'
        },
        onForgotten: async (host, principal, reason) => void history.push(`${host} ${principal} ${reason}`),
      }),
    ],
    metrics: async () => ({ text: '', contentType: 'text/plain' }),
    ready: () => true,
    upgrade: () => {},
    span: (_name, work) => work(),
  })
  const { url } = await http.start()
  closers.push(() => http.stop())
  const forget = async (host: string, role: string, body: unknown = { reason: 'new disk' }) => {
    const response = await fetch(`${url}/api/v1/hosts/${host}/forget`, {
      method: 'POST',
      headers: { 'x-role': role, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever the server says
    return { status: response.status, body: (await response.json()) as any }
  }
  return { url, forget, forgotten, history }
}

describe('the hosts', () => {
  it('are shown to a viewer, and not to an agent', async () => {
    const { url } = await stand()
    const ask = (role: string) => fetch(`${url}/api/v1/hosts`, { headers: { 'x-role': role } })
    expect(await (await ask('viewer')).json()).toMatchObject([{ host: 'h1', contact: 'connected', engines: 0 }])
    expect((await ask('agent')).status).toBe(403)
  })
})

describe('forgetting a host', () => {
  it.each(['h1', 'rack%2F1'])('%s: done for an administrator, with who and why in the history', async (host) => {
    const { forget, history } = await stand()
    expect(await forget(host, 'admin')).toEqual({
      status: 200,
      body: { host: decodeURIComponent(host), forgotten: true },
    })
    expect(history).toEqual([`${decodeURIComponent(host)} ada new disk`])
  })

  it.each([
    { name: 'of nobody less', role: 'approver', status: 403, code: 'auth.forbidden' },
    { name: 'of an agent', role: 'agent', status: 403, code: 'auth.forbidden' },
    { name: 'without a reason', role: 'admin', body: {}, status: 400, code: 'http.invalid' },
    { name: 'that is connected', role: 'admin', connected: ['h1'], status: 409, code: 'fleet.conflict' },
  ])('is not for the asking $name', async ({ role, status, code, connected = [], body = { reason: 'r' } }) => {
    const { forget, forgotten, history } = await stand(connected)
    const answer = await forget('h1', role, body)
    expect([answer.status, answer.body.error.code]).toEqual([status, code])
    expect([forgotten, history]).toEqual([[], []])
  })

  it.each(['h2', 'a%00b'])('%s that is not there is 404, and leaves no line', async (host) => {
    const { forget, history } = await stand()
    expect((await forget(host, 'admin')).status).toBe(404)
    expect(history).toEqual([])
  })
})
