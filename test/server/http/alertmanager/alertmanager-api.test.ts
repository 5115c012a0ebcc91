// Alertmanager's API as its clients use it: what is shown and what is left out, who may write, what becomes of what others post, and that no secret
// is read back.

import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { originalConfig } from '../../../../server/http/alertmanager/original.ts'
import { type AlertmanagerWorld, openAlertmanagerWorld } from '../../../helpers/alertmanager-world.ts'

const config = `
global: { resolve_timeout: 2m }
route:
  receiver: default
  group_by: [alertname]
  group_wait: 10s
  routes:
    - { receiver: team, matchers: [team="x"], continue: true }
    - { receiver: other, matchers: [team=~"x|y"] }
inhibit_rules: [{ source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [host] }]
receivers: [{ name: default }, { name: team, labels: { owner: me } }, { name: other }]
`
const alerts = [
  { labels: { alertname: 'Down', severity: 'warning', host: 'a' } },
  { labels: { alertname: 'Crash', severity: 'critical', host: 'a' } },
  { labels: { alertname: 'Quiet', team: 'x' } },
  { labels: { alertname: 'Over' }, startsAt: '2025-12-31T23:00:00Z', endsAt: '2025-12-31T23:30:00Z' },
  { labels: { alertname: 'Plain', team: 'y' } },
]
const silence = (name: string, more = {}) => ({
  matchers: [{ name: 'alertname', value: name, isRegex: false }],
  startsAt: '0001-01-01T00:00:00Z',
  endsAt: '2026-01-01T01:00:00Z',
  createdBy: 'me',
  comment: 'c',
  ...more,
})

async function world(): Promise<AlertmanagerWorld> {
  const made = await openAlertmanagerWorld(config)
  await made.post('/api/v2/alerts', alerts)
  await made.post('/api/v2/silences', silence('Quiet'))
  return made
}
type Shown = {
  labels: { alertname: string }
  status: { state: string }
  receivers: { name: string }[]
  fingerprint: string
}
const shown = async (
  from: AlertmanagerWorld,
  query: readonly (readonly [string, string])[] = [],
): Promise<readonly Shown[]> => (await from.get('/api/v2/alerts', query)).json() as unknown as Shown[]
const names = (list: readonly Shown[]): readonly string[] => list.map((one) => one.labels.alertname).sort()

describe('GET /alerts', () => {
  it('shows what fires, sorted by fingerprint, with state, receivers and reasons', async () => {
    await using from = await world()
    const list = await shown(from)
    expect(list.map((one) => one.fingerprint)).toEqual(list.map((one) => one.fingerprint).sort())
    const by = (name: string) => list.find((one) => one.labels.alertname === name)
    const crash = by('Crash')!
    expect(by('Down')!.status).toEqual({
      state: 'suppressed',
      inhibitedBy: [crash.fingerprint],
      silencedBy: [],
      mutedBy: [],
    })
    const [{ id }] = (await from.get('/api/v2/silences')).json() as unknown as [{ id: string }]
    expect(by('Quiet')!.status).toEqual({ state: 'suppressed', inhibitedBy: [], silencedBy: [id], mutedBy: [] })
    expect(by('Quiet')!.receivers).toEqual([{ name: 'team' }, { name: 'other' }])
    expect(crash).toMatchObject({
      status: { state: 'active' },
      receivers: [{ name: 'default' }],
      startsAt: '2026-01-01T00:00:00.000Z',
      endsAt: '2026-01-01T00:02:00.000Z',
      annotations: {},
    })
    expect(names(list)).toEqual(['Crash', 'Down', 'Plain', 'Quiet'])
  })

  it.each([
    [[['silenced', 'false']], ['Crash', 'Down', 'Plain']],
    [[['inhibited', 'false']], ['Crash', 'Plain', 'Quiet']],
    [[['active', 'false']], ['Down', 'Quiet']],
    [
      [
        ['active', '0'],
        ['silenced', 'f'],
      ],
      ['Down'],
    ],
    [[['unprocessed', 'false']], ['Crash', 'Down', 'Plain', 'Quiet']],
    [[['filter', 'alertname=~"D.*|Pl.*"']], ['Down', 'Plain']],
    [
      [
        ['filter', 'host=a'],
        ['filter', 'severity!=warning'],
      ],
      ['Crash'],
    ],
    [[['filter', 'team=""']], ['Crash', 'Down']],
    [[['filter', '{team="x",alertname="Quiet"}']], ['Quiet']],
    [[['receiver', 'other']], ['Plain', 'Quiet']],
    [[['receiver', 'oth']], []],
    [[['receiver_matchers', 'owner=me']], ['Quiet']],
  ] as const)('with %j shows %j', async (query, expected) => {
    await using from = await world()
    expect(names(await shown(from, query))).toEqual(expected)
  })

  it('shows no alert whose end has come without a post', async () => {
    await using from = await world()
    await from.clock.advance(119_000)
    expect(await shown(from)).toHaveLength(4)
    await from.clock.advance(1000)
    expect(await shown(from)).toEqual([])
  })
})

