// What the server tells of itself and of its targets, in upstream's shapes.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HostView } from '../../../../server/fleet/registry.ts'
import { now, openWorld, scripted, type World, withBlock } from '../../../helpers/prometheus-world.ts'

const host = (name: string, contact: HostView['contact']): HostView =>
  ({ host: name, contact, lastSeenAt: now * 1000 - 500, engines: 1 }) as HostView
let world: World
beforeAll(async () => {
  world = await openWorld({
    series: scripted(['up{job="a",host="h1"} 1@60', 'up{job="a",host="h2"} 1@0', 'load{job="b"} 1@0']),
    hosts: [host('h1', 'connected'), host('h2', 'lost')],
  })
})
afterAll(() => world[Symbol.asyncDispose]())
const data = async (path: string, pairs: Record<string, string> = {}) => {
  const answer = await world.get(path, pairs)
  expect(answer.status).toBe(200)
  return answer.json().data as unknown
}
const refused = async (path: string, pairs: Record<string, string>) => {
  const answer = await world.get(path, pairs)
  expect([answer.status, answer.json().errorType]).toEqual([400, 'bad_data'])
  return answer.json().error
}

describe('status', () => {
  it('counts what the store is made of, the largest first', async () => {
    expect(await data('/api/v1/status/tsdb')).toEqual({
      headStats: { numSeries: 3, numLabelPairs: 6, chunkCount: 0, minTime: (now - 60) * 1000, maxTime: now * 1000 },
      seriesCountByMetricName: [
        { name: 'up', value: 2 },
        { name: 'load', value: 1 },
      ],
      labelValueCountByLabelName: [
        { name: '__name__', value: 2 },
        { name: 'host', value: 2 },
        { name: 'job', value: 2 },
      ],
      memoryInBytesByLabelName: [
        { name: '__name__', value: 8 },
        { name: 'host', value: 4 },
        { name: 'job', value: 3 },
      ],
      seriesCountByLabelValuePair: [
        { name: '__name__=up', value: 2 },
        { name: 'job=a', value: 2 },
        { name: '__name__=load', value: 1 },
        { name: 'host=h1', value: 1 },
        { name: 'host=h2', value: 1 },
        { name: 'job=b', value: 1 },
      ],
    })
  })

  it('shows as many rows as are asked for', async () => {
    const one = (await data('/api/v1/status/tsdb', { limit: '1' })) as { seriesCountByMetricName: unknown }
    expect(one.seriesCountByMetricName).toEqual([{ name: 'up', value: 2 }])
    for (const limit of ['0', '-1', 'x', '10001'])
      expect(await refused('/api/v1/status/tsdb', { limit })).toContain('limit')
  })

  it('tells of the program, its settings and its store', async () => {
    expect(await data('/api/v1/status/buildinfo')).toMatchObject({ version: '0.1.0' })
    expect(await data('/api/v1/status/buildinfo')).not.toHaveProperty('features')
    expect((await world.get('/version')).json()).toMatchObject({ version: '0.1.0' })
    expect(await data('/api/v1/status/config')).toEqual({ yaml: 'server: {}\n' })
    expect(await data('/api/v1/status/flags')).toMatchObject({
      'query.timeout': '30s',
      'query.max-concurrency': '20',
      'query.lookback-delta': '5m',
      'web.enable-admin-api': 'false',
    })
    expect(await data('/api/v1/status/runtimeinfo')).toMatchObject({
      startTime: new Date((now - 3600) * 1000).toISOString(),
      serverTime: new Date(now * 1000).toISOString(),
      storageRetention: '7h',
    })
    expect(await data('/api/v1/status/walreplay')).toEqual({ min: 0, max: 0, current: 0 })
    expect(await data('/api/v1/status/tsdb/blocks')).toEqual({ blocks: [] })
    expect(await data('/api/v1/notifications')).toEqual([])
  })

  it('tells the blocks on disk', async () => {
    await using world = await openWorld({ wrap: withBlock })
    expect((await world.get('/api/v1/status/tsdb/blocks')).json().data).toEqual({
      blocks: [
        {
          ulid: '01BX5ZZKBKACTAV9WEVGEMMVRZ',
          minTime: 0,
          maxTime: 7_200_000,
          stats: { numSamples: 100, numSeries: 10, numChunks: 20, numFloatSamples: 100 },
          compaction: { level: 1, sources: ['01BX5ZZKBKACTAV9WEVGEMMVRZ'] },
          version: 1,
        },
      ],
    })
  })

  it.each(['delete_series', 'clean_tombstones', 'snapshot'])('keeps the administration %s closed', async (name) => {
    for (const method of ['POST', 'PUT']) {
      const answer = await world.get(`/api/v1/admin/tsdb/${name}`, {}, { method })
      expect(answer.status).toBe(503)
      expect(answer.json()).toEqual({ status: 'error', errorType: 'unavailable', error: 'admin APIs disabled' })
    }
    expect((await world.get(`/api/v1/admin/tsdb/${name}`)).status).toBe(405)
  })
})

