// Queries over the Prometheus API, by real HTTP over a real store: forms, times, limits, and the exact words of every fault.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { number } from '../../../../server/http/prometheus/answer.ts'
import { now, openWorld, type Pairs, scripted, type World } from '../../../helpers/prometheus-world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld({
    series: scripted([
      'up{job="a",instance="x"} 1@60 1@30 0@0',
      'up{job="b",instance="y"} 1@50 1@20',
      '{"my.metric","a.b"="c"} -0@5',
      'odd{kind="nan"} NaN@5',
      'odd{kind="inf"} Inf@5',
      'odd{kind="minus"} -Inf@5',
      'odd{kind="small"} 1e-7@5',
      'odd{kind="border"} 0.000001@5',
      'odd{kind="large"} 1e21@5',
      'odd{kind="below"} 999999999999999900000@5',
      'odd{kind="least"} 5e-324@5',
      'odd{kind="most"} 1.7976931348623157e308@5',
      'gone 3@30 stale@10',
    ]),
  })
})
afterAll(() => world[Symbol.asyncDispose]())

/** By URL and by form: both must say the same. */
async function both(path: string, pairs: Pairs) {
  const [get, post] = [await world.get(path, pairs), await world.post(path, pairs)]
  expect(post.status).toBe(get.status)
  expect(post.text).toBe(get.text)
  return get
}
const query = async (text: string, more: Record<string, string> = {}) => {
  const answer = await both('/api/v1/query', { query: text, ...more })
  expect(answer.status).toBe(200)
  return answer.json() as unknown as {
    data: { resultType: string; result: unknown }
    warnings?: string[]
    infos?: string[]
  }
}
const sample = (kind: string, value: string) => ({ metric: { __name__: 'odd', kind }, value: [now, value] })

