import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../core/base/clock.ts'
import { entry } from '../../../core/base/entry.ts'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { defaultLimits, instantQuery, rangeQuery } from '../../../core/promql/query.ts'
import { columnQuerier, packLabels } from '../../../core/series/column-querier.ts'
import { openHead } from '../../../core/series/head.ts'
import { extract, selectionsOf } from '../../../server/tsdb/extract.ts'
import { unpackResult } from '../../../server/tsdb/packed-result.ts'
import { inlineLane, threadLane } from '../../../server/tsdb/query-lane.ts'
import { queryRoad } from '../../../server/tsdb/query-road.ts'
import { resultOf } from '../../../server/tsdb/query-task.ts'
import { openTurnstile } from '../../../server/tsdb/turns.ts'
import { random } from '../../helpers/random.ts'

const minute = 60_000
const range = { start: 10 * minute, end: 40 * minute, stepMs: 30_000 }

function filled(series = 200) {
  const source = random(3)
  const head = openHead({ maxSeries: 10_000, retentionMs: Number.POSITIVE_INFINITY })
  for (let n = 0; n < series; n++) {
    const ref = head.series([
      ['__name__', n % 2 === 0 ? 'requests_total' : 'load'],
      ['host', `h${n % 10}`],
      ['le', String(n)],
    ]) as number
    let value = 0
    for (let time = n; time < 45 * minute; time += 5000 + source.integer(0, 3000)) {
      value = source.uniform() < 0.01 ? 0 : value + source.integer(0, 9)
      head.append(ref, time, value, source.uniform() < 0.01)
    }
  }
  return head
}
const turns = (counted: { pauses: number }) => ({
  pause: async () => void counted.pauses++,
  maxSamples: 1e9,
  aborted: () => false,
})
const turnstile = () => openTurnstile({ monotonic: () => systemClock.monotonic(), turnMs: 4 })

const queries = [
  'rate(requests_total[5m])',
  'sum by (host) (rate(requests_total[2m])) / on (host) avg by (host) (load offset 3m)',
  'max_over_time(load{host=~"h[1-3]"}[3m:30s])',
  'load @ 1200 > 5 and requests_total',
  'absent(nothing) or vector(1)',
  'histogram_quantile(0.9, sum by (le) (increase(requests_total[4m])))',
  'load @ end() - load @ start()',
]

describe('a query on data that was cut out', () => {
  const head = filled()

  it.each(queries)('%s gives what it gives on the store itself', async (query) => {
    const counted = { pauses: 0 }
    const data = await extract(head, selectionsOf(query, range, defaultLimits.lookbackMs), turns(counted))
    expect(rangeQuery(columnQuerier(data), query, range)).toEqual(rangeQuery(head, query, range))
    if (query !== 'absent(nothing) or vector(1)') expect(counted.pauses).toBeGreaterThan(0)
    const at = { start: range.end, end: range.end, stepMs: 0 }
    const one = await extract(head, selectionsOf(query, at, defaultLimits.lookbackMs), turns(counted))
    expect(instantQuery(columnQuerier(one), query, range.end)).toEqual(instantQuery(head, query, range.end))
  })

  it('is bounded in samples, and ends when nobody waits any more', async () => {
    const selections = selectionsOf('load', range, defaultLimits.lookbackMs)
    const counted = { pauses: 0 }
    await expect(extract(head, selections, { ...turns(counted), maxSamples: 100 })).rejects.toThrow('too many samples')
    await expect(extract(head, selections, { ...turns(counted), aborted: () => true })).rejects.toThrow('timed out')
  })

  it('goes on rightly when series come and go between two turns', async () => {
    const changing = openHead({ maxSeries: 10_000, retentionMs: 60_000 })
    const add = (name: string, time: number): void => {
      const ref = changing.series([
        ['__name__', name],
        ['n', String(time)],
      ]) as number
      changing.append(ref, time, time, false)
    }
    for (let time = 1; time <= 50; time++) add('m', time)
    const seen = { pauses: 0 }
    const data = await extract(changing, selectionsOf('m', { start: 100_000, end: 100_000, stepMs: 0 }, 300_000), {
      ...turns(seen),
      pause: async () => {
        seen.pauses++
        // Everything old goes, and its references are taken by series of another name.
        add('other', 90_000 + seen.pauses)
        changing.collect()
      },
    })
    expect(seen.pauses).toBeGreaterThan(0)
    expect(data.selections[0]!.refs.length).toBeGreaterThan(0)
    const cut = columnQuerier(data)
    expect([...data.selections[0]!.refs].map((ref) => cut.labels(ref)[0]![1]).filter((name) => name !== 'm')).toEqual(
      [],
    )
  })
})