describe('targets', () => {
  it('are the agents, up while they are heard', async () => {
    const { activeTargets, droppedTargets } = (await data('/api/v1/targets')) as Record<
      string,
      Record<string, unknown>[]
    >
    expect(activeTargets!.map(({ health, lastError }) => [health, lastError])).toEqual([
      ['up', ''],
      ['down', 'agent lost'],
    ])
    expect(activeTargets![0]).toMatchObject({
      labels: { host: 'h1', job: 'agent' },
      scrapePool: 'agent',
      lastScrape: new Date(now * 1000 - 500).toISOString(),
    })
    expect(droppedTargets).toEqual([])
    expect(await data('/api/v1/targets', { state: 'dropped' })).toMatchObject({ activeTargets: [] })
    expect(await data('/api/v1/targets', { scrapePool: 'other' })).toMatchObject({ activeTargets: [] })
    expect(await data('/api/v1/scrape_pools')).toEqual({ scrapePools: ['agent'] })
    expect(await data('/api/v1/scrape_pools/config', { scrapePool: 'agent' })).toEqual({ yaml: 'job_name: agent\n' })
    expect(await refused('/api/v1/scrape_pools/config', {})).toContain('scrapePool')
    expect(await refused('/api/v1/scrape_pools/config', { scrapePool: 'x' })).toContain('not found')
    expect(await data('/api/v1/alertmanagers')).toEqual({
      activeAlertmanagers: [{ url: 'http://am:9093/prefix/api/v2/alerts' }],
      droppedAlertmanagers: [],
    })
  })

  it('know what their metrics mean', async () => {
    const metric = 'inference_requests_total'
    const one = await data('/api/v1/targets/metadata', { metric, match_target: '{host="h2"}' })
    expect(one).toEqual([
      { target: { host: 'h2', job: 'agent' }, type: 'counter', help: expect.any(String), unit: expect.any(String) },
    ])
    const all = (await data('/api/v1/targets/metadata', { limit: '5' })) as Record<string, unknown>[]
    expect(all).toHaveLength(5)
    expect(all[0]).toHaveProperty('metric')
    expect(await data('/api/v1/targets/metadata', { match_target: '{host="h3"}' })).toEqual([])
    expect(await refused('/api/v1/targets/metadata', { match_target: '{' })).toContain('match_target')
  })
})

describe('a path that is not there', () => {
  it.each([
    '/api/v1/nothing',
    '/api/v1/query/',
    '/api/v1/label/values',
    '/api/v2/query',
    '/federate/x',
  ])('%s is told so in JSON, or is the one that was meant', async (path) => {
    for (const method of ['GET', 'POST', 'HEAD']) {
      const answer = await world.get(path, { query: '1' }, { method })
      expect([path, method, answer.status]).toEqual([path, method, path === '/api/v1/query/' ? 200 : 404])
      expect(answer.headers['content-type']).toContain('application/json')
    }
  })
})

describe('what Grafana is pointed at by mistake', () => {
  it('is told so', async () => {
    const answer = await world.get('/metrics/api/v1/query', { query: '1+1' })
    expect(answer.status).toBe(404)
    expect(answer.json()).toMatchObject({ error: { code: 'http.metrics_path' } })
  })
})
