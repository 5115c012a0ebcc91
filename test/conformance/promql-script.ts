// Reads and runs the test scripts of Prometheus' query language: `load`, `clear`, `eval instant|range` with expectations. What our language
// does not know yet is skipped with its reason; everything else must agree.

import { tryParseDuration } from '../../core/base/duration.ts'
import { instantQuery, type QueryResult, rangeQuery } from '../../core/promql/query.ts'
import { parseLabelSet, parseNumber, parseSeries, parseValues, splitSeries } from '../../core/promql/series-notation.ts'
import { keyOf } from '../../core/promql/vector.ts'
import { type Head, openHead } from '../../core/series/head.ts'

export type ScriptReport = {
  readonly passed: number
  readonly failed: readonly string[]
  readonly skipped: readonly string[]
}

type Expectation = {
  readonly lines: readonly string[]
  readonly fail: boolean
  readonly ordered: boolean
  readonly annotated: boolean
  readonly text: string | null
}

const limits = { lookbackMs: 300_000, defaultStepMs: 60_000, maxSamples: 10_000_000 }
const seconds = (text: string): number => tryParseDuration(text) ?? Math.round(Number(text) * 1000)

export function runScript(name: string, text: string): ScriptReport {
  const lines = text.split('\n')
  let head: Head = openHead({ maxSeries: 100_000, samplesPerSeries: 100_000 })
  const histograms = new Set<string>()
  let passed = 0
  const failed: string[] = []
  const skipped: string[] = []
  const block = (from: number): { body: string[]; next: number } => {
    const body: string[] = []
    let at = from
    for (; at < lines.length && /^\s+\S/.test(lines[at]!); at++) {
      const line = lines[at]!.trim()
      if (!line.startsWith('#')) body.push(line)
    }
    return { body, next: at }
  }
  for (let at = 0; at < lines.length; ) {
    const line = lines[at]!.trim()
    if (line === '' || line.startsWith('#')) {
      at++
      continue
    }
    if (line === 'clear') {
      head = openHead({ maxSeries: 100_000, samplesPerSeries: 100_000 })
      histograms.clear()
      at++
      continue
    }
    const { body, next } = block(at + 1)
    const where = `${name}:${at + 1}: ${line}`
    at = next
    const load = /^load(_with_nhcb)?\s+(\S+)$/.exec(line)
    if (load !== null) {
      const step = seconds(load[2]!)
      // Rows with equal labels: the last one counts.
      const rows = new Map<string, string>()
      for (const row of body) {
        if (row.includes('{{')) {
          histograms.add(/^[^{\s]+/.exec(row)?.[0] ?? '')
          continue
        }
        const { metric } = splitSeries(row)
        if (load[1] !== undefined) histograms.add(metric.replace(/(_bucket)?(\{.*)?$/, ''))
        rows.set(keyOf(parseLabelSet(metric)), row)
      }
      for (const row of rows.values()) {
        const { labels, samples } = parseSeries(row)
        const ref = head.series(labels)
        if (typeof ref === 'string') throw new Error(`${where}: ${ref}: ${row}`)
        samples.forEach((sample, index) => {
          if (sample !== undefined) head.append(ref, index * step, sample.value, sample.stale)
        })
      }
      continue
    }
    const skip = skipReason(line, body, histograms)
    if (skip !== null) {
      skipped.push(`${where} (${skip})`)
      continue
    }
    const fault = evaluate(head, line, expectation(body, line))
    if (fault === null) passed++
    else failed.push(`${where}\n    ${fault}`)
  }
  return { passed, failed, skipped }
}

function skipReason(line: string, body: readonly string[], histograms: ReadonlySet<string>): string | null {
  if (body.some((row) => row.includes('{{'))) return 'native histograms'
  if (body.some((row) => /^expect (warn|info)/.test(row)) || /^eval_(warn|info)/.test(line)) return 'annotations'
  if (/\b(anchored|smoothed)\b/.test(line)) return 'extended range selectors'
  if (/\b(fill|fill_left|fill_right)\s*\(/.test(line)) return 'fill modifiers'
  if (
    /\b(mad_over_time|double_exponential_smoothing|limitk|limit_ratio|sort_by_label|sort_by_label_desc|first_over_time|ts_of_\w+|info|histogram_quantiles)\s*\(/.test(
      line,
    ) ||
    /\b(limitk|limit_ratio)\b/.test(line)
  )
    return 'experimental functions'
  if (
    /\b(step|range)\(\)|\[[^\]]*[a-z0-9]\s*[-+*/^]|offset\s+-?\(|\((?:[^()]*[0-9])[smhd]\s*[-+*/]\s*\d+[smhd]\)/.test(
      line,
    )
  )
    return 'duration expressions'
  if (/\bhistogram_(count|sum|avg|stddev|stdvar)\b/.test(line)) return 'native histograms'
  for (const name of histograms)
    if (name === '' || new RegExp(`\\b${name}(?![a-zA-Z0-9_])`).test(line)) return 'native histograms'
  if (/data\(_histogram/.test(line)) return 'native histograms'
  return null
}

function expectation(body: readonly string[], line: string): Expectation {
  const lines = body.filter((row) => !row.startsWith('expect '))
  const text = body.map((row) => /^expect string (.*)$/.exec(row)?.[1]).find((one) => one !== undefined)
  return {
    lines,
    fail: line.startsWith('eval_fail') || body.some((row) => row.startsWith('expect fail')),
    ordered: line.startsWith('eval_ordered') || body.includes('expect ordered'),
    annotated: false,
    text: text === undefined ? null : parseText(text),
  }
}

function parseText(text: string): string {
  const result = instantQuery(openHead({ maxSeries: 1, samplesPerSeries: 1 }), text, 0)
  return result.type === 'string' ? result.value : ''
}

function evaluate(head: Head, line: string, wanted: Expectation): string | null {
  const instant = /^eval(?:_\w+)?\s+instant\s+at\s+(\S+)\s+(.*)$/s.exec(line)
  const range = /^eval(?:_\w+)?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.*)$/s.exec(line)
  try {
    if (instant !== null) {
      const result = instantQuery(head, instant[2]!, seconds(instant[1]!), limits)
      if (wanted.fail) return 'succeeded, and should fail'
      const fault = compareInstant(result, wanted)
      // The same at one step of a range query must give the same.
      return (
        fault ??
        (result.type === 'vector' && !/^(sort|sort_desc|topk|bottomk)\b/.test(instant[2]!)
          ? agreeAsRange(head, instant[2]!, seconds(instant[1]!), result)
          : null)
      )
    }
    if (range !== null) {
      const [, from = '', to = '', step = '', expr = ''] = range
      const result = rangeQuery(head, expr, { start: seconds(from), end: seconds(to), stepMs: seconds(step) }, limits)
      if (wanted.fail) return 'succeeded, and should fail'
      return compareRange(result, wanted, seconds(from), seconds(step))
    }
    return 'not understood'
  } catch (error) {
    return wanted.fail ? null : `failed: ${error instanceof Error ? error.message : String(error)}`
  }
}

function agreeAsRange(
  head: Head,
  expr: string,
  time: number,
  instant: Extract<QueryResult, { type: 'vector' }>,
): string | null {
  const step = 30_000
  const result = rangeQuery(head, expr, { start: time - step, end: time + step, stepMs: step }, limits)
  if (result.type !== 'matrix') return 'range form gave no matrix'
  if (/@\s*(start|end)\(\)/.test(expr)) return null
  const found = new Map<string, number>()
  for (const series of result.series) {
    const index = series.times.indexOf(time)
    if (index >= 0) found.set(keyOf(series.labels), series.values[index]!)
  }
  for (const one of instant.samples) {
    const value = found.get(keyOf(one.labels))
    if (value === undefined || !same(value, one.value))
      return `as a range query ${JSON.stringify(one.labels)} is ${value}, not ${one.value}`
  }
  return found.size === instant.samples.length
    ? null
    : `as a range query there are ${found.size} series, not ${instant.samples.length}`
}

/** Relative difference of 1e-6, as the scripts' own runner allows. */
function same(a: number, b: number): boolean {
  if (Number.isNaN(a) && Number.isNaN(b)) return true
  if (a === b) return true
  const size = Math.abs(a) + Math.abs(b)
  return Math.abs(a - b) < 1e-6 * Math.min(size, Number.MAX_VALUE)
}

function compareInstant(result: QueryResult, wanted: Expectation): string | null {
  if (result.type === 'string') return wanted.text === result.value ? null : `string ${JSON.stringify(result.value)}`
  if (result.type === 'matrix') return compareRange(result, wanted, 0, 0)
  const samples = result.type === 'scalar' ? [{ labels: [], value: result.value }] : result.samples
  const expected = wanted.lines.map((row) => {
    if (/^[+-]?(\d|\.|inf|nan)\S*$/i.test(row)) return { labels: [], value: parseNumber(row) }
    const { metric, values } = splitSeries(row)
    return { labels: parseLabelSet(metric), value: parseValues(values)[0]!.value }
  })
  if (samples.length !== expected.length)
    return `${samples.length} samples, not ${expected.length}: ${JSON.stringify(samples.slice(0, 5))}`
  const byKey = new Map(samples.map((one, index) => [keyOf(one.labels), { ...one, index }]))
  for (const [index, one] of expected.entries()) {
    const found = byKey.get(keyOf(one.labels))
    if (found === undefined) return `no ${JSON.stringify(one.labels)} in ${JSON.stringify(samples.slice(0, 5))}`
    if (!same(found.value, one.value)) return `${JSON.stringify(one.labels)} is ${found.value}, not ${one.value}`
    if (wanted.ordered && found.index !== index)
      return `${JSON.stringify(one.labels)} is at place ${found.index}, not ${index}`
  }
  return null
}

function compareRange(result: QueryResult, wanted: Expectation, start: number, step: number): string | null {
  if (result.type !== 'matrix') return `a ${result.type}`
  const expected = wanted.lines.map((row) => parseSeries(row))
  if (result.series.length !== expected.length) return `${result.series.length} series, not ${expected.length}`
  const byKey = new Map(result.series.map((one) => [keyOf(one.labels), one]))
  for (const one of expected) {
    const found = byKey.get(keyOf(one.labels))
    if (found === undefined) return `no series ${JSON.stringify(one.labels)}`
    const points = one.samples.flatMap((sample, index) =>
      sample === undefined ? [] : [{ time: start + index * step, value: sample.value }],
    )
    if (points.length !== found.times.length)
      return `${JSON.stringify(one.labels)} has ${found.times.length} points, not ${points.length}: ${found.values.slice(0, 9)}`
    for (const [index, point] of points.entries()) {
      if (step > 0 && found.times[index] !== point.time)
        return `${JSON.stringify(one.labels)} has a point at ${found.times[index]}, not ${point.time}`
      if (!same(found.values[index]!, point.value))
        return `${JSON.stringify(one.labels)} at ${point.time} is ${found.values[index]}, not ${point.value}`
    }
  }
  return null
}
