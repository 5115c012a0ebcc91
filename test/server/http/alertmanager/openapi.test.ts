// Every answer fits the description that Alertmanager gives of its own API; every operation that it describes is there.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AlertmanagerWorld, openAlertmanagerWorld } from '../../../helpers/alertmanager-world.ts'
import { readAlertmanagerDescription } from '../../../helpers/openapi.ts'

const description = readAlertmanagerDescription()
const config = `
route:
  receiver: default
  group_by: [alertname]
  group_wait: 0s
  labels: { reason: '{{ .GroupLabels.alertname }}' }
  routes: [{ receiver: team, matchers: [team="x"], mute_time_intervals: [always] }]
time_intervals: [{ name: always, time_intervals: [{}] }]
inhibit_rules: [{ source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [host] }]
receivers: [{ name: default, labels: { owner: me } }, { name: team }]
`
const silence = {
  matchers: [
    { name: 'a', value: 'x|y', isRegex: true, isEqual: false },
    { name: 'alertname', value: 'Quiet', isRegex: false },
  ],
  startsAt: '2026-01-01T00:00:00Z',
  endsAt: '2026-01-01T01:00:00Z',
  createdBy: 'me',
  comment: 'c',
}
const nowhere = '11111111-1111-4111-8111-111111111111'

type Case = readonly [method: 'get' | 'post' | 'delete', path: string, url: string, status: number, body?: unknown]
const cases: readonly Case[] = [
  ['get', '/status', '/status', 200],
  ['get', '/receivers', '/receivers', 200],
  ['get', '/receivers', '/receivers?receiver_matchers=owner%3D%22me%22', 200],
  ['get', '/receivers', '/receivers?receiver_matchers=%3D', 400],
  ['get', '/alerts', '/alerts', 200],
  ['get', '/alerts', '/alerts?active=false&silenced=true&inhibited=true&unprocessed=true', 200],
  ['get', '/alerts', '/alerts?filter=alertname%3D%22Down%22&filter=host%21%3Db&receiver=def.*', 200],
  ['get', '/alerts', '/alerts?filter=%3D', 400],
  ['get', '/alerts', '/alerts?receiver=(', 400],
  ['get', '/alerts', '/alerts?active=maybe', 400],
  ['post', '/alerts', '/alerts', 200, [{ labels: { alertname: 'Another' }, generatorURL: 'http://prometheus/graph' }]],
  ['post', '/alerts', '/alerts', 400, [{ labels: {} }]],
  ['post', '/alerts', '/alerts', 400, 'no list'],
  ['get', '/alerts/groups', '/alerts/groups', 200],
  ['get', '/alerts/groups', '/alerts/groups?muted=false&receiver=default', 200],
  ['get', '/alerts/groups', '/alerts/groups?filter=%3D', 400],
  ['get', '/silences', '/silences', 200],
  ['get', '/silences', '/silences?filter=alertname%3DQuiet&expired=false', 200],
  ['get', '/silences', '/silences?filter=%3D', 400],
  ['post', '/silences', '/silences', 200, silence],
  ['post', '/silences', '/silences', 400, { ...silence, matchers: [] }],
  ['post', '/silences', '/silences', 400, { ...silence, comment: undefined }],
  ['post', '/silences', '/silences', 400, 'no silence'],
  ['post', '/silences', '/silences', 404, { ...silence, id: nowhere }],
]

describe.skipIf(description === null)('the description of the API (shared/conformance/openapi)', () => {
  let world: AlertmanagerWorld
  let id: string
  beforeAll(async () => {
    world = await openAlertmanagerWorld(config)
    const alerts = [
      { labels: { alertname: 'Down', severity: 'warning', host: 'a' }, annotations: { summary: 's' } },
      { labels: { alertname: 'Crash', severity: 'critical', host: 'a' }, generatorURL: 'http://x/graph?g0' },
      { labels: { alertname: 'Quiet', a: 'z' } },
      { labels: { alertname: 'Night', team: 'x' } },
    ]
    expect((await world.post('/api/v2/alerts', alerts)).status).toBe(200)
    id = (await world.post('/api/v2/silences', silence)).json().silenceID as string
    await world.post('/api/v2/silences', { ...silence, startsAt: '2026-01-01T00:30:00Z' })
  })
  afterAll(() => world?.[Symbol.asyncDispose]())
  const send = (method: Case[0], url: string, body?: unknown) =>
    method === 'get' ? world.get(url) : method === 'post' ? world.post(url, body) : world.delete(url)

  it.each(cases.map((one) => ({ one, title: one.slice(0, 4).join(' ') })))('fits our answer to $title', async ({
    one,
  }) => {
    const [method, path, url, status, body] = one
    const answer = await send(method, `/api/v2${url}`, body)
    expect([answer.status, answer.text]).toEqual([status, expect.anything()])
    const said: unknown = answer.text === '' ? '' : answer.json()
    expect(description!.faults(path, method, status, said)).toEqual([])
    if (status === 200 && Array.isArray(said)) expect(said.length).toBeGreaterThan(0)
  })

  it('fits our answers about one silence, and of one that is not there', async () => {
    const path = '/silence/{silenceID}'
    const answer = await world.get(`/api/v2/silence/${id}`)
    expect(description!.faults(path, 'get', 200, answer.json())).toEqual([])
    expect((await world.get(`/api/v2/silence/${nowhere}`)).status).toBe(404)
    const gone = await world.delete(`/api/v2/silence/${id}`)
    expect([gone.status, description!.faults(path, 'delete', 200, gone.text)]).toEqual([200, []])
    expect((await world.delete(`/api/v2/silence/${nowhere}`)).status).toBe(404)
  })

  it('has no path that is not ours', () => {
    expect(
      description!.paths.filter((path) => path !== '/silence/{silenceID}' && !cases.some((one) => one[1] === path)),
    ).toEqual([])
  })

  it('no longer fits an answer that lacks a field', async () => {
    const [alert] = (await world.get('/api/v2/alerts')).json() as unknown as Record<string, unknown>[]
    for (const field of [
      'receivers',
      'fingerprint',
      'startsAt',
      'updatedAt',
      'endsAt',
      'annotations',
      'status',
      'labels',
    ]) {
      const { [field]: _, ...rest } = alert!
      expect([field, description!.faults('/alerts', 'get', 200, [rest]).length > 0]).toEqual([field, true])
    }
    expect(description!.faults('/alerts', 'get', 200, [{ ...alert, startsAt: 'x' }])).toHaveLength(1)
    expect(description!.faults('/alerts', 'get', 200, [{ ...alert, labels: { a: 1 } }])).toHaveLength(1)
  })
})
