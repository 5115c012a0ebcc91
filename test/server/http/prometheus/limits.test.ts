// Hostile and heavy requests: each is answered or refused by name, memory stays bounded, and the server answers the next one.

import { connect } from 'node:net'
import { Writable } from 'node:stream'
import type { Response } from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { virtualClock } from '../../../../core/base/virtual-clock.ts'
import { sendParts, stalledMs } from '../../../../server/http/prometheus/answer.ts'
import type { StoreClient } from '../../../../server/tsdb/store-client.ts'
import { ask, now, openWorld, scripted, type World } from '../../../helpers/prometheus-world.ts'

const series = scripted(
  Array.from({ length: 200 }, (_, index) => `up{job="${'x'.repeat(50)}",instance="i${index}"} 1@60 1@0`),
)
const alive = async (world: World) => {
  const answer = await world.get('/api/v1/query', { query: '1+1', time: '4' })
  expect(answer.json().data).toEqual({ resultType: 'scalar', result: [4, '2'] })
}

describe('a hostile query', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld({ series, limits: { querySamples: 1000 } })
  })
  afterAll(() => world[Symbol.asyncDispose]())

  it.each([
    ['deep parentheses', '('.repeat(100_000)],
    ['many signs', `${'-'.repeat(100_000)}1`],
    ['a long sum', `1${'+1'.repeat(50_000)}`],
    ['deep calls', `${'abs('.repeat(5000)}up${')'.repeat(5000)}`],
    ['deep subqueries', `up${'[5m:1m]'.repeat(500)}`],
    ['no matcher', '{}'],
    ['matchers of nothing', '{job=~".*"}'],
    ['a repeated repetition', 'up{job=~"(a{1000}){1000}"}'],
    ['nested repetitions', 'up{job=~"(((x{0,30}){0,30}){0,30}){0,30}"}'],
    ['a pattern without end', 'up{job=~"(x"}'],
    ['a long pattern', `up{job=~"${'x?'.repeat(10_000)}"}`],
    ['ten megabytes', 'x'.repeat(10 << 20)],
    ['two megabytes of brackets', '['.repeat(2 << 20)],
    ['an open string', `"${'x'.repeat(500_000)}`],
    ['zero bytes', 'up\0{'],
    ['half a surrogate', '"\ud800'],
  ])('of %s is refused as bad data', async (_what, query) => {
    const answer = await world.post('/api/v1/query', { query })
    expect([answer.status, answer.json().errorType]).toEqual([400, 'bad_data'])
    expect(answer.text.length).toBeLessThan(2000)
    await alive(world)
  })

  it.each([
    ['catastrophic for backtracking', 'up{job=~"(x+x+)+y"}'],
    ['of alternatives', `up{job=~"${'(x|xx)?'.repeat(100)}y"}`],
    ['of optional letters', `up{job=~"${'x?'.repeat(500)}${'x'.repeat(500)}"}`],
  ])('with a pattern %s is answered', async (_what, query) => {
    const answer = await world.post('/api/v1/query', { query })
    expect([answer.status, (answer.json().data as { result: unknown[] }).result]).toEqual([200, []])
  })

  it('of a megabyte of comment is a query', async () => {
    const answer = await world.post('/api/v1/query', { query: `1 # ${'é'.repeat(500_000)}`, time: '3' })
    expect(answer.json().data).toEqual({ resultType: 'scalar', result: [3, '1'] })
  })

  it('that touches more samples than one may is refused as such', async () => {
    const answer = await world.get('/api/v1/query', { query: 'sum(count_over_time(up[1h:1s]))' })
    expect([answer.status, answer.json().errorType]).toEqual([422, 'execution'])
    expect(answer.json().error).toContain('too many samples')
    await alive(world)
  })

  it('that has no time left says so', async () => {
    const answer = await world.get('/api/v1/query', { query: 'sum(up)', timeout: '-1' })
    expect([answer.status, answer.json().errorType]).toEqual([503, 'timeout'])
    await alive(world)
  })
})

describe('a hostile form', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  it.each([
    ['too large', form, `query=${'x'.repeat(5 << 20)}`],
    ['of too many fields', form, 'a=1&'.repeat(20_000)],
    ['of an unknown encoding', { ...form, 'content-encoding': 'zstd' }, 'query=1'],
    ['that claims to be compressed', { ...form, 'content-encoding': 'gzip' }, 'query=1'],
    ['of an unknown character set', { 'content-type': `${form['content-type']}; charset=klingon` }, 'query=1'],
    ['that is JSON', { 'content-type': 'application/json' }, '{"query":"1"}'],
    ['of names that objects know', form, '__proto__=1&constructor=2&toString=3'],
  ])('%s is bad data', async (_what, headers, body) => {
    await using world = await openWorld()
    const answer = await ask(world.url, '/api/v1/query', { method: 'POST', headers, body })
    expect([answer.status, answer.json().errorType]).toEqual([400, 'bad_data'])
    await alive(world)
  })

  it('and hostile paths end nothing', async () => {
    await using world = await openWorld()
    for (const path of [
      '/api/v1/label/%FF/values',
      '/api/v1/label/%00/values',
      '/api/v1/label//values',
      '//api/v1/query',
    ]) {
      expect((await ask(world.url, path)).status).toBeLessThan(500)
    }
    await alive(world)
  })
})

