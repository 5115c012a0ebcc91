// Backtests over a real store, in place and on a thread: one at a time, given up in time, refused in words; and their way in by HTTP.

import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../core/base/clock.ts'
import { entry } from '../../../core/base/entry.ts'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { encodeWriteRequest } from '../../../core/sample/remote-write.ts'
import { backtestApi } from '../../../server/http/backtest-api.ts'
import { openHttp } from '../../../server/http/http.ts'
import { type BacktestRunner, inlineRunner, openBacktests, threadRunner } from '../../../server/tsdb/backtest.ts'
import { localStore } from '../../../server/tsdb/local-store.ts'

const minute = 60_000
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** An hour of heat of two hosts; `a` is hot from minute 20 to 40. */
async function stand() {
  const clock = virtualClock()
  const store = localStore({
    clock,
    log: silentLog,
    limits: { maxSeries: 10, retentionMs: 24 * 60 * minute, samplesPerQuery: 1e6 },
    externalLabels: {},
    defaultIntervalMs: 15_000,
    rulesReady: () => true,
  })
  const to = clock.now()
  const from = to - 60 * minute
  const times = Array.from({ length: 241 }, (_, i) => from + i * 15_000)
  const series = ['a', 'b'].map((host) => ({
    labels: [
      ['__name__', 'heat'],
      ['host', host],
    ] as const,
    times,
    values: times.map((at) => (host === 'a' && at >= from + 20 * minute && at < from + 40 * minute ? 95 : 50)),
  }))
  await store.append(new Uint8Array(encodeWriteRequest(series)).buffer)
  return { clock, store, from, to }
}
const rules = `groups: [{ name: g, interval: 1m, rules: [
  { record: "heat:max", expr: max by (host) (heat) },
  { alert: Hot, expr: "heat:max > 90", for: 5m, labels: { severity: page } },
  { alert: Warm, expr: heat > 90 } ] }]`
const request = ({ from, to }: { from: number; to: number }, text = rules) => ({
  files: [{ file: 'r.yml', text }],
  from,
  to,
  defaultIntervalMs: 15_000,
  externalLabels: {},
})
const never = new AbortController().signal

describe.each([
  { where: 'in place', runner: () => inlineRunner },
  { where: 'on a thread', runner: () => threadRunner(entry('server/tsdb/backtest-worker.ts')) },
])('a backtest $where', ({ runner }) => {
  it('finds what would have fired', async () => {
    const world = await stand()
    const backtests = openBacktests({ clock: systemClock, store: world.store, runner: runner() })
    const parts: number[] = []
    const { episodes, rules: rows } = await backtests.run(request(world), (part) => parts.push(part), never)
    const found = episodes.map(({ rule, labels, firedAt, endedAt }) => [
      rule,
      labels.host,
      Math.round((firedAt - world.from) / minute),
      Math.round((endedAt! - world.from) / minute),
    ])
    expect(found.sort()).toEqual([
      ['Hot', 'a', 25, 40],
      ['Warm', 'a', 20, 40],
    ])
    expect(rows.map(({ rule, evaluations, failures }) => [rule, evaluations, failures])).toEqual(
      ['heat:max', 'Hot', 'Warm'].map((rule) => [rule, 60, 0]),
    )
    expect(parts.at(-1)).toBe(1)
    expect(backtests.stats()).toEqual({ runs: 1, failures: 0, running: 0 })
  })

  it('refuses in words', async () => {
    const world = await stand()
    const backtests = openBacktests({ clock: systemClock, store: world.store, runner: runner() })
    await expect(backtests.run(request(world, 'groups: [{}]'), () => {}, never)).rejects.toMatchObject({
      code: 'rules.invalid',
      message: expect.stringMatching(/^r\.yml:1:10: Groupname/),
    })
    expect(backtests.stats()).toMatchObject({ failures: 1, running: 0 })
  })

  it('ends when nobody waits for it', async () => {
    const world = await stand()
    const backtests = openBacktests({ clock: systemClock, store: world.store, runner: runner() })
    const gone = new AbortController()
    const running = backtests.run(request(world), () => gone.abort(), gone.signal)
    await expect(running).rejects.toMatchObject({ code: 'backtest.aborted' })
  })
})

describe('backtests', () => {
  const hanging: BacktestRunner = (_request, _answer, _progress, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

  it('run one at a time, and not for ever', async () => {
    const { clock, store, from, to } = await stand()
    const backtests = openBacktests({ clock, store, runner: hanging })
    const first = backtests.run(request({ from, to }), () => {}, never)
    const ended = expect(first).rejects.toMatchObject({ code: 'backtest.timeout' })
    await expect(backtests.run(request({ from, to }), () => {}, never)).rejects.toMatchObject({
      code: 'backtest.busy',
      retryable: true,
    })
    await clock.advance(10 * minute)
    await ended
    expect(backtests.stats()).toEqual({ runs: 1, failures: 1, running: 0 })
  })
})

describe('POST /api/v1/rules/backtest', () => {
  async function serve(runner: BacktestRunner = inlineRunner) {
    const world = await stand()
    const backtests = openBacktests({ clock: world.clock, store: world.store, runner })
    const http = openHttp({
      log: silentLog,
      listen: { host: '127.0.0.1', port: 0 },
      authenticate: async () => ({ name: 'ada', role: 'viewer', scope: '*' }),
      routers: [
        backtestApi({
          now: () => world.clock.now(),
          retentionMs: 24 * 60 * minute,
          run: (given, progress, signal) => backtests.run({ ...request(world), ...given }, progress, signal),
        }),
      ],
      metrics: async () => ({ text: '', contentType: 'text/plain' }),
      ready: () => true,
      upgrade: () => {},
      span: (_name, work) => work(),
    })
    const { url } = await http.start()
    closers.push(() => http.stop())
    const post = async (body: unknown) => {
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${url}/api/v1/rules/backtest`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      return {
        status: answer.status,
        lines: (await answer.text())
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      }
    }
    const span = { from: world.from / 1000, to: world.to / 1000 }
    return { post, span }
  }

  it('answers with progress and the result', async () => {
    const { post, span } = await serve()
    const { status, lines } = await post({ files: [{ file: 'r.yml', text: rules }], ...span })
    expect(status).toBe(200)
    expect(lines.at(0)).toEqual({ progress: 1 })
    expect(lines.at(-1).result.episodes).toHaveLength(2)
  })

  it.each([
    ['no file', {}, 400, /files/],
    ['a rule file that is none', { files: [{ file: 'r.yml', text: 'groups: [{}]' }] }, 400, /r\.yml:1:10/],
    [
      'a time that lies ahead',
      { files: [{ file: 'r.yml', text: rules }], from: 9e10, to: 9.1e10 },
      400,
      /lies in the future/,
    ],
    ['too much', { files: [{ file: 'r.yml', text: rules.replace('1m', '1ms') }] }, 413, /evaluations/],
  ])('refuses %s', async (_what, body, wanted, words) => {
    const { post, span } = await serve()
    const { status, lines } = await post({ ...span, ...body })
    expect([status, lines[0].error.message]).toEqual([wanted, expect.stringMatching(words)])
  })

  it('tells a fault that comes late as the last line', async () => {
    const { post, span } = await serve(async (_request, _answer, progress) => {
      progress(0.5)
      throw new Error('it broke')
    })
    const { lines } = await post({ files: [{ file: 'r.yml', text: rules }], ...span })
    expect(lines).toEqual([{ progress: 0.5 }, { error: { code: 'backtest.failed', message: 'it broke' } }])
  })
})