describe('GET /alerts/groups', () => {
  it('shows each group with its receiver, and an alert in each of its groups', async () => {
    await using from = await world()
    const groups = (await from.get('/api/v2/alerts/groups')).json() as unknown as {
      receiver: { name: string }
      labels: Record<string, string>
      alerts: Shown[]
    }[]
    expect(groups.map(({ receiver, labels, alerts: mine }) => [receiver.name, labels, names(mine)])).toEqual([
      ['team', { alertname: 'Quiet' }, ['Quiet']],
      ['other', { alertname: 'Plain' }, ['Plain']],
      ['other', { alertname: 'Quiet' }, ['Quiet']],
      ['default', { alertname: 'Crash' }, ['Crash']],
      ['default', { alertname: 'Down' }, ['Down']],
    ])
  })
})

describe('POST /alerts', () => {
  it('routes what is posted as what rules say: told after group_wait, and its end', async () => {
    await using from = await world()
    await from.clock.advance(10_000)
    const told = (): readonly unknown[] =>
      from.received.map(({ receiver, status, alerts: mine }) => [
        receiver,
        status,
        mine.map((one) => one.labels.alertname),
      ])
    expect(told()).toEqual([
      ['default', 'firing', ['Crash']],
      ['other', 'firing', ['Plain']],
    ])
    await from.post('/api/v2/alerts', [{ ...alerts[1], endsAt: '2026-01-01T00:00:10Z' }])
    await from.clock.advance(15_000)
    expect(told().slice(2)).toEqual([['default', 'resolved', ['Crash']]])
    // Plain is not posted again: resolve_timeout ends it.
    await from.clock.advance(120_000)
    expect(told().slice(3)).toContainEqual(['other', 'resolved', ['Plain']])
  })

  it('takes the good ones of a list and says which are not', async () => {
    await using from = await openAlertmanagerWorld(config)
    const answer = await from.post('/api/v2/alerts', [{ labels: { alertname: 'Good' } }, { labels: { '': 'x' } }])
    expect([answer.status, answer.json()]).toEqual([400, 'alert 1: a label name has 1 to 1000 characters'])
    expect(names(await shown(from))).toEqual(['Good'])
  })

  it.each(['', '{', '{"labels":{}}', '\u0000', '[[]]', '[null]'])('answers 400 to %j and goes on', async (body) => {
    await using from = await openAlertmanagerWorld(config)
    expect((await from.post('/api/v2/alerts', body)).status).toBe(400)
    expect((await from.post('/api/v2/alerts', alerts)).status).toBe(200)
    expect(from.log).toEqual([])
  })
})

describe('why an alert was told, or was not', () => {
  it('is told by its fingerprint: routes, what keeps it quiet, what was decided and what comes next', async () => {
    await using from = await world()
    await from.clock.advance(10_000)
    const by = new Map((await shown(from)).map((one) => [one.labels.alertname, one.fingerprint]))
    const said = async (name: string) => (await from.explain(by.get(name)!)).json()
    const last = (channel: string, reason: string) => ({
      at: Date.UTC(2026, 0, 1, 0, 0, 10),
      decisions: [{ channel, reason, until: null }],
    })
    expect(await said('Crash')).toMatchObject({
      alert: { state: 'firing', labels: { alertname: 'Crash' } },
      inhibitedBy: null,
      silencedBy: [],
      targets: [{ receiver: 'default', channels: ['default/memory[0]'], muted: null }],
      groups: [{ receiver: 'default', dueInMs: 120_000, last: last('default/memory[0]', 'first') }],
    })
    expect(await said('Down')).toMatchObject({
      inhibitedBy: { fingerprint: by.get('Crash') },
      groups: [{ last: last('default/memory[0]', 'inhibited') }],
    })
    expect(await said('Quiet')).toMatchObject({
      silencedBy: [expect.any(String)],
      groups: [{ last: last('team/memory[0]', 'silenced') }, { last: last('other/memory[0]', 'silenced') }],
    })
    expect((await from.explain('0123456789abcdef')).status).toBe(404)
    expect((await from.explain('nonsense')).status).toBe(400)
  })
})

