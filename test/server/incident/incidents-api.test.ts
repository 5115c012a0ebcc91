// The incidents over real HTTP on loopback: what programs and people ask for, and what wrong questions get.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isInferwardError } from '../../../core/base/errors.ts'
import type { Event } from '../../../core/event/event.ts'
import { incidentsApi } from '../../../server/http/incidents-api.ts'
import { openIncidents } from '../../../server/incident/incidents.ts'
import { day, story } from './story.ts'

const events: Event[] = []
let role = 'viewer'
let base = ''
let close = (): void => undefined

beforeAll(async () => {
  const [first, second] = [story('gpu-1'), story('gpu-2')]
  first.fault(0)
  first.outcome(1, 'done')
  second.fault(100, { detail: '<b>no</b>' })
  events.push(...first.events, ...second.events.map((event) => ({ ...event, id: `second-${event.id}` })))
  const history = {
    read: async ({ after = 0 }: { readonly after?: number }) =>
      events.map((event, index) => ({ sequence: index + 1, event })).filter((row) => row.sequence > after),
  }
  const app = express()
  app.use((_request, response, next) => {
    response.locals.principal = { name: 'somebody', role, scope: '*' }
    next()
  })
  app.use(incidentsApi({ incidents: openIncidents({ now: () => day, history }) }))
  app.use((error: unknown, _request: express.Request, response: express.Response, _next: express.NextFunction) => {
    response
      .status(418)
      .json(isInferwardError(error) ? { code: error.code, message: error.message } : { code: 'other' })
  })
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/incidents`
  close = () => void server.close()
})
afterAll(() => close())

const json = async (path: string): Promise<unknown> => (await fetch(`${base}${path}`)).json()

describe('the incidents over HTTP', () => {
  it('lists as one array, newest first, by state and limit', async () => {
    expect(await json('')).toMatchObject([
      { host: 'gpu-2', engine: 'default', cause: 'killed', closedAt: null, openedAt: day + 100_000 },
      { host: 'gpu-1', engine: 'default', cause: 'killed', closedAt: day + 1000 },
    ])
    expect(await json('?state=closed')).toMatchObject([{ host: 'gpu-1' }])
    expect(await json('?limit=1')).toHaveLength(1)
  })

  it('shows one as JSON with its timeline, and as a page in either language', async () => {
    const last = (await json('/last')) as { id: string; timeline: unknown[] }
    expect(last.timeline).toHaveLength(1)
    expect(await json(`/${last.id}`)).toEqual(last)
    const page = await fetch(`${base}/${last.id}?format=markdown&lang=zh`)
    expect(page.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
    const text = await page.text()
    expect(text).toContain(`# ${last.id} · 未恢复`)
    expect(text).toContain('`<b>no</b>`')
    expect(await (await fetch(`${base}/last?format=markdown`)).text()).toContain('· OPEN ·')
  })

  it.each([
    ['?limit=0', 'http.invalid', 'limit'],
    ['?limit=99999', 'http.invalid', 'limit'],
    ['?state=ajar', 'http.invalid', 'state'],
    ['/last?format=pdf', 'http.invalid', 'format'],
    ['/last?lang=fr', 'http.invalid', 'lang'],
    ['/..%2f..%2fetc', 'http.invalid', 'an incident id such as'],
    ['/Iffffffffffff', 'incident.not_found', 'no incident Iffffffffffff'],
  ])('%s is answered with what is wrong', async (path, code, words) => {
    expect(await json(path)).toMatchObject({ code, message: expect.stringContaining(words) })
  })

  it('is for people who may read, not for agents', async () => {
    role = 'agent'
    expect(await json('')).toMatchObject({ code: 'auth.forbidden' })
    expect(await json('/last')).toMatchObject({ code: 'auth.forbidden' })
    role = 'viewer'
    expect(await json('')).toHaveLength(2)
  })
})
