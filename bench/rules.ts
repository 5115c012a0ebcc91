// The claims of rules: those that the store's run measures beside Prometheus, and what only we promise. Rules are drawn by seed from the shapes that
// rule files have: how many of them have a plan, and what the rest costs. Last, how long a sample takes to become an alert while others come in.

import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../core/base/clock.ts'
import { silentLog } from '../core/base/log.ts'
import { defaultLimits, instantQuery } from '../core/promql/query.ts'
import { openStandingQueries } from '../core/promql/standing/standing.ts'
import { encodeWriteRequest } from '../core/sample/remote-write.ts'
import { openHead } from '../core/series/head.ts'
import { localStore } from '../server/tsdb/local-store.ts'
import { atMost, type Context, type Report } from './figure.ts'
import { ruleExpression, type Vocabulary } from './rule-grammar.ts'
import { store } from './store.ts'
import { openLoad } from './store-load.ts'
import { sampleEveryMs, type WorkloadSeries, workload, workloadRules } from './workload.ts'

const drawn = 300
const seed = 20_261_124
const triggers = 200
const backfill = 82

/** The workload's own metrics and labels. */
const words: Vocabulary = {
  gauges: ['gpu_utilization_ratio', 'gpu_temperature_celsius', 'gpu_power_watts', 'node_load1', 'node_disk_free_bytes'],
  counters: [
    'gpu_xid_errors_total',
    'inference_requests_total',
    'node_cpu_seconds_total',
    'gpu_throttle_seconds_total',
  ],
  histograms: ['inference_latency_seconds'],
  infos: [{ metric: 'up', on: 'instance', brings: 'rack' }],
  labels: ['instance', 'cluster', 'rack', 'gpu', 'model'],
  matchers: ['cluster="c1"', 'instance=~"gpu-000.*"', 'code=~"5.."', 'gpu!="0"', 'rack=~"r1|r2|r3"'],
  ranges: ['1m', '5m', '5m', '10m'],
}

export async function rules(context: Context): Promise<Report> {
  const series = workload(250)
  const own = drawnRules(context, series)
  const detection = await detect(context, series)
  const beside = await store(context)
  return {
    figures: [...beside.figures, ...own.figures, ...detection.figures],
    tables: [...beside.tables, ...own.tables],
  }
}

function drawnRules({ tell, signal }: Context, series: readonly WorkloadSeries[]): Report {
  tell(`${drawn} rules by seed ${seed}`)
  const head = openHead({ maxSeries: series.length, retentionMs: Number.POSITIVE_INFINITY })
  const refs = series.map((one) => head.series(one.labels) as number)
  for (let step = 0; step < backfill; step++) {
    signal.throwIfAborted()
    series.forEach((one, i) => void head.append(refs[i]!, step * sampleEveryMs, one.value(step), false))
  }
  const at = (backfill - 1) * sampleEveryMs + 1000
  const standing = openStandingQueries(head, {
    lookbackMs: defaultLimits.lookbackMs,
    maxSamples: defaultLimits.maxSamples,
  })
  const random = lcg(seed)
  const expressions = Array.from({ length: drawn }, () => ruleExpression(random, words))
  // The first answer numbers series, the second is what a tick costs.
  const planned = expressions.filter((one) => standing.answer(one, at) !== null)
  const rest = expressions.filter((one) => !planned.includes(one))
  const timed = (list: readonly string[], work: (query: string) => void): number => {
    const begun = performance.now()
    for (const query of list) {
      standing.changed()
      try {
        work(query)
      } catch {
        // Some of them mean many partners where one is allowed: that costs as well.
      }
    }
    return performance.now() - begun
  }
  const byPlan = timed(planned, (query) => standing.answer(query, at))
  const inFull = timed(rest, (query) => instantQuery(head, query, at))
  const each = (ms: number, count: number): number => ms / Math.max(1, count)
  return {
    figures: [
      {
        what: `rules of ${drawn} drawn that have a plan`,
        unit: 'ratio',
        ours: planned.length / drawn,
        peer: null,
        must: { of: 'ours', bound: 'at least', value: 0.7 },
        absent: null,
      },
      shown('a drawn rule with a plan, mean', each(byPlan, planned.length)),
      shown('a drawn rule without a plan, mean', each(inFull, rest.length)),
    ],
    tables: [
      {
        title: 'drawn rules without a plan',
        rows: rest.slice(0, 20).map((query, index) => [`${index + 1}`, query] as const),
      },
    ],
  }
}