describe('which way a query takes', () => {
  const head = filled(1600)
  const request = (query: string) => ({
    query,
    range,
    time: range.end,
    limits: defaultLimits,
    timeoutMs: 20_000,
    stats: false,
  })

  it('answers a light one in place, and a heavy one in the lane, alike', async () => {
    const inner = inlineLane(systemClock)
    let handed = 0
    const road = queryRoad(
      {
        ...inner,
        run: (task) => {
          handed++
          return inner.run(task)
        },
      },
      systemClock,
      turnstile(),
    )
    const light = 'requests_total{le="4"}'
    const heavy = 'rate(requests_total[5m])'
    expect(await road(head, request(light), () => rangeQuery(head, light, range))).toEqual(
      rangeQuery(head, light, range),
    )
    expect(handed).toBe(0)
    const answer = await road(head, request(heavy), () => {
      throw new Error('in place')
    })
    expect(answer).toEqual(rangeQuery(head, heavy, range))
    expect(handed).toBe(1)
  })

  it('leaves a query that cannot be read to the evaluator', async () => {
    const road = queryRoad(inlineLane(systemClock), systemClock, turnstile())
    await expect(
      road(head, request('rate(requests_total'), () => rangeQuery(head, 'rate(requests_total', range)),
    ).rejects.toThrow('parse error')
  })
})

describe('a thread of its own', () => {
  it('gives the same answers and the same faults', async () => {
    const head = filled(60)
    const lane = threadLane({
      clock: systemClock,
      log: silentLog,
      program: entry('server/tsdb/query-worker.ts'),
      threads: 1,
    })
    await lane.start()
    try {
      const task = async (query: string, timeoutMs = 20_000) => ({
        query,
        range,
        time: 0,
        limits: defaultLimits,
        timeoutMs,
        data: await extract(head, selectionsOf(query, range, defaultLimits.lookbackMs), turns({ pauses: 0 })),
      })
      const outcomes = await Promise.all(queries.map(async (query) => lane.run(await task(query))))
      for (const [index, outcome] of outcomes.entries())
        expect(await unpackResult(resultOf(outcome), async () => {})).toEqual(rangeQuery(head, queries[index]!, range))
      expect(await lane.run(await task('load + on (host) load'))).toMatchObject({ ok: false, code: 'promql.execution' })
      expect(await lane.run(await task('rate(requests_total[30m:1ms])', 50))).toMatchObject({
        ok: false,
        code: 'promql.timeout',
      })
      expect(await lane.run(await task('load'))).toMatchObject({ ok: true })
    } finally {
      await lane.stop()
    }
  }, 20_000)

  it('is ended and replaced when it gives no answer, and the next query is answered', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'iw-lane-'))
    const program = path.join(folder, 'deaf.mjs')
    const flag = path.join(folder, 'started-before')
    // Deaf in its first life, answering in its second.
    writeFileSync(
      program,
      `import { existsSync, writeFileSync } from 'node:fs'
       import { parentPort } from 'node:worker_threads'
       const again = existsSync(${JSON.stringify(flag)})
       writeFileSync(${JSON.stringify(flag)}, '')
       parentPort.on('message', () => { if (again) parentPort.postMessage({ outcome: { ok: true, result: { type: 'string', time: 0, value: 'here' } } }) })
       parentPort.postMessage({ ready: true })`,
    )
    const clock = virtualClock()
    const lane = threadLane({ clock, log: silentLog, program, threads: 1 })
    await lane.start()
    try {
      const task = () => ({
        query: '1',
        range: null,
        time: 0,
        limits: defaultLimits,
        timeoutMs: 100,
        data: {
          selections: [],
          labels: packLabels([]),
          offsets: new Float64Array(1),
          times: new Float64Array(),
          values: new Float64Array(),
          stale: new Uint8Array(),
        },
      })
      const [first, second] = [lane.run(task()), lane.run(task())]
      await clock.advance(100 + 2000)
      expect(await first).toMatchObject({ ok: false, code: 'promql.timeout', retryable: true })
      expect(await second).toMatchObject({ ok: true, result: { value: 'here' } })
      expect(lane.stats()).toEqual({ threads: 1, running: 0, waiting: 0, replaced: 1 })
    } finally {
      await lane.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
