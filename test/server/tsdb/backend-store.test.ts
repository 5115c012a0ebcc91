// Another server in place of the store: against our own server as the backend every answer is that of the store behind it; what a backend does
// wrong has a name; rules are judged by what it answers.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../../core/base/log.ts'
import { secret } from '../../../core/base/redact.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import type { Transition } from '../../../core/rules/transition.ts'
import { encodeWriteRequest } from '../../../core/sample/remote-write.ts'
import { resultOf } from '../../../server/tsdb/backend-answer.ts'
import { type BackendClientDeps, openBackendClient } from '../../../server/tsdb/backend-client.ts'
import { backendConfig } from '../../../server/tsdb/backend-config.ts'
import { backendStore } from '../../../server/tsdb/backend-store.ts'
import { now, openWorld, scripted, type World } from '../../helpers/prometheus-world.ts'

const at = now * 1000
const bodyOf = (lines: readonly string[]): ArrayBuffer => new Uint8Array(encodeWriteRequest(scripted(lines))).buffer

function connect(url: string, more: Partial<BackendClientDeps> & { readonly readOnly?: boolean } = {}) {
  const clock = virtualClock(at)
  const { readOnly = false, ...client } = more
  const store = backendStore({
    clock,
    log: silentLog,
    client: openBackendClient({ url, writeUrl: `${url}/api/v1/write`, auth: { kind: 'none' }, headers: {}, ...client }),
    readOnly,
    externalLabels: {},
    defaultIntervalMs: 15_000,
    rulesReady: () => true,
  })
  return { clock, store }
}

describe('a backend that is a server like ours', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld({
      series: scripted([
        'up{job="a",instance="x"} 1@60 1@30 0@0',
        'up{job="b"} NaN@60 Inf@20',
        'odd{kind="small"} 1e-7@5',
        'odd{kind="minus"} -Inf@5',
        '{"my.metric","a.b"="c"} -0@5',
        'gone 3@30 stale@10',
      ]),
    })
  })
  afterAll(() => world[Symbol.asyncDispose]())
  const request = (query: string) => ({ query, time: at, timeoutMs: 4999.25, lookbackMs: null })

  it.each([
    'up',
    'up[1m]',
    '1+1',
    '"text"',
    'nothing',
    'odd',
    '{"my.metric"}',
    'gone',
    'quantile(2, up)',
    'rate(up[1m])',
  ])('answers %s as the store does', async (query) => {
    const { store } = connect(world.url)
    expect(await store.query(request(query))).toEqual(await world.store.query(request(query)))
  })

  it('answers ranges, series, labels and values as the store does', async () => {
    const { store } = connect(world.url)
    const range = { query: 'up', start: at - 60_000, end: at, stepMs: 7500, timeoutMs: 5000, lookbackMs: 60_000 }
    expect(await store.queryRange(range)).toEqual(await world.store.queryRange(range))
    const selectors = [[{ name: 'job', op: '=~', value: 'a|b' }], [{ name: 'a.b', op: '!=', value: '' }]] as const
    for (const span of [
      { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY },
      { from: at - 10_000, to: at },
    ]) {
      const wanted = { selectors, ...span }
      expect(await store.series(wanted)).toEqual(await world.store.series(wanted))
      expect(await store.labelNames(wanted)).toEqual(await world.store.labelNames(wanted))
      for (const name of ['job', 'a.b', '__name__'])
        expect(await store.labelValues(name, wanted)).toEqual(await world.store.labelValues(name, wanted))
    }
    expect(await store.labelNames({ selectors: [], from: at, to: at })).not.toEqual([])
    expect(await store.cardinality(2)).toEqual(await world.store.cardinality(2))
  })

  it('gives the newest samples of what has not ended', async () => {
    const { store } = connect(world.url)
    const any = [{ name: '__name__', op: '=~', value: '.+' }] as const
    const byName = (rows: readonly { readonly labels: unknown }[]) =>
      [...rows].sort((a, b) => (JSON.stringify(a.labels) < JSON.stringify(b.labels) ? -1 : 1))
    const found = byName(await store.latest(any, at, 300_000))
    expect(found).toEqual(byName(await world.store.latest(any, at, 300_000)))
    expect(found.length).toBe(5)
  })

  it('keeps the kinds of faults apart', async () => {
    const { store } = connect(world.url)
    await expect(store.query(request('up['))).rejects.toMatchObject({
      code: 'promql.parse',
      message: /^1:4: parse error/,
    })
    await expect(store.query(request('up + on() up'))).rejects.toMatchObject({ code: 'promql.execution' })
    await expect(store.query({ ...request('up'), timeoutMs: -1 })).rejects.toMatchObject({ code: 'promql.timeout' })
  })

  it('takes samples, and says what it refused', async () => {
    const { store } = connect(world.url)
    expect(await store.append(bodyOf(['fresh 1@9 2@4']))).toEqual({ samples: 2, refused: {} })
    expect((await world.store.query(request('fresh'))).type).toBe('vector')
    expect(await store.append(bodyOf(['fresh 1@8']))).toEqual({ samples: 0, refused: { out_of_order: 1 } })
    await expect(store.append(new Uint8Array([1, 2, 3]).buffer)).rejects.toMatchObject({
      code: 'remote_write.malformed',
    })
    expect(await store.stats()).toMatchObject({ samples: 2, refused: 1 })
  })

  it('that is only read is never written to', async () => {
    const { store } = connect(world.url, { readOnly: true })
    expect(await store.append(bodyOf(['secretly 1@9']))).toEqual({ samples: 0, refused: { read_only: 1 } })
    expect(await world.store.query(request('secretly'))).toMatchObject({ samples: [] })
  })
})