describe('many queries at once', () => {
  /** A store whose queries wait for `open`. */
  function held() {
    const waiting: (() => void)[] = []
    const wrap = (store: StoreClient): StoreClient => ({
      ...store,
      query: async (request) => {
        await new Promise<void>((resolve) => waiting.push(resolve))
        return store.query(request)
      },
    })
    const open = (): void => {
      for (const go of waiting.splice(0)) go()
    }
    return { wrap, open, waiting }
  }
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve))
  }

  it('work, wait or are turned away, and are counted', async () => {
    const { wrap, open } = held()
    await using world = await openWorld({ series, wrap, limits: { queryConcurrency: 2, queryQueue: 1 } })
    const reading = (name: string) => world.readings()[`inferward_query_${name}`]
    const query = () => world.get('/api/v1/query', { query: 'count(up)' })
    const first = [query(), query()]
    await until(() => reading('running') === 2)
    first.push(query())
    await until(() => reading('waiting') === 1)
    const refused = await query()
    expect([refused.status, refused.json().errorType]).toEqual([503, 'unavailable'])
    // What needs no query goes on meanwhile.
    expect((await world.get('/api/v1/labels')).status).toBe(200)
    expect((await world.get('/-/healthy')).status).toBe(200)
    open()
    await until(() => reading('waiting') === 0 && reading('running') === 1)
    open()
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200, 200])
    await until(() => reading('running') === 0)
    expect(world.readings()).toMatchObject({ inferward_query_total: 3, inferward_query_refused_total: 1 })
  })

  it('have the less time to work, the longer they waited', async () => {
    const { wrap, open, waiting } = held()
    const allowed: number[] = []
    await using world = await openWorld({
      series,
      limits: { queryConcurrency: 1, queryQueue: 5 },
      wrap: (store) => {
        const { query, ...rest } = wrap(store)
        return {
          ...rest,
          query: (request) => {
            allowed.push(request.timeoutMs)
            return query(request)
          },
        }
      },
    })
    const first = world.get('/api/v1/query', { query: '1' })
    await until(() => waiting.length === 1)
    const second = world.get('/api/v1/query', { query: '1', timeout: '10' })
    await until(() => world.readings().inferward_query_waiting === 1)
    await world.clock.advance(4000)
    open()
    await until(() => waiting.length === 1)
    open()
    await Promise.all([first, second])
    expect(allowed).toEqual([30_000, 6000])
  })

  it('leave the queue when their time has passed', async () => {
    const { wrap, open, waiting } = held()
    await using world = await openWorld({ series, wrap, limits: { queryConcurrency: 1, queryQueue: 5 } })
    const first = world.get('/api/v1/query', { query: '1' })
    await until(() => waiting.length === 1)
    const second = world.get('/api/v1/query', { query: '1', timeout: '2' })
    await until(() => world.readings().inferward_query_waiting === 1)
    await world.clock.advance(2000)
    const late = await second
    expect([late.status, late.json().errorType, late.json().error]).toEqual([
      503,
      'timeout',
      'query timed out in query queue',
    ])
    open()
    expect((await first).status).toBe(200)
  })
})

describe('a slow reader', () => {
  it('is let go once it reads nothing for a while, and holds up nobody', async () => {
    await using world = await openWorld({ series, limits: { queryConcurrency: 2, querySamples: 3_000_000 } })
    const { port } = new URL(world.url)
    const query = `query=up&start=${now - 60}&end=${now}&step=0.006`
    const socket = connect(Number(port), '127.0.0.1')
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.on('error', () => {})
    socket.pause()
    socket.write(`GET /api/v1/query_range?${query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
    while (world.clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(world.readings().inferward_query_running).toBe(1)
    await alive(world)
    // Two million points lie in memory for the slow one: as many more would be too many, and are told so.
    const second = await world.get(`/api/v1/query_range?${query}`)
    expect([second.status, second.json().errorType]).toEqual([503, 'unavailable'])
    await world.clock.advance(stalledMs)
    while (world.readings().inferward_query_running !== 0) await new Promise((resolve) => setImmediate(resolve))
    socket.resume()
    await closed
    expect((await world.get(`/api/v1/query_range?${query}`, {}, { method: 'HEAD' })).status).toBe(200)
  })

  it('is given no more than it takes', async () => {
    const clock = virtualClock()
    let taken = 0
    let made = 0
    let next: () => void = () => {}
    const reader = new Writable({
      highWaterMark: 1 << 16,
      write(chunk, _encoding, done) {
        taken += chunk.length
        next = done
      },
    })
    const parts = function* () {
      for (; made < 100_000; made++) yield 'x'.repeat(100)
    }
    const sent = sendParts(reader as unknown as Response, parts(), clock)
    for (let turn = 0; turn < 20; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      expect(made * 100 - taken).toBeLessThan(300_000)
      next()
    }
    expect(made).toBeGreaterThan(2000)
    expect(made).toBeLessThan(20_000)
    await clock.advance(stalledMs)
    await sent
    expect(reader.destroyed).toBe(true)
    expect(clock.pending).toBe(0)
  })
})
