// The one way in, over a real socket: who may pass it, and what is told of a fault of ours.

import { afterEach, describe, expect, it } from 'vitest'
import { createLog } from '../../../../core/base/log.ts'
import { openHttp } from '../../../../server/http/http.ts'
import { openRoutes } from '../../../../server/http/prometheus/route.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function stand(role: string) {
  const lines: string[] = []
  const { router, add } = openRoutes()
  let asked = 0
  add('/api/v1/thing', ['get', 'post'], (_params, response) => {
    asked++
    response.json({ status: 'success', data: [] })
  })
  add('/api/v1/broken', ['get'], () => {
    throw new RangeError('Invalid string length')
  })
  const http = openHttp({
    log: createLog({ write: (line) => void lines.push(line), now: () => 0, level: 'debug' }),
    listen: { host: '127.0.0.1', port: 0 },
    authenticate: async () => ({ name: role, role, scope: '*' }),
    routers: [router],
    metrics: async () => ({ text: '', contentType: 'text/plain' }),
    ready: () => true,
    upgrade: (_request, socket) => void socket.destroy(),
    span: (_name, work) => work(),
  })
  const { url } = await http.start()
  closers.push(() => http.stop())
  return { url, lines, asked: () => asked }
}

describe('an endpoint of the Prometheus API', () => {
  it.each([
    'GET',
    'POST',
  ])('answers %s of a viewer, and refuses an agent, which may connect and write only', async (method) => {
    const viewer = await stand('viewer')
    expect((await fetch(`${viewer.url}/api/v1/thing`, { method })).status).toBe(200)
    const agent = await stand('agent')
    const refused = await fetch(`${agent.url}/api/v1/thing`, { method })
    expect(refused.status).toBe(403)
    expect(await refused.json()).toMatchObject({ error: { code: 'auth.forbidden' } })
    expect([viewer.asked(), agent.asked()]).toEqual([1, 0])
  })

  it('that fails by our own fault says so, and the log says why', async () => {
    const { url, lines } = await stand('viewer')
    const answer = await fetch(`${url}/api/v1/broken?query=x`)
    expect([answer.status, await answer.json()]).toMatchObject([500, { errorType: 'internal' }])
    const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(told).toMatchObject([
      { 'log.level': 'error', message: 'request failed', path: '/api/v1/broken', error: 'Invalid string length' },
    ])
  })
})