describe('rules over a backend', () => {
  const rules = `
groups:
  - name: g
    interval: 5s
    rules:
      - { record: job:up, expr: sum by (job) (up) }
      - { alert: Down, expr: up == 0 }
      - { alert: Blind, expr: missing > 1 }
      - { alert: Quiet, expr: up > 5 }
      - { alert: Broken, expr: up + on() up }
      - { alert: Gone, expr: absent(missing) }
`
  it('fire, are blind, fail and record as they do over the store', async () => {
    await using world = await openWorld({
      series: scripted(['up{job="a"} 0@10 0@0 0@-5 0@-10', 'up{job="b"} 1@10 1@0 1@-5 1@-10']),
    })
    const { clock, store } = connect(world.url)
    const told: string[] = []
    store.subscribe((transitions: readonly Transition[]) => {
      for (const one of transitions) told.push(`${one.rule} ${one.state} ${(one.at - at) / 1000}`)
    })
    await store.loadRules([{ file: 'r.yml', text: rules }], [], null)
    store.start()
    const evaluated = async (seconds: number) => {
      for (;;) {
        const [group] = await store.rules()
        if (group!.lastEvaluationAt === at + seconds * 1000) return group!
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await clock.advance(5000)
    await evaluated(5)
    await clock.advance(5000)
    const { rules: views } = await evaluated(10)
    await store.stop()
    expect(told.sort()).toEqual(['Down firing 5', 'Gone firing 5'])
    expect(views.map((rule) => [rule.name, rule.health, rule.kind === 'alerting' && rule.blind])).toEqual([
      ['job:up', 'ok', false],
      ['Down', 'ok', false],
      ['Blind', 'ok', true],
      ['Quiet', 'ok', false],
      ['Broken', 'err', false],
      ['Gone', 'ok', false],
    ])
    const recorded = await world.store.query({ query: 'job:up', time: at + 10_000, timeoutMs: 5000, lookbackMs: null })
    expect(recorded).toMatchObject({ samples: [{ value: 0 }, { value: 1 }] })
    const alerts = await world.store.query({
      query: 'ALERTS{alertname="Down"}',
      time: at + 10_000,
      timeoutMs: 5000,
      lookbackMs: null,
    })
    expect(alerts).toMatchObject({ samples: [{ value: 1 }] })
  })

  it('keep their alerts, and say why, while the backend is away', async () => {
    const world = await openWorld({ series: scripted(['up 0@10 0@0 0@-5']) })
    const { clock, store } = connect(world.url)
    const told: string[] = []
    store.subscribe((transitions) => {
      for (const one of transitions) told.push(one.state)
    })
    await store.loadRules(
      [{ file: 'r.yml', text: 'groups: [{name: g, interval: 5s, rules: [{alert: Down, expr: up == 0}]}]' }],
      [],
      null,
    )
    store.start()
    const until = async (health: string) => {
      for (;;) {
        const [group] = await store.rules()
        if (group!.rules[0]!.health === health) return group!.rules[0]!
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await clock.advance(5000)
    expect(await until('ok')).toMatchObject({ state: 'firing' })
    await world[Symbol.asyncDispose]()
    await clock.advance(5000)
    expect(await until('err')).toMatchObject({
      state: 'firing',
      lastError: expect.stringContaining('cannot be reached'),
    })
    await store.stop()
    expect(told).toEqual(['firing'])
  })
})

describe('a backend that does wrong', () => {
  const canned = (status: number, body: string, headers: Record<string, string> = {}) =>
    connect('http://backend', { fetch: async () => new Response(body, { status, headers }) }).store
  const query = { query: 'up', time: at, timeoutMs: 1000, lookbackMs: null }

  it.each<[string, number, string, string, RegExp]>([
    ['answers no JSON', 200, '<html>', 'backend.refused', /answered 200: <html>/],
    ['answers nothing', 502, '', 'backend.refused', /answered 502$/],
    ['does not know the token', 401, 'Unauthorized', 'backend.denied', /answered 401/],
    ['knows no such path', 404, '404 page not found', 'backend.refused', /answered 404/],
    ['sends elsewhere', 302, '', 'backend.refused', /answered 302/],
    [
      'is starting',
      503,
      '{"status":"error","errorType":"unavailable","error":"starting"}',
      'backend.refused',
      /starting/,
    ],
    [
      'has its own words for a bad query',
      422,
      '{"status":"error","errorType":"422","error":"no"}',
      'promql.execution',
      /^no$/,
    ],
    ['answers null', 200, 'null', 'backend.refused', /answered 200/],
    ['answers success without data', 200, '{"status":"success"}', 'backend.malformed', /data is no object/],
    [
      'answers a foreign type',
      200,
      '{"status":"success","data":{"resultType":"table","result":[]}}',
      'backend.malformed',
      /table/,
    ],
    [
      'answers numbers as numbers',
      200,
      '{"status":"success","data":{"resultType":"scalar","result":[1,2]}}',
      'backend.malformed',
      /value/,
    ],
    [
      'answers words as numbers',
      200,
      '{"status":"success","data":{"resultType":"scalar","result":[1,"two"]}}',
      'backend.malformed',
      /two/,
    ],
    [
      'answers no time',
      200,
      '{"status":"success","data":{"resultType":"scalar","result":["1","2"]}}',
      'backend.malformed',
      /time/,
    ],
    [
      'answers labels that are none',
      200,
      '{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":1},"value":[1,"2"]}]}}',
      'backend.malformed',
      /label a/,
    ],
  ])('and %s is told by name', async (_what, status, body, code, message) => {
    await expect(canned(status, body).query(query)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })

  it('and answers without end is cut off', async () => {
    let made = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        made++
        controller.enqueue(new Uint8Array(1 << 20).fill(32))
      },
    })
    const { store } = connect('http://backend', { fetch: async () => new Response(endless) })
    await expect(store.query(query)).rejects.toMatchObject({ code: 'backend.answer_size' })
    expect(made).toBeLessThan(80)
  })

  it('leaves out native histograms and says how many', () => {
    const sample = { metric: { a: 'b' }, value: [1, '2'] }
    const data = { resultType: 'vector', result: [sample, { metric: {}, histogram: [1, {}] }] }
    expect(resultOf({ data, warnings: [], infos: [] }, 1000)).toEqual({
      type: 'vector',
      time: 1000,
      samples: [{ labels: [['a', 'b']], value: 2 }],
      warnings: ['1 series of native histograms were left out'],
    })
  })

  it('never sees the secret in an error, and gets it in the header', async () => {
    const seen: unknown[] = []
    const auth = { kind: 'bearer', token: secret('canary-8812') } as const
    const { store } = connect('http://backend', {
      auth,
      headers: { 'X-Scope-OrgID': 'fleet' },
      fetch: async (_url, init) => {
        seen.push(init?.headers, init?.redirect)
        throw new TypeError('fetch failed')
      },
    })
    const fault = await store.query(query).catch((error: Error) => error)
    expect(fault).toMatchObject({ code: 'backend.unreachable', retryable: true })
    expect(JSON.stringify(fault) + String(fault)).not.toContain('canary')
    expect(seen).toEqual([
      expect.objectContaining({ authorization: 'Bearer canary-8812', 'X-Scope-OrgID': 'fleet' }),
      'manual',
    ])
  })

  it('does not lose samples: whoever sent them is told to come again', async () => {
    for (const [status, code] of [
      [503, 'backend.refused'],
      [401, 'backend.denied'],
      [404, 'backend.refused'],
    ] as const)
      await expect(canned(status, 'no').append(bodyOf(['up 1@1']))).rejects.toMatchObject({ code, retryable: true })
    expect(await canned(400, 'out of bounds').append(bodyOf(['up 1@1 2@0']))).toEqual({
      samples: 0,
      refused: { out_of_bounds: 2 },
    })
  })
})

describe('the configuration of a backend', () => {
  it.each<[unknown, boolean]>([
    [{ url: 'http://prometheus:9090/' }, true],
    [{ url: 'https://mimir/prometheus', token_file: 't', headers: { 'X-Scope-OrgID': 'a' } }, true],
    [{ url: 'http://x', username: 'u', password_file: 'p' }, true],
    [{}, false],
    [{ url: 'prometheus:9090' }, false],
    [{ url: 'ftp://x' }, false],
    [{ url: 'http://user:word@x' }, false],
    [{ url: 'http://x?a=b' }, false],
    [{ url: 'http://x', username: 'u' }, false],
    [{ url: 'http://x', token_file: 't', username: 'u', password_file: 'p' }, false],
    [{ url: 'http://x', headers: { 'a b': '1' } }, false],
    [{ url: 'http://x', tokn_file: 't' }, false],
  ])('of %j is taken: %s', (value, taken) => {
    expect(backendConfig.safeParse(value).success).toBe(taken)
  })

  it('knows its address without a slash at the end', () => {
    expect(backendConfig.parse({ url: 'http://x/prometheus//' }).url).toBe('http://x/prometheus')
  })
})
