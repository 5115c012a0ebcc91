// No slow query delays a rule: the real store process under a fleet's samples and rules, with several very heavy queries in flight over HTTP for half of
// the time. How late each tick of each group is, from its time on the grid until its alerts are told, with queries and without them in turn.

import { setTimeout as sleep } from 'node:timers/promises'
import { atMost, type Context, type Report } from './figure.ts'
import { openLoad } from './store-load.ts'
import { type Peer, startPeer } from './store-peers.ts'
import { sampleEveryMs, workload, workloadRules } from './workload.ts'

const hosts = 250
const backfill = 80
const readers = 4
/** Rounds of a quiet and a busy stretch, after one of each that warms up. */
const rounds = 6
const stretchMs = 10_000
const most = 50

/** An alert that begins or ends at every tick of its group, so that every tick is heard of. */
const beat = (everyS: number) => ({ alert: 'Beat', expr: `vector(time() % ${2 * everyS}) >= ${everyS}` })
const groups = [
  ...[1, 2, 3, 4].map((number) => ({ name: `beat-${number}`, interval: '1s', rules: [beat(1)] })),
  {
    name: 'fleet',
    interval: '5s',
    rules: [...workloadRules.map(({ name, expr, for: hold }) => ({ alert: name, expr, for: hold })), beat(5)],
  },
]
const intervals = new Map(groups.map(({ name, interval }) => [name, Number.parseInt(interval, 10) * 1000]))

/** `asked`: how many were asked before, so that no two are the same and none is answered by a plan that is there already. */
const slow: readonly ((asked: number) => { readonly expr: string; readonly rangeMs?: number })[] = [
  () => ({ expr: 'sum by (le, instance) (rate(inference_latency_seconds_bucket[5m]))', rangeMs: 15 * 60_000 }),
  (asked) => ({
    expr: `sum by (instance, model) (rate(inference_latency_seconds_bucket[5m])) + ${asked} > 1e300 or vector(0)`,
  }),
  () => ({ expr: '{__name__=~".+"}' }),
  () => ({ expr: 'last_over_time({__name__=~".+_total"}[5m])', rangeMs: 5 * 60_000 }),
  (asked) => ({ expr: `topk(20, rate(gpu_nvlink_bytes_total[15m]) + ${asked})` }),
  () => ({ expr: 'max_over_time(rate(gpu_pcie_bytes_total[1m])[10m:15s])' }),
  () => ({ expr: 'count by (__name__) ({instance=~"gpu-.*"})' }),
]

type Tick = { readonly group: string; readonly at: number; readonly told: number }