describe('an instant query', () => {
  it('answers each type of result in its own shape', async () => {
    expect((await query('1+1', { time: '4' })).data).toEqual({ resultType: 'scalar', result: [4, '2'] })
    expect((await query('"a\\"b"')).data).toEqual({ resultType: 'string', result: [now, 'a"b'] })
    expect((await query('up{job="a"}')).data).toEqual({
      resultType: 'vector',
      result: [{ metric: { __name__: 'up', instance: 'x', job: 'a' }, value: [now, '0'] }],
    })
    expect((await query('up{job="a"}[40s]')).data).toEqual({
      resultType: 'matrix',
      result: [
        {
          metric: { __name__: 'up', instance: 'x', job: 'a' },
          values: [
            [now - 30, '1'],
            [now, '0'],
          ],
        },
      ],
    })
  })

  it('answers an empty list where nothing matches, and leaves out a series that ended', async () => {
    expect((await query('nothing')).data).toEqual({ resultType: 'vector', result: [] })
    expect((await query('gone')).data.result).toEqual([])
    expect((await query('gone offset 20s')).data.result).toHaveLength(1)
  })

  it.each([
    ['nan', 'NaN'],
    ['inf', '+Inf'],
    ['minus', '-Inf'],
    ['small', '1e-07'],
    ['border', '0.000001'],
    ['large', '1e+21'],
    ['below', '999999999999999900000'],
    ['least', '5e-324'],
    ['most', '1.7976931348623157e+308'],
  ])('writes the value %s as Go does', async (kind, text) => {
    expect((await query(`odd{kind="${kind}"}`)).data.result).toEqual([sample(kind, text)])
  })

  it('keeps the sign of zero and UTF-8 names', async () => {
    expect((await query('{"my.metric"}')).data.result).toEqual([
      { metric: { __name__: 'my.metric', 'a.b': 'c' }, value: [now, '-0'] },
    ])
    expect(number(-0)).toBe('-0')
  })

  it.each([
    [String(now - 30), now - 30],
    [`${now - 30}.25`, now - 30 + 0.25],
    [new Date((now - 30) * 1000).toISOString(), now - 30],
    [new Date((now - 30) * 1000).toISOString().replace('.000Z', '.250000001Z'), now - 30 + 0.25],
    [new Date((now - 30) * 1000 + 3_600_000).toISOString().replace('.000Z', '+01:00'), now - 30],
    ['', now],
  ])('reads the time %j', async (time, seconds) => {
    expect((await query('time()', { time })).data.result).toEqual([seconds, String(seconds)])
  })

  it.each([
    'yesterday',
    '1e400',
    'NaN',
    '2015-13-01T00:00:00Z',
    '2015-07-01',
    '0x10',
  ])('refuses the time %j by name', async (time) => {
    const answer = await both('/api/v1/query', { query: '1', time })
    expect(answer.status).toBe(400)
    expect(answer.json()).toEqual({
      status: 'error',
      errorType: 'bad_data',
      error: `invalid parameter "time": cannot parse ${JSON.stringify(time)} to a valid timestamp`,
    })
  })

  it.each([
    ['', 'invalid parameter "query": unknown position: parse error: no expression found in input'],
    ['up[', 'invalid parameter "query": 1:4: parse error: unexpected end of input in duration expression'],
    ['{}', 'invalid parameter "query": 1:1: parse error: vector selector must contain at least one non-empty matcher'],
  ])('says where the query %j cannot be read', async (text, error) => {
    const answer = await both('/api/v1/query', { query: text })
    expect(answer.status).toBe(400)
    expect(answer.json()).toEqual({ status: 'error', errorType: 'bad_data', error })
  })

  it('answers 422 where the query can be read and not worked out', async () => {
    const answer = await both('/api/v1/query', { query: 'up + on() up' })
    expect(answer.status).toBe(422)
    expect(answer.json()).toMatchObject({ status: 'error', errorType: 'execution' })
    expect(String(answer.json().error)).toContain('many-to-many matching not allowed')
  })

  it('tells warnings and infos beside the data', async () => {
    expect((await query('quantile(2, up)')).warnings?.[0]).toContain('quantile value should be between 0 and 1')
    expect((await query('rate(up[1m])')).infos?.[0]).toContain('might not be a counter')
    expect(await query('up')).not.toHaveProperty('warnings')
  })

  it('cuts the answer to the limit and says so, and no shorter answer', async () => {
    const cut = await query('up', { limit: '1' })
    expect(cut.data.result).toHaveLength(1)
    expect(cut.warnings).toEqual(['results truncated due to limit'])
    for (const limit of ['2', '0', '']) {
      const whole = await query('up', { limit })
      expect(whole.data.result).toHaveLength(2)
      expect(whole).not.toHaveProperty('warnings')
    }
    const range = await query('up[1m]', { limit: '1' })
    expect(range.data.result).toHaveLength(1)
    const bad = await both('/api/v1/query', { query: 'up', limit: '-1' })
    expect([bad.status, bad.json().errorType]).toEqual([400, 'bad_data'])
  })

  it('looks back as far as it is told', async () => {
    expect((await query('up{job="b"}', { lookback_delta: '10' })).data.result).toEqual([])
    expect((await query('up{job="b"}', { lookback_delta: '30s' })).data.result).toHaveLength(1)
    expect((await query('up{job="b"}', { lookback_delta: '0' })).data.result).toHaveLength(1)
  })

  it('tells what the query cost only where it is asked', async () => {
    expect((await query('up')).data).not.toHaveProperty('stats')
    const told = (await query('sum(up) + count_over_time(up{job="a"}[1m])', { stats: 'all' })).data
    expect(told).toMatchObject({
      stats: {
        timings: { evalTotalTime: expect.any(Number), execQueueTime: 0 },
        samples: { totalQueryableSamples: 4, samplesRead: 4, totalQueryableSamplesPerStep: [[now, 4]] },
      },
    })
    const short = (await query('up', { stats: '1' })).data
    expect(short).toMatchObject({ stats: { samples: { totalQueryableSamples: 2 } } })
    expect(JSON.stringify(short)).not.toContain('PerStep')
  })

  it('takes the form before the URL', async () => {
    const { url } = world
    const response = await fetch(`${url}/api/v1/query?query=2&time=7`, {
      method: 'POST',
      body: new URLSearchParams({ query: '1' }),
    })
    expect(await response.json()).toMatchObject({ data: { result: [7, '1'] } })
  })

  it('answers HEAD with the head alone', async () => {
    const answer = await world.get('/api/v1/query', { query: 'up' }, { method: 'HEAD' })
    expect([answer.status, answer.text]).toEqual([200, ''])
    expect(answer.headers['content-type']).toContain('application/json')
  })
})

