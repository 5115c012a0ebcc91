// What Grafana's Prometheus data source sends, in the forms in which it sends it: first the health check, then editor, variables, panels,
// alert lists. Read in its source; it POSTs queries as forms and GETs the rest, and takes a non-empty `features` for another product.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { now, openWorld, type Pairs, scripted, type World } from '../../../helpers/prometheus-world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld({
    series: scripted([
      'http_requests_total{job="api",code="200"} 100@60 130@45 160@30 190@15 220@0',
      'http_requests_total{job="api",code="500"} 1@60 1@45 2@30 2@15 3@0',
      'up{job="api",instance="a:1"} 1@15 1@0',
    ]),
    rules: 'groups: [{ name: g, interval: 5s, rules: [{ alert: Up, expr: up == 1 }] }]',
  })
})
afterAll(() => world[Symbol.asyncDispose]())

const span = { start: String(now - 60), end: `${now}.000` }
const success = async (method: 'get' | 'post', path: string, pairs: Pairs = {}) => {
  const answer = method === 'get' ? await world.get(path, pairs) : await world.post(path, pairs)
  expect([path, answer.status, answer.json().status]).toEqual([path, 200, 'success'])
  expect(answer.headers['content-type']).toContain('application/json')
  return answer.json().data as never
}

describe('Grafana', () => {
  it('finds the data source healthy', async () => {
    const expected = { resultType: 'scalar', result: [4, '2'] }
    for (const method of ['get', 'post'] as const)
      expect(await success(method, '/api/v1/query', { query: '1+1', time: '4' })).toEqual(expected)
  })

  it('takes the server for Prometheus', async () => {
    const build = await success('get', '/api/v1/status/buildinfo')
    expect(build).toHaveProperty('version')
    expect(build).not.toHaveProperty('features')
    expect(build).not.toHaveProperty('application')
  })

  it('draws a panel', async () => {
    const query = 'sum by (code) (rate(http_requests_total{job=~"api|web"}[1m0s]))'
    const data: { resultType: string; result: { metric: object; values: [number, string][] }[] } = await success(
      'post',
      '/api/v1/query_range',
      { query, start: `${now - 30}`, end: `${now}`, step: '15', timeout: '30s' },
    )
    expect(data.resultType).toBe('matrix')
    expect(data.result.map(({ metric, values }) => [metric, values.length])).toEqual([
      [{ code: '200' }, 3],
      [{ code: '500' }, 3],
    ])
    expect(Number(data.result[0]!.values.at(-1)![1])).toBeCloseTo(2, 6)
  })

  it('asks for a fractional step and for exemplars beside it', async () => {
    await success('post', '/api/v1/query_range', { query: 'up', ...span, step: '0.25' })
    expect(await success('post', '/api/v1/query_exemplars', { query: 'up', ...span })).toEqual([])
  })

  it('fills a table and an annotation', async () => {
    const table: { result: unknown[] } = await success('post', '/api/v1/query', { query: 'up', time: `${now}.123` })
    expect(table.result).toEqual([
      { metric: { __name__: 'up', instance: 'a:1', job: 'api' }, value: [now + 0.123, '1'] },
    ])
    await success('post', '/api/v1/query_range', { query: 'ALERTS', ...span, step: '60' })
  })

  it('fills the editor', async () => {
    expect(
      await success('post', '/api/v1/labels', [
        ['match[]', '{__name__="up"}'],
        ['start', span.start],
        ['end', span.end],
        ['limit', '40000'],
      ]),
    ).toEqual(['__name__', 'instance', 'job'])
    expect(await success('get', '/api/v1/label/__name__/values', { ...span, limit: '40000' })).toEqual([
      'http_requests_total',
      'up',
    ])
    expect(await success('get', '/api/v1/label/code/values', { 'match[]': 'http_requests_total', ...span })).toEqual([
      '200',
      '500',
    ])
    expect(await success('get', '/api/v1/label/U__code/values', span)).toEqual(['200', '500'])
    expect(await success('get', '/api/v1/metadata', { limit: '1' })).toBeTypeOf('object')
    expect(await success('post', '/api/v1/series', { 'match[]': 'up', ...span })).toHaveLength(1)
    expect(await success('post', '/api/v1/format_query', { query: 'sum(up)by(job)' })).toBe('sum by (job) (up)')
    await success('post', '/api/v1/parse_query', { query: 'up' })
  })

  it('shows rules and alerts', async () => {
    await world.clock.advance(6000)
    const { groups }: { groups: { rules: { state: string }[] }[] } = await success('get', '/api/v1/rules')
    expect(groups[0]!.rules[0]!.state).toBe('firing')
    const { alerts }: { alerts: unknown[] } = await success('get', '/api/v1/alerts')
    expect(alerts).toHaveLength(1)
  })

  it.each([
    'targets',
    'status/config',
    'status/flags',
    'status/runtimeinfo',
    'status/tsdb',
    'notifications',
  ])('reads %s', async (name) => {
    await success('get', `/api/v1/${name}`)
  })

  it('shows the words of a query that is wrong', async () => {
    const answer = await world.post('/api/v1/query_range', { query: 'sum(', ...span, step: '15' })
    expect(answer.status).toBe(400)
    expect(answer.json()).toEqual({
      status: 'error',
      errorType: 'bad_data',
      error: expect.stringContaining('parse error'),
    })
  })
})