export async function lateness({ tell, signal }: Context): Promise<Report> {
  const series = workload(hosts)
  const load = openLoad(series)
  const store = await startPeer('ours', JSON.stringify({ groups }), signal)
  const stop = new AbortController()
  const until = AbortSignal.any([signal, stop.signal])
  let feeding: Promise<void> = Promise.resolve()
  const counts = { quiet: 0, busy: 0, answered: 0 }
  const late: Record<'quiet' | 'busy', number[]> = { quiet: [], busy: [] }
  try {
    const first = Math.floor(Date.now() / sampleEveryMs) * sampleEveryMs - (backfill - 1) * sampleEveryMs
    for (let step = 0; step < backfill; step++) {
      signal.throwIfAborted()
      for (const body of load.bodies(step, first + step * sampleEveryMs)) await store.write(body)
    }
    feeding = feed(store, load, backfill, until)
    for (let round = 0; round <= rounds; round++) {
      for (const kind of ['quiet', 'busy'] as const) {
        signal.throwIfAborted()
        await ticks(store)
        const over = performance.now() + stretchMs
        if (kind === 'busy') counts.answered += await askSlowly(store, over, counts.answered, signal)
        await sleep(Math.max(0, over - performance.now()), undefined, { signal })
        if (round > 0) late[kind].push(...delays(await ticks(store)))
      }
      tell(`lateness: round ${round} of ${rounds}`)
    }
  } finally {
    stop.abort()
    await feeding
    await store.stop()
  }
  const at = (kind: 'quiet' | 'busy', q: number): number => {
    const sorted = late[kind].sort((a, b) => a - b)
    return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
  }
  const shown = (what: string, ours: number) => ({ what, unit: 'ms', ours, peer: null, must: null, absent: null })
  return {
    figures: [
      {
        // A quiet stretch may have had its own bad moment: what queries add is looked for at every height.
        what: 'a slow query delays no rule by more than, at p50, p90, p99 or most',
        unit: 'ms',
        ours: Math.max(...[0.5, 0.9, 0.99, 1].map((q) => at('busy', q) - at('quiet', q))),
        peer: null,
        must: atMost(most),
        absent: null,
      },
      shown('lateness of a tick without queries, p50', at('quiet', 0.5)),
      shown('lateness of a tick without queries, p99', at('quiet', 0.99)),
      shown('lateness of a tick without queries, most', at('quiet', 1)),
      shown(`lateness of a tick, ${readers} slow queries in flight, p50`, at('busy', 0.5)),
      shown(`lateness of a tick, ${readers} slow queries in flight, p99`, at('busy', 0.99)),
      shown(`lateness of a tick, ${readers} slow queries in flight, most`, at('busy', 1)),
    ],
    tables: [
      {
        title: 'rules beside slow queries',
        rows: [
          ['ticks without and with queries', `${late.quiet.length} / ${late.busy.length}`],
          ['slow queries answered', counts.answered],
        ],
      },
    ],
  }
}

/** The fleet's samples, spread over time as its hosts send them. */
async function feed(store: Peer, load: ReturnType<typeof openLoad>, from: number, signal: AbortSignal): Promise<void> {
  try {
    for (let step = from; ; step++) {
      const bodies = load.bodies(step, Date.now())
      for (const body of bodies) {
        await sleep(sampleEveryMs / bodies.length, undefined, { signal })
        await store.write(body)
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Keeps so many in flight until then; those under way at the end are let go. How many were answered. */
async function askSlowly(store: Peer, over: number, before: number, signal: AbortSignal): Promise<number> {
  // Held here: a timeout signal that nobody holds may be collected before its time.
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), Math.max(0, over - performance.now()))
  const end = AbortSignal.any([signal, stop.signal])
  let asked = before
  let answered = 0
  const reader = async (): Promise<void> => {
    while (!end.aborted) {
      const { expr, rangeMs } = slow[asked % slow.length]!(asked)
      asked++
      const now = Date.now() / 1000
      const body = new URLSearchParams(
        rangeMs === undefined
          ? { query: expr, time: String(now) }
          : { query: expr, start: String(now - rangeMs / 1000), end: String(now), step: '15' },
      )
      try {
        const response = await fetch(`${store.url}/api/v1/query${rangeMs === undefined ? '' : '_range'}`, {
          method: 'POST',
          body,
          signal: end,
        })
        if (!response.ok) throw new Error(`${expr}: HTTP ${response.status} ${(await response.text()).slice(0, 300)}`)
        for await (const _part of response.body!) if (end.aborted) break
        answered++
      } catch (error) {
        if (!end.aborted) throw error
      }
    }
  }
  await Promise.all(Array.from({ length: readers }, reader))
  clearTimeout(timer)
  return answered
}

/** Those since the last call. */
async function ticks(store: Peer): Promise<readonly Tick[]> {
  return (await (await fetch(`${store.url}/bench/ticks`)).json()) as readonly Tick[]
}

/** One that was left out is as late as the one that came instead of it. */
function delays(told: readonly Tick[]): readonly number[] {
  const out: number[] = []
  const last = new Map<string, number>()
  for (const tick of told) {
    const interval = intervals.get(tick.group)!
    for (let at = (last.get(tick.group) ?? tick.at - interval) + interval; at <= tick.at; at += interval)
      out.push(tick.told - at)
    last.set(tick.group, tick.at)
  }
  return out
}
