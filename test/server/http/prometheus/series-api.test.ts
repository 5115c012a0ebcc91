// What there is: series, label names and values, and what metrics mean.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { metricCatalogue } from '../../../../core/sample/metric-catalogue.ts'
import { now, openWorld, type Pairs, scripted, type World } from '../../../helpers/prometheus-world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld({
    series: scripted([
      'up{job="a",instance="x"} 1@600 1@0',
      'up{job="b",instance="y"} 1@3600',
      'load{instance="x"} 1@0',
      '{"my.metric","a.b"="c","ü"="ß"} 1@5',
      'u{U__x="under",constructor="plain"} 1@5',
    ]),
  })
})
afterAll(() => world[Symbol.asyncDispose]())
const data = async (path: string, pairs: Pairs = {}) => {
  const answer = await world.get(path, pairs)
  expect(answer.status).toBe(200)
  return answer.json().data as unknown
}
const refused = async (path: string, pairs: Pairs = {}) => {
  const answer = await world.get(path, pairs)
  expect([answer.status, answer.json().status, answer.json().errorType]).toEqual([400, 'error', 'bad_data'])
  return answer.json().error
}

describe('series', () => {
  it('are those that match any selector, each once', async () => {
    const pairs = [
      ['match[]', 'up{job="a"}'],
      ['match[]', '{instance="x"}'],
    ] as const
    const wanted = [
      { __name__: 'up', instance: 'x', job: 'a' },
      { __name__: 'load', instance: 'x' },
    ]
    expect(await data('/api/v1/series', pairs)).toEqual(wanted)
    expect((await world.post('/api/v1/series', pairs)).json().data).toEqual(wanted)
  })

  it('have a sample between start and end', async () => {
    const count = async (pairs: Record<string, string>) =>
      ((await data('/api/v1/series', { 'match[]': 'up', ...pairs })) as unknown[]).length
    expect(await count({})).toBe(2)
    expect(await count({ start: String(now - 60) })).toBe(1)
    expect(await count({ end: String(now - 1800) })).toBe(1)
    expect(await count({ start: String(now - 500), end: String(now - 100) })).toBe(0)
    expect(await count({ start: String(now - 3600), end: String(now - 3600) })).toBe(1)
  })

  it('are cut to the limit with a warning', async () => {
    const answer = await world.get('/api/v1/series', { 'match[]': 'up', limit: '1' })
    expect(answer.json()).toMatchObject({ data: [{ job: 'a' }], warnings: ['results truncated due to limit'] })
    expect((await world.get('/api/v1/series', { 'match[]': 'up', limit: '2' })).json()).not.toHaveProperty('warnings')
  })

  it('are refused without a selector, with an empty one, and with one that is a query', async () => {
    expect(await refused('/api/v1/series')).toBe('no match[] parameter provided')
    expect(await refused('/api/v1/series', { 'match[]': '{}' })).toContain('at least one non-empty matcher')
    expect(await refused('/api/v1/series', { 'match[]': 'sum(up)' })).toContain('invalid parameter "match[]"')
    expect(await refused('/api/v1/series', { 'match[]': 'up', start: '2', end: '1' })).toContain('"end"')
    expect(await refused('/api/v1/series', { 'match[]': 'up', limit: 'x' })).toContain('"limit"')
  })

  it('keep label names that objects know', async () => {
    expect(await data('/api/v1/series', { 'match[]': 'u' })).toEqual([
      JSON.parse('{"U__x":"under","__name__":"u","constructor":"plain"}'),
    ])
  })
})

describe('labels', () => {
  it('are sorted, without and with selectors', async () => {
    expect(await data('/api/v1/labels')).toEqual(
      ['U__x', '__name__', 'a.b', 'constructor', 'instance', 'job', 'ü'].sort(),
    )
    expect(await data('/api/v1/labels', { 'match[]': 'load' })).toEqual(['__name__', 'instance'])
    expect((await world.post('/api/v1/labels', { 'match[]': 'load', limit: '1' })).json()).toEqual({
      status: 'success',
      data: ['__name__'],
      warnings: ['results truncated due to limit'],
    })
    expect(await data('/api/v1/labels', { 'match[]': 'nothing' })).toEqual([])
  })
})

describe('label values', () => {
  it.each([
    ['job', ['a', 'b']],
    ['__name__', ['load', 'my.metric', 'u', 'up']],
    ['nothing', []],
    ['U__a_2e_b', ['c']],
    ['U___FC_', ['ß']],
    ['a.b', ['c']],
    ['%C3%BC', ['ß']],
    ['U__U____x', ['under']],
    ['U__x', []],
    ['U__bad_zz_', []],
    ['U__surrogate_D800_', []],
    ['constructor', ['plain']],
    ['__proto__', []],
  ])('of %s are found, escaped or not', async (name, values) => {
    expect(await data(`/api/v1/label/${name}/values`)).toEqual(values)
  })

  it('narrow by selectors, time and limit', async () => {
    expect(await data('/api/v1/label/job/values', { 'match[]': 'up{instance="y"}' })).toEqual(['b'])
    expect(await data('/api/v1/label/job/values', { start: String(now - 60) })).toEqual(['a'])
    expect((await world.get('/api/v1/label/job/values', { limit: '1' })).json().warnings).toHaveLength(1)
  })

  it('are for GET: another method is told so', async () => {
    const answer = await world.post('/api/v1/label/job/values', {})
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD'])
    expect(answer.json()).toMatchObject({ status: 'error', errorType: 'bad_data' })
  })
})

describe('metadata', () => {
  it('tells type, help and unit of every metric we know', async () => {
    const all = (await data('/api/v1/metadata')) as Record<string, unknown>
    expect(Object.keys(all).length).toBe(metricCatalogue.length)
    expect(all.inferward_store_series).toEqual([{ type: 'gauge', help: 'Series held in memory.', unit: '' }])
  })

  it('is of one metric, or of so many', async () => {
    expect(Object.keys((await data('/api/v1/metadata', { metric: 'inferward_server_info' })) as object)).toEqual([
      'inferward_server_info',
    ])
    expect(await data('/api/v1/metadata', { metric: 'nothing' })).toEqual({})
    expect(Object.keys((await data('/api/v1/metadata', { limit: '3' })) as object)).toHaveLength(3)
    await refused('/api/v1/metadata', { limit: '-3' })
  })
})