const shown = (what: string, ms: number) => ({ what, unit: 'ms', ours: ms, peer: null, must: null, absent: null })

/** Samples that fire a rule, among bodies of the whole fleet that keep coming in. */
async function detect({ tell, signal }: Context, series: readonly WorkloadSeries[]): Promise<Report> {
  tell('from sample to alert')
  const inMemory = localStore({
    clock: systemClock,
    log: silentLog,
    limits: { maxSeries: 2 * series.length, retentionMs: 3_600_000, samplesPerQuery: defaultLimits.maxSamples },
    externalLabels: {},
    defaultIntervalMs: 15_000,
    rulesReady: () => true,
    earlyEveryMs: 10,
  })
  await inMemory.recover()
  const load = openLoad(series)
  const first = Date.now() - 20 * sampleEveryMs
  for (let step = 0; step < 20; step++)
    for (const body of load.bodies(step, first + step * sampleEveryMs)) await inMemory.append(ownBuffer(body))
  const alerts = workloadRules.map(({ name, expr, for: hold }) => ({ alert: name, expr, for: hold }))
  const groups = [
    { name: 'fleet', rules: alerts },
    { name: 'trigger', rules: [{ alert: 'Triggered', expr: 'bench_trigger > 0' }] },
  ]
  await inMemory.loadRules([{ file: 'bench.yml', text: JSON.stringify({ groups }) }], [], null)
  const fired = new Map<string, number>()
  inMemory.subscribe((transitions) => {
    for (const { rule, state, labels } of transitions)
      if (rule === 'Triggered' && state === 'firing') fired.set(labels.instance ?? '', performance.now())
  })
  inMemory.start()
  const sent = new Map<string, number>()
  try {
    let bodies = load.bodies(20, Date.now())
    for (let i = 0; i < triggers; i++) {
      signal.throwIfAborted()
      const body = bodies[i % bodies.length]!
      if (i % bodies.length === bodies.length - 1) bodies = load.bodies(21 + i, Date.now())
      await inMemory.append(ownBuffer(body))
      await sleep(20 + ((i * 37) % 50))
      const name = `trigger-${i}`
      const labels: [string, string][] = [
        ['__name__', 'bench_trigger'],
        ['instance', name],
      ]
      const request = encodeWriteRequest([{ labels, times: [Date.now()], values: [1] }])
      sent.set(name, performance.now())
      await inMemory.append(ownBuffer(request))
    }
    await sleep(1000)
  } finally {
    await inMemory.stop()
  }
  const delays = [...sent].map(([name, at]) => (fired.get(name) ?? Number.POSITIVE_INFINITY) - at).sort((a, b) => a - b)
  const quantile = (q: number): number => delays[Math.min(delays.length - 1, Math.ceil(q * delays.length) - 1)]!
  return {
    figures: [
      {
        what: 'from sample to firing alert, p99',
        unit: 'ms',
        ours: quantile(0.99),
        peer: null,
        must: atMost(250),
        absent: null,
      },
      shown('from sample to firing alert, p50', quantile(0.5)),
    ],
    tables: [],
  }
}

/** A copy that may be given away. */
const ownBuffer = (body: Uint8Array): ArrayBuffer => new Uint8Array(body).buffer

function lcg(start: number): () => number {
  let state = start >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