describe('who may', () => {
  it('read: everybody on loopback; write: a token that may', async () => {
    await using from = await world()
    const id = '00000000-0000-4000-8000-000000000001'
    for (const token of [null, 'viewer']) {
      expect((await from.post('/api/v2/alerts', alerts, token)).status).toBe(403)
      expect((await from.post('/api/v2/silences', silence('x'), token)).status).toBe(403)
      expect((await from.delete(`/api/v2/silence/${id}`, token)).status).toBe(403)
    }
    expect((await from.post('/api/v2/alerts', alerts, 'wrong')).status).toBe(401)
    for (const path of ['alerts', 'alerts/groups', 'silences', 'status', 'receivers', `silence/${id}`])
      expect((await from.get(`/api/v2/${path}`)).status).toBe(200)
  })

  it('is told of the methods that a path has', async () => {
    await using from = await openAlertmanagerWorld(config)
    const answer = await from.delete('/api/v2/alerts')
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD, POST'])
    for (const path of ['healthy', 'ready']) expect((await from.get(`/-/${path}`)).status).toBe(200)
  })
})

describe('silences', () => {
  it('are listed by use: active by end, pending by start, expired by end', async () => {
    await using from = await openAlertmanagerWorld(config)
    const make = async (name: string, more = {}): Promise<string> =>
      (await from.post('/api/v2/silences', silence(name, more))).json().silenceID as string
    await make('late', { endsAt: '2026-01-01T05:00:00Z' })
    await make('soon', { startsAt: '2026-01-01T00:30:00Z' })
    await make('early')
    await make('later', { startsAt: '2026-01-01T00:40:00Z' })
    const gone = await make('gone')
    await from.delete(`/api/v2/silence/${gone}`)
    const list = async (query = {}) =>
      (
        (await from.get('/api/v2/silences', query)).json() as unknown as {
          matchers: { value: string }[]
          status: { state: string }
        }[]
      ).map(({ matchers, status }) => `${matchers[0]!.value} ${status.state}`)
    expect(await list()).toEqual(['early active', 'late active', 'soon pending', 'later pending', 'gone expired'])
    expect(await list({ filter: 'alertname=soon' })).toEqual(['soon pending'])
    expect(await list({ filter: 'alertname=~soon' })).toEqual([])
    expect(await list({ active: 'false', pending: 'false' })).toEqual(['gone expired'])
  })

  it('keep their id when only the end changes, and get another when the matchers do', async () => {
    await using from = await openAlertmanagerWorld(config)
    const first = (await from.post('/api/v2/silences', silence('a'))).json().silenceID as string
    const read = (await from.get(`/api/v2/silence/${first}`)).json() as Record<string, unknown>
    const same = await from.post('/api/v2/silences', { ...read, endsAt: '2026-01-01T03:00:00Z' })
    expect(same.json()).toEqual({ silenceID: first })
    const edited = await from.post('/api/v2/silences', { ...read, matchers: silence('b').matchers })
    expect(edited.json().silenceID).not.toBe(first)
    expect((await from.get(`/api/v2/silence/${first}`)).json()).toMatchObject({ status: { state: 'expired' } })
  })
})

describe('the configuration that is shown', () => {
  const text = `
# a comment with canary
global: { slack_api_url: "https://hooks.slack.com/services/canary", smtp_auth_password: canary, smtp_smarthost: "m:25" }
route: { receiver: a, resolve_wait: 5s, routes: [{ receiver: b, matchers: [secret="x"], tell_silenced_resolved: true }] }
receivers:
  - name: a
    webhook_configs: [{ url: "https://u:canary@hooks.example.org/canary?token=canary", secret: canary, http_config: { basic_auth: { password: canary }, http_headers: { X-Any: { values: [canary] } } } }]
    dingtalk_configs: [{ url: "https://oapi.dingtalk.com/robot/send?access_token=canary", secret: canary }]
    slack_configs: [{ api_url: "https://hooks.slack.com/services/canary", lang: zh }]
    pagerduty_configs: [{ routing_key: canary }]
  - name: b
`
  it('holds no secret, and nothing that Alertmanager would refuse', () => {
    const original = originalConfig(text)
    expect(original).not.toContain('canary')
    expect(parse(original)).toEqual({
      global: { slack_api_url: '<secret>', smtp_auth_password: '<secret>', smtp_smarthost: 'm:25' },
      route: { receiver: 'a', routes: [{ receiver: 'b', matchers: ['secret="x"'] }] },
      receivers: [
        {
          name: 'a',
          webhook_configs: [
            {
              url: 'https://hooks.example.org/secret',
              http_config: { basic_auth: { password: '<secret>' }, http_headers: { 'X-Any': '<secret>' } },
            },
          ],
          slack_configs: [{ api_url: '<secret>' }],
          pagerduty_configs: [{ routing_key: '<secret>' }],
        },
        { name: 'b' },
      ],
    })
  })

  it.each(['', '- a', 'a: [', 'x'])('of %j is nothing that would throw', (given) => {
    expect(typeof originalConfig(given)).toBe('string')
  })
})
