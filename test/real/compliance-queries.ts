// The compliance queries of the Prometheus project, expanded from their templates (shared/conformance), and samples like those of the demo
// service they ask about. Samples lie off the grid of evaluation, so that left-open and left-closed ranges hold the same ones.

import { existsSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { parse } from 'yaml'
import { labelsOf, type SeriesSamples } from '../../core/sample/sample.ts'
import { random } from '../helpers/random.ts'

const file = path.resolve(import.meta.dirname, '../../../shared/conformance/compliance/promql-test-queries.yml')

const arithmetic = ['+', '-', '*', '/', '%', '^']
const comparisons = ['==', '!=', '<', '>', '<=', '>=']
/** What each variable of a template stands for; source: the compliance tester of the same repository. */
const variants: Readonly<Record<string, readonly string[]>> = {
  range: ['1s', '15s', '1m', '5m', '15m', '1h'],
  offset: ['1m', '5m', '10m'],
  simpleAggrOp: ['sum', 'avg', 'max', 'min', 'count', 'stddev', 'stdvar'],
  simpleTimeAggrOp: ['sum', 'avg', 'max', 'min', 'count', 'stddev', 'stdvar', 'absent', 'last'],
  topBottomOp: ['topk', 'bottomk'],
  quantile: ['-0.5', '0.1', '0.5', '0.75', '0.95', '0.90', '0.99', '1', '1.5'],
  arithBinOp: arithmetic,
  compBinOp: comparisons,
  binOp: [...arithmetic, ...comparisons],
  simpleMathFunc: ['abs', 'ceil', 'floor', 'exp', 'sqrt', 'ln', 'log2', 'log10', 'round'],
  extrapolatedRateFunc: ['delta', 'rate', 'increase'],
  clampFunc: ['clamp_min', 'clamp_max'],
  instantRateFunc: ['idelta', 'irate'],
  dateFunc: ['day_of_month', 'day_of_week', 'days_in_month', 'hour', 'minute', 'month', 'year'],
}

export type ComplianceQuery = { readonly query: string; readonly shouldFail: boolean }

/** Null where the conformance data are absent. */
export function complianceQueries(): readonly ComplianceQuery[] | null {
  if (!existsSync(file)) return null
  const { test_cases } = parse(readFileSync(file, 'utf8')) as {
    readonly test_cases: readonly { query: string | number; variant_args?: readonly string[]; should_fail?: boolean }[]
  }
  return test_cases.flatMap(({ query, variant_args = [], should_fail = false }) =>
    variant_args
      .reduce<readonly string[]>(
        (texts, name) =>
          texts.flatMap((text) => variants[name]!.map((value) => text.replaceAll(`{{.${name}}}`, value))),
        [String(query)],
      )
      .map((text) => ({ query: text, shouldFail: should_fail })),
  )
}

const scrapeMs = 5000
/** Milliseconds by which samples miss the whole second: three instances, three shifts. */
const shifts = [1700, 2300, 3900]
const bounds = [0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** Series of the demo service over [from, to], Unix milliseconds. */
export function demoSeries(from: number, to: number): readonly SeriesSamples[] {
  return shifts.flatMap((shift, index) => instance(`demo.promlabs.com:${10_000 + index}`, from + shift, to, index + 1))
}

function instance(name: string, from: number, to: number, seed: number): readonly SeriesSamples[] {
  const source = random(seed)
  const times: number[] = []
  for (let time = from; time <= to; time += scrapeMs) times.push(time)
  const base = { instance: name, job: 'demo' }
  const series = (metric: string, labels: Record<string, string>, value: (step: number) => number): SeriesSamples => ({
    labels: labelsOf(metric, { ...base, ...labels }),
    times,
    values: times.map((_, step) => value(step)),
  })
  const rising = (perStep: number, resetEvery: number): ((step: number) => number) => {
    let total = source.uniform() * 100
    return (step) => {
      total = step > 0 && step % resetEvery === 0 ? 0 : total + source.uniform() * perStep
      return total
    }
  }
  const counting = (perStep: number): ((step: number) => number) => {
    let total = 0
    return () => {
      total += source.integer(0, perStep)
      return total
    }
  }
  const histogram = (labels: Record<string, string>): readonly SeriesSamples[] => {
    const counts = bounds.map(() => 0)
    const rows = times.map(() => {
      for (let bound = 0; bound < bounds.length; bound++) counts[bound]! += source.integer(0, 5)
      let total = 0
      return counts.map((count) => {
        total += count
        return total
      })
    })
    const metric = 'demo_api_request_duration_seconds'
    const last = bounds.length - 1
    return [
      ...bounds.map((bound, at) =>
        series(`${metric}_bucket`, { ...labels, le: String(bound) }, (step) => rows[step]![at]!),
      ),
      series(`${metric}_bucket`, { ...labels, le: '+Inf' }, (step) => rows[step]![last]! + step),
      series(`${metric}_count`, labels, (step) => rows[step]![last]! + step),
      series(`${metric}_sum`, labels, rising(0.5, 1e9)),
    ]
  }
  const intermittent = series('demo_intermittent_metric', {}, (step) => step)
  const kept = times.map((_, step) => step).filter((step) => step % 120 < 60 || (step % 120 === 60 && seed !== 2))
  return [
    ...['used', 'free', 'cached', 'buffers'].map((type, at) =>
      series('demo_memory_usage_bytes', { type }, () => 1e8 * (at + 1) + source.integer(-5e6, 5e6)),
    ),
    ...['user', 'system', 'idle'].map((mode) => series('demo_cpu_usage_seconds_total', { mode }, rising(3, 500))),
    series('demo_disk_usage_bytes', {}, (step) => 1e11 + step * 1e6 + source.integer(0, 1e5)),
    series('demo_disk_total_bytes', {}, () => 3e11),
    series('demo_num_cpus', {}, () => 4),
    series('demo_batch_last_success_timestamp_seconds', {}, (step) => Math.floor((from / 1000 + step * 5) / 300) * 300),
    series('demo_batch_last_run_processed_bytes', {}, counting(1000)),
    ...histogram({ method: 'GET', path: '/api/bar', status: '200' }),
    ...histogram({ method: 'POST', path: '/api/nonsense', status: '500' }),
    {
      labels: intermittent.labels,
      times: kept.map((step) => times[step]!),
      values: kept.map((step) => (step % 120 === 60 ? 0 : step)),
      // Two instances say that their series ended, the third simply goes.
      stale: kept.map((step) => step % 120 === 60),
    },
  ]
}

/** The same series in slices of time, as they would have come. */
export function* slices(all: readonly SeriesSamples[], sliceMs: number): Generator<readonly SeriesSamples[]> {
  const times = all.flatMap((one) => [one.times[0]!, one.times.at(-1)!])
  const end = Math.max(...times)
  for (let from = Math.min(...times); from <= end; from += sliceMs) {
    yield all.flatMap((one) => {
      const picked = one.times.flatMap((time, index) => (time >= from && time < from + sliceMs ? [index] : []))
      if (picked.length === 0) return []
      return [
        {
          labels: one.labels,
          times: picked.map((index) => one.times[index]!),
          values: picked.map((index) => one.values[index]!),
          stale: picked.map((index) => one.stale?.[index] === true),
        },
      ]
    })
  }
}
