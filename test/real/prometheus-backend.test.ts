// Prometheus and VictoriaMetrics as the store behind our server: samples go in through ours, answers come out of ours, rules fire on them.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../core/base/log.ts'
import { virtualClock } from '../../core/base/virtual-clock.ts'
import { encodeWriteRequest } from '../../core/sample/remote-write.ts'
import { openBackendClient } from '../../server/tsdb/backend-client.ts'
import { backendStore } from '../../server/tsdb/backend-store.ts'
import type { LocalStore } from '../../server/tsdb/local-store.ts'
import { now, openWorld, scripted, type World } from '../helpers/prometheus-world.ts'
import { installed, type PeerServer, startPeer, versionOf } from './prometheus-peer.ts'

const at = now * 1000
const lines = [
  'up{job="a",instance="x"} 1@60 1@30 0@0 0@-5 0@-10',
  'up{job="b",instance="y"} 1@60 1@20 1@0 1@-5 1@-10',
  'requests_total{job="a"} 10@60 40@30 70@0',
  'odd{kind="small"} 1e-7@5',
  'odd{kind="negative"} -2.5@5',
]
const rules = `
groups:
  - name: g
    interval: 5s
    rules:
      - { record: "job:up:sum", expr: sum by (job) (up) }
      - { alert: Down, expr: up == 0 }
      - { alert: Blind, expr: missing > 1 }
      - { alert: Broken, expr: up + on() up }
`

describe.each(['prometheus', 'victoria-metrics'] as const)('%s', (name) => {
  describe.skipIf(!installed(name))('behind our server', () => {
    let peer: PeerServer
    let store: LocalStore
    let world: World
    const clock = virtualClock(at)
    /** VictoriaMetrics shows samples a moment after it took them. */
    const seen = async (holds: () => Promise<boolean>): Promise<void> => {
      const until = performance.now() + 20_000
      while (!(await holds())) {
        if (performance.now() > until) throw new Error('the backend does not show what it took')
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
    const query = async (text: string, time = now) => {
      const answer = await world.get('/api/v1/query', { query: text, time: String(time) })
      const body = answer.json() as { data?: { result: never[] }; error?: string; errorType?: string }
      return { ...body, status: answer.status }
    }

    beforeAll(async () => {
      process.stdout.write(`peer: ${versionOf(name)}\n`)
      peer = await startPeer(name)
      store = backendStore({
        clock,
        log: silentLog,
        client: openBackendClient({
          url: peer.url,
          writeUrl: `${peer.url}/api/v1/write`,
          auth: { kind: 'none' },
          headers: {},
        }),
        readOnly: false,
        externalLabels: {},
        defaultIntervalMs: 5000,
        rulesReady: () => true,
      })
      world = await openWorld({ wrap: () => store })
      expect(await store.append(new Uint8Array(encodeWriteRequest(scripted(lines))).buffer)).toEqual({
        samples: 15,
        refused: {},
      })
      await seen(async () => (await query('count(up)')).data?.result.length === 1)
    })
    afterAll(async () => {
      await store?.stop()
      await world?.[Symbol.asyncDispose]()
      await peer?.[Symbol.asyncDispose]()
    })

    it.each<[string, unknown]>([
      ['up{job="a"}', [{ metric: { __name__: 'up', instance: 'x', job: 'a' }, value: [now, '0'] }]],
      ['sum(up)', [{ metric: {}, value: [now, '1'] }]],
      ['1+1', [now, '2']],
      ['odd{kind="small"} * 1', [{ metric: { kind: 'small' }, value: [now, '1e-07'] }]],
      ['nothing', []],
    ])('answers %s', async (text, result) => {
      // VictoriaMetrics gives scalars as vectors without labels.
      const found = (await query(text)).data!.result
      const scalar = text === '1+1' && name === 'victoria-metrics'
      expect(found).toEqual(scalar ? [{ metric: {}, value: result }] : result)
    })

    it('answers ranges', async () => {
      const answer = await world.post('/api/v1/query_range', {
        query: 'max_over_time(requests_total[50s])',
        start: String(now - 30),
        end: String(now),
        step: '30',
      })
      const [series] = (answer.json().data as { result: { values: [number, string][] }[] }).result
      expect(series!.values).toEqual([
        [now - 30, '40'],
        [now, '70'],
      ])
    })

    it('lists series, labels and values', async () => {
      const span = { start: String(now - 3600), end: String(now + 60) }
      const data = async (path: string, pairs: Record<string, string> = {}) =>
        (await world.get(path, { ...span, ...pairs })).json().data as unknown
      expect(await data('/api/v1/series', { 'match[]': 'up' })).toHaveLength(2)
      expect(await data('/api/v1/label/job/values', { 'match[]': 'up' })).toEqual(['a', 'b'])
      expect(await data('/api/v1/labels', { 'match[]': 'up' })).toEqual(['__name__', 'instance', 'job'])
      expect((await world.get('/federate', { 'match[]': 'requests_total' })).text).toBe(
        `# TYPE requests_total untyped\nrequests_total{instance="",job="a"} 70 ${at}\n`,
      )
      expect(await data('/api/v1/status/tsdb')).toHaveProperty('headStats')
    })

    it('is told of a query that is wrong', async () => {
      // VictoriaMetrics knows one kind of fault.
      const wrong =
        name === 'prometheus' ? { status: 400, errorType: 'bad_data' } : { status: 422, errorType: 'execution' }
      expect(await query('sum(')).toMatchObject(wrong)
      expect(await query('up + on() up')).toMatchObject({ status: 422, errorType: 'execution' })
    })

    it('makes rules fire, be blind and fail, and keeps what they record', async () => {
      const told: string[] = []
      store.subscribe((transitions) => {
        for (const one of transitions) told.push(`${one.rule} ${one.state} ${(one.at - at) / 1000}`)
      })
      await store.loadRules([{ file: 'r.yml', text: rules }], [], null)
      store.start()
      await clock.advance(5000)
      await seen(async () => (await store.rules())[0]!.lastEvaluationAt === at + 5000)
      await store.stop()
      expect(told).toEqual(['Down firing 5'])
      const [group] = await store.rules()
      expect(group!.rules.map((rule) => [rule.name, rule.health, rule.kind === 'alerting' && rule.blind])).toEqual([
        ['job:up:sum', 'ok', false],
        ['Down', 'ok', false],
        ['Blind', 'ok', true],
        ['Broken', 'err', false],
      ])
      await seen(async () => (await query('count(ALERTS)', now + 5)).data?.result.length === 1)
      const recorded = (await query('job:up:sum', now + 5)).data!.result as {
        metric: object
        value: [number, string]
      }[]
      expect(recorded.map(({ metric, value }) => [metric, value[1]])).toEqual([
        [{ __name__: 'job:up:sum', job: 'a' }, '0'],
        [{ __name__: 'job:up:sum', job: 'b' }, '1'],
      ])
    })
  })
})
