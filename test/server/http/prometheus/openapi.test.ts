// Every answer fits the description that Prometheus gives of its own API. The validator is itself put to the test: what it accepts it no longer
// accepts once a piece is missing, of another type, or one too many.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { faultsOf, type Schema } from '../../../helpers/json-schema.ts'
import { readDescription } from '../../../helpers/openapi.ts'
import { now, openWorld, type Pairs, scripted, type World, withBlock } from '../../../helpers/prometheus-world.ts'

const description = readDescription()
const rules = `
groups:
  - name: g
    interval: 5s
    rules:
      - { record: job:up, expr: sum by (job) (up) }
      - { alert: Up, expr: up == 1, keep_firing_for: 1m, labels: { severity: page }, annotations: { summary: up } }
      - { alert: Broken, expr: up + on() up }
  - { name: h, interval: 5s, rules: [{ alert: Blind, expr: missing > 1 }] }
`

type Case = readonly [path: string, url: string, pairs: Pairs, method?: 'get' | 'post' | 'put', status?: number]
const range = { start: String(now - 60), end: String(now), step: '15' }
const cases: readonly Case[] = [
  ...(['get', 'post'] as const).flatMap((method): readonly Case[] => [
    ['/query', '/query', { query: 'up', stats: 'all', limit: '1' }, method],
    ['/query', '/query', { query: 'up[1m]' }, method],
    ['/query', '/query', { query: '1' }, method],
    ['/query', '/query', { query: 'quantile(2, rate(up[1m]))' }, method],
    ['/query', '/query', { query: 'up[' }, method, 400],
    ['/query', '/query', { query: 'up + on() up' }, method, 422],
    ['/query_range', '/query_range', { query: 'up', ...range, stats: 'all' }, method],
    ['/query_range', '/query_range', { query: 'up' }, method, 400],
    ['/query_exemplars', '/query_exemplars', { query: 'up', ...range }, method],
    ['/format_query', '/format_query', { query: 'up' }, method],
    ['/parse_query', '/parse_query', { query: 'sum(up)' }, method],
    ['/parse_query', '/parse_query', { query: '(' }, method, 400],
    ['/labels', '/labels', { limit: '1' }, method],
    ['/series', '/series', { 'match[]': 'up', limit: '1' }, method],
    ['/series', '/series', {}, method, 400],
  ]),
  ['/label/{name}/values', '/label/job/values', {}],
  ['/metadata', '/metadata', {}],
  ['/scrape_pools', '/scrape_pools', {}],
  ['/scrape_pools/config', '/scrape_pools/config', { scrapePool: 'agent' }],
  ['/targets', '/targets', {}],
  ['/targets/metadata', '/targets/metadata', {}],
  ['/targets/metadata', '/targets/metadata', { metric: 'inference_requests_total' }],
  ['/rules', '/rules', {}],
  ['/rules', '/rules', { group_limit: '1' }],
  ['/rules', '/rules', { type: 'x' }, 'get', 400],
  ['/alerts', '/alerts', {}],
  ['/alertmanagers', '/alertmanagers', {}],
  ['/status/config', '/status/config', {}],
  ['/status/runtimeinfo', '/status/runtimeinfo', {}],
  ['/status/buildinfo', '/status/buildinfo', {}],
  ['/status/flags', '/status/flags', {}],
  ['/status/tsdb', '/status/tsdb', {}],
  ['/status/tsdb/blocks', '/status/tsdb/blocks', {}],
  ['/status/walreplay', '/status/walreplay', {}],
  ['/notifications', '/notifications', {}],
  ['/admin/tsdb/snapshot', '/admin/tsdb/snapshot', {}, 'post', 503],
  ['/admin/tsdb/clean_tombstones', '/admin/tsdb/clean_tombstones', {}, 'put', 503],
  ['/admin/tsdb/delete_series', '/admin/tsdb/delete_series', {}, 'post', 503],
]
/** Described there, and not ours: searches and self metrics are experimental, the rest answers no JSON or belongs to another room. */
const notOurs = new Set([
  '/search/metric_names',
  '/search/label_names',
  '/search/label_values',
  '/targets/relabel_steps',
  '/status/self_metrics',
  '/features',
  '/read',
  '/write',
  '/otlp/v1/metrics',
])

