// Rules and alerts: upstream's shapes, filters and pages.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { now, openWorld, type Pairs, scripted, type World } from '../../../helpers/prometheus-world.ts'

const rules = `
groups:
  - name: first
    interval: 5s
    rules:
      - { record: job:up, expr: sum by (job) (up), labels: { team: red } }
      - { alert: Down, expr: up == 0, labels: { severity: page, team: red }, annotations: { summary: "{{ $labels.job }}" } }
      - { alert: Waiting, expr: up == 1, for: 1h, keep_firing_for: 5m, labels: { severity: info } }
  - name: second
    interval: 5s
    limit: 3
    rules:
      - { alert: Blind, expr: missing > 1 }
      - { alert: Broken, expr: up + on() up }
`
let world: World
beforeAll(async () => {
  const points = (value: number) => [0, -30, -60].map((ago) => `${value}@${ago}`).join(' ')
  world = await openWorld({ series: scripted([`up{job="a"} ${points(0)}`, `up{job="b"} ${points(1)}`]), rules })
  await world.clock.advance(10_000)
})
afterAll(() => world[Symbol.asyncDispose]())

type Rule = Record<string, unknown> & { readonly name: string }
type Group = Record<string, unknown> & { readonly name: string; readonly rules: readonly Rule[] }
const ask = async (pairs: Pairs = {}) => {
  const answer = await world.get('/api/v1/rules', pairs)
  expect(answer.status).toBe(200)
  return answer.json().data as { readonly groups: readonly Group[]; readonly groupNextToken?: string }
}
const names = async (pairs: Pairs) =>
  (await ask(pairs)).groups.map(({ name, rules }) => [name, ...rules.map((rule) => rule.name)])
const at = (seconds: number) => new Date((now + seconds) * 1000).toISOString()

describe('rules', () => {
  it('are shown by group, with their state and their alerts', async () => {
    const { groups } = await ask()
    expect(groups[0]).toMatchObject({ name: 'first', file: 'rules.yml', interval: 5, limit: 0, lastEvaluation: at(10) })
    expect(groups[0]!.rules[0]).toEqual({
      name: 'job:up',
      type: 'recording',
      query: 'sum by (job) (up)',
      labels: { team: 'red' },
      health: 'ok',
      evaluationTime: 0,
      lastEvaluation: at(10),
    })
    expect(groups[0]!.rules[1]).toEqual({
      name: 'Down',
      type: 'alerting',
      query: 'up == 0',
      duration: 0,
      keepFiringFor: 0,
      labels: { severity: 'page', team: 'red' },
      annotations: { summary: '{{ $labels.job }}' },
      state: 'firing',
      health: 'ok',
      blind: false,
      evaluationTime: 0,
      lastEvaluation: at(10),
      alerts: [
        {
          labels: { alertname: 'Down', job: 'a', severity: 'page', team: 'red' },
          annotations: { summary: 'a' },
          state: 'firing',
          activeAt: at(5),
          value: '0e+00',
        },
      ],
    })
    expect(groups[0]!.rules[2]).toMatchObject({ state: 'pending', duration: 3600, keepFiringFor: 300 })
    expect(groups[1]!.rules[0]).toMatchObject({ state: 'inactive', blind: true, health: 'ok', alerts: [] })
    expect(groups[1]!.rules[1]).toMatchObject({ health: 'err', lastError: expect.stringContaining('many-to-many') })
  })

  it.each<[string, Pairs, unknown]>([
    [
      'type alert',
      { type: 'alert' },
      [
        ['first', 'Down', 'Waiting'],
        ['second', 'Blind', 'Broken'],
      ],
    ],
    ['type record', { type: 'record' }, [['first', 'job:up']]],
    ['a rule', { 'rule_name[]': 'Down' }, [['first', 'Down']]],
    [
      'two rules',
      [
        ['rule_name[]', 'Down'],
        ['rule_name[]', 'Blind'],
      ],
      [
        ['first', 'Down'],
        ['second', 'Blind'],
      ],
    ],
    ['a group', { 'rule_group[]': 'second' }, [['second', 'Blind', 'Broken']]],
    ['a file', { 'file[]': 'other.yml' }, []],
    ['labels', { 'match[]': '{team="red"}' }, [['first', 'job:up', 'Down']]],
    [
      'any of two selectors',
      [
        ['match[]', '{severity="page"}'],
        ['match[]', '{severity="info"}'],
      ],
      [['first', 'Down', 'Waiting']],
    ],
  ])('are narrowed by %s', async (_what, pairs, wanted) => {
    expect(await names(pairs)).toEqual(wanted)
  })

  it('leave their alerts out where that is asked', async () => {
    for (const flag of ['true', '1', 'T']) {
      const { groups } = await ask({ exclude_alerts: flag })
      expect(groups[0]!.rules[1]!.alerts).toEqual([])
    }
    expect((await ask({ exclude_alerts: 'false' })).groups[0]!.rules[1]!.alerts).toHaveLength(1)
  })

  it('come in pages, the last without a token', async () => {
    const first = await ask({ group_limit: '1' })
    expect(first.groups.map((group) => group.name)).toEqual(['first'])
    expect(first.groupNextToken).toMatch(/^[0-9a-f]{40}$/)
    const second = await ask({ group_limit: '1', group_next_token: first.groupNextToken! })
    expect(second.groups.map((group) => group.name)).toEqual(['second'])
    expect(second).not.toHaveProperty('groupNextToken')
    expect(await ask({ group_limit: '2' })).not.toHaveProperty('groupNextToken')
  })

  it.each<[Pairs, string]>([
    [{ type: 'alerts' }, 'not supported value "alerts"'],
    [{ exclude_alerts: 'maybe' }, 'exclude_alerts'],
    [{ group_limit: '0' }, 'group_limit'],
    [{ group_limit: '-1' }, 'group_limit'],
    [{ group_next_token: 'x' }, 'group_limit needs to be present'],
    [{ group_limit: '1', group_next_token: 'x' }, 'invalid group_next_token'],
    [{ 'match[]': '{' }, 'match[]'],
  ])('are refused for %j', async (pairs, words) => {
    const answer = await world.get('/api/v1/rules', pairs)
    expect([answer.status, answer.json().errorType]).toEqual([400, 'bad_data'])
    expect(answer.json().error).toContain(words)
  })
})

describe('alerts', () => {
  it('are those that are pending or firing', async () => {
    const { alerts } = (await world.get('/api/v1/alerts')).json().data as { alerts: Record<string, unknown>[] }
    expect(alerts.map(({ state, value }) => [state, value])).toEqual([
      ['firing', '0e+00'],
      ['pending', '1e+00'],
    ])
  })

  it('are samples of ALERTS as well', async () => {
    const answer = await world.get('/api/v1/query', { query: 'count by (alertstate) (ALERTS)' })
    expect((answer.json().data as { result: unknown[] }).result).toHaveLength(2)
  })
})