describe('a range query', () => {
  const span = { start: String(now - 60), end: String(now), step: '30' }

  it('answers a matrix, with gaps where nothing is', async () => {
    const answer = await both('/api/v1/query_range', { query: 'up{job="a"} == 1', ...span })
    expect(answer.json().data).toEqual({
      resultType: 'matrix',
      result: [
        {
          metric: { __name__: 'up', instance: 'x', job: 'a' },
          values: [
            [now - 60, '1'],
            [now - 30, '1'],
          ],
        },
      ],
    })
    expect((await both('/api/v1/query_range', { query: '2', ...span })).json().data).toEqual({
      resultType: 'matrix',
      result: [
        {
          metric: {},
          values: [
            [now - 60, '2'],
            [now - 30, '2'],
            [now, '2'],
          ],
        },
      ],
    })
  })

  it('reads steps as seconds, fractions and durations', async () => {
    for (const [step, points] of [
      ['20', 4],
      ['0.5', 121],
      ['1m', 2],
      ['1m30s', 1],
      ['1e1', 7],
    ] as const) {
      const answer = await both('/api/v1/query_range', { query: '1', ...span, step })
      const [{ values }] = (answer.json().data as { result: [{ values: unknown[] }] }).result
      expect([step, values.length]).toEqual([step, points])
    }
  })

  it('cuts series to the limit and says so', async () => {
    const answer = await both('/api/v1/query_range', { query: 'up', ...span, limit: '1' })
    expect((answer.json().data as { result: unknown[] }).result).toHaveLength(1)
    expect(answer.json().warnings).toEqual(['results truncated due to limit'])
  })

  it.each([
    [{ start: '' }, 'invalid parameter "start": cannot parse "" to a valid timestamp'],
    [{ end: 'x' }, 'invalid parameter "end": cannot parse "x" to a valid timestamp'],
    [{ end: '0' }, 'invalid parameter "end": end timestamp must not be before start time'],
    [{ step: 'x' }, 'invalid parameter "step": cannot parse "x" to a valid duration'],
    [
      { step: '0' },
      'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
    ],
    [
      { start: '0', step: '1' },
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
    ],
    [{ timeout: 'x' }, 'invalid parameter "timeout": cannot parse "x" to a valid duration'],
    [
      { query: 'up[1m]' },
      'invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector',
    ],
  ])('refuses %j by name', async (wrong, error) => {
    const answer = await both('/api/v1/query_range', { query: 'up', ...span, ...wrong })
    expect([answer.status, answer.json()]).toEqual([400, { status: 'error', errorType: 'bad_data', error }])
  })

  it('allows 11,000 steps and not one more', async () => {
    const ask = (steps: number) =>
      world.get('/api/v1/query_range', { query: '1', start: '0', end: String(steps), step: '1' })
    expect((await ask(11_000)).status).toBe(200)
    expect((await ask(11_001)).status).toBe(400)
  })
})

describe('texts of queries', () => {
  it('are laid out by format_query', async () => {
    expect((await both('/api/v1/format_query', { query: 'sum(up)by(job)' })).json().data).toBe('sum by (job) (up)')
    expect((await both('/api/v1/format_query', { query: 'sum(' })).status).toBe(400)
  })

  it('are taken apart by parse_query as upstream does', async () => {
    expect((await both('/api/v1/parse_query', { query: 'foo/bar' })).json().data).toMatchObject({
      type: 'binaryExpr',
      op: '/',
      bool: false,
      lhs: { type: 'vectorSelector', name: 'foo', matchers: [{ name: '__name__', type: '=', value: 'foo' }] },
      rhs: { type: 'vectorSelector', name: 'bar' },
      matching: { card: 'one-to-one', labels: [], on: false, include: [] },
    })
    const bad = await both('/api/v1/parse_query', { query: 'foo/' })
    expect([bad.status, bad.json().errorType]).toEqual([400, 'bad_data'])
  })

  it('are checked by query_exemplars, of which there are none', async () => {
    expect((await both('/api/v1/query_exemplars', { query: 'up', start: '0', end: '1' })).json().data).toEqual([])
    for (const wrong of [{ query: 'up[' }, { query: '' }, { query: 'up', start: '2', end: '1' }])
      expect((await both('/api/v1/query_exemplars', wrong)).status).toBe(400)
  })
})