describe.skipIf(description === null)('the description of the API (shared/conformance/openapi)', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld({
      series: scripted(['up{job="a"} 1@60 2@30 1@0 1@-10', 'up{job="b"} NaN@10 Inf@0', '{"my.metric","a.b"="c"} 1@0']),
      rules,
      wrap: withBlock,
      hosts: [{ host: 'h', contact: 'late', lastSeenAt: now * 1000, engines: 1 } as never],
    })
    await world.clock.advance(10_000)
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  it.each(
    cases.map((one) => ({
      one,
      title: one
        .slice(1)
        .map((part) => JSON.stringify(part))
        .join(' '),
    })),
  )('fits our answer to $title', async ({ one: [path, url, pairs, method = 'get', status = 200] }) => {
    const answer =
      method === 'get'
        ? await world.get(`/api/v1${url}`, pairs)
        : method === 'post'
          ? await world.post(`/api/v1${url}`, pairs)
          : await world.get(`/api/v1${url}`, pairs, { method: 'PUT' })
    expect(answer.status).toBe(status)
    expect(description!.faults(path, method, status, answer.json())).toEqual([])
  })

  it('fits the answer of a string in all but one place, where it is wrong of Prometheus as well', async () => {
    // The schema says that both parts are strings; Prometheus, too, writes the time as a number.
    const answer = await world.get('/api/v1/query', { query: '"a"', time: '7' })
    expect((answer.json().data as { result: unknown }).result).toEqual([7, 'a'])
    const judged = (result: unknown) =>
      description!.faults('/query', 'get', 200, { status: 'success', data: { resultType: 'string', result } })
    expect(judged([7, 'a'])).toHaveLength(1)
    expect(judged(['7', 'a'])).toEqual([])
  })

  it('has no endpoint that is neither ours nor named as not ours', () => {
    const ours = new Set(cases.map(([path]) => path))
    expect(description!.paths.filter((path) => !ours.has(path) && !notOurs.has(path))).toEqual([])
    expect([...notOurs].filter((path) => ours.has(path))).toEqual([])
  })

  it('no longer fits an answer that was changed in any one place', async () => {
    let changes = 0
    for (const [path, url] of [
      ['/rules', '/rules'],
      ['/alerts', '/alerts'],
      ['/targets', '/targets'],
      ['/status/tsdb', '/status/tsdb'],
      ['/status/runtimeinfo', '/status/runtimeinfo'],
      ['/query', '/query?query=up&limit=1'],
      ['/query', '/query?query=up[1m]'],
    ] as const) {
      const body = (await world.get(`/api/v1${url}`)).json()
      for (const { what, changed } of mutations(body)) {
        changes++
        expect([url, what, description!.faults(path, 'get', 200, changed).length > 0]).toEqual([url, what, true])
      }
    }
    expect(changes).toBeGreaterThan(150)
  })
})

type Mutation = { readonly what: string; readonly changed: unknown }
type Json = Record<string | number, unknown>
/** What lies below is free by the schema: any label, any field of a rule. */
const free = /\.(?:labels|annotations|metric|discoveredLabels|droppedTargetCounts|rules\[\d+\])$/
/** Fields that the schema does not ask for, so that their absence is no fault. */
const optional = new Set(['activeAt', 'keepFiringSince', 'warnings', 'infos', 'groupNextToken'])

/** One field removed, one foreign field added, one value of another type: each at every place where the schema says anything. */
function mutations(root: unknown): readonly Mutation[] {
  const out: Mutation[] = []
  const change = (
    path: readonly (string | number)[],
    what: string,
    edit: (parent: Json, key: string | number) => void,
  ) => {
    const copy = structuredClone({ root }) as Json
    const keys = ['root', ...path]
    edit(
      keys.slice(0, -1).reduce<Json>((parent, key) => parent[key] as Json, copy),
      keys.at(-1)!,
    )
    out.push({ what, changed: copy.root })
  }
  const visit = (value: unknown, path: readonly (string | number)[]): void => {
    const where = path.reduce<string>((text, key) => text + (typeof key === 'number' ? `[${key}]` : `.${key}`), '$')
    change(path, `${where} is null`, (parent, key) => {
      parent[key] = null
    })
    if (typeof value !== 'object' || value === null || free.test(where)) return
    if (Array.isArray(value)) {
      for (const [index, one] of value.entries()) visit(one, [...path, index])
      return
    }
    change([...path, 'foreign'], `${where}.foreign is new`, (parent, key) => {
      parent[key] = 1
    })
    for (const [name, one] of Object.entries(value)) {
      if (!optional.has(name))
        change([...path, name], `${where}.${name} is gone`, (parent, key) => {
          delete parent[key]
        })
      visit(one, [...path, name])
    }
  }
  visit(root, [])
  return out
}

describe('the validator of schemas', () => {
  const none = (): Schema => {
    throw new Error('no references here')
  }
  it.each<[Schema, unknown, number]>([
    [{ type: 'integer' }, 1, 0],
    [{ type: 'integer' }, 1.5, 1],
    [{ type: 'number' }, 1, 0],
    [{ type: 'string' }, 1, 1],
    [{ type: 'object' }, [], 1],
    [{ type: 'object' }, null, 1],
    [{ enum: ['a'] }, 'b', 1],
    [{ format: 'date-time' }, '2026-01-01T00:00:00.5Z', 0],
    [{ format: 'date-time' }, '2026-01-01', 1],
    [{ format: 'int64' }, 2 ** 60, 1],
    [{ required: ['a', 'b'] }, { a: 1 }, 1],
    [{ properties: { a: { type: 'string' } } }, { a: 1, b: 1 }, 1],
    [{ properties: { a: {} }, additionalProperties: false }, { a: 1, b: 1, c: 1 }, 2],
    [{ additionalProperties: { type: 'string' } }, { a: 1 }, 1],
    [{ items: { type: 'string' } }, ['a', 1, 2], 2],
    [{ minItems: 2 }, [1], 1],
    [{ maxItems: 2 }, [1, 2, 3], 1],
    [{ minimum: 1 }, 0, 1],
    [{ anyOf: [{ type: 'string' }, { type: 'number' }] }, 1, 0],
    [{ anyOf: [{ type: 'string' }, { type: 'object' }] }, 1, 1],
    [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, 1, 1],
    [{ oneOf: [{ type: 'integer' }, { type: 'string' }] }, 1, 0],
  ])('judges %j of %j', (schema, value, faults) => {
    expect(faultsOf(value, schema, none)).toHaveLength(faults)
  })

  it('passes over no keyword and no format that it does not know', () => {
    expect(() => faultsOf(1, { multipleOf: 2 }, none)).toThrow('multipleOf')
    expect(() => faultsOf(1, { format: 'colour' }, none)).toThrow('colour')
  })
})
