// Runs a script as Prometheus' own runner does: everything that it keeps behind flags is on; each instant query is asked again with `@` set
// on every selector, at other moments, and each of these once more as the middle step of a range query.

import { errorText } from '../../core/base/errors.ts'
import { type Node, walk } from '../../core/promql/ast.ts'
import { matcherTest } from '../../core/promql/matchers.ts'
import { parseQuery } from '../../core/promql/parser.ts'
import { printNode } from '../../core/promql/print.ts'
import { instantQuery, type QueryLimits, type QueryResult, rangeQuery } from '../../core/promql/query.ts'
import { keyOf, labelValue } from '../../core/promql/vector.ts'
import { type Head, openHead } from '../../core/series/head.ts'
import type { Querier } from '../../core/series/seam.ts'
import { compareNotes, compareResult, compareScalar, compareVector, sortedFault } from './promql-compare.ts'
import { type Eval, type Load, parseScript } from './promql-script.ts'

export type ScriptReport = {
  readonly passed: number
  /** Queries asked for the evaluations that passed. */
  readonly queries: number
  readonly failed: readonly string[]
  readonly skipped: readonly string[]
}

const limits: QueryLimits = {
  lookbackMs: 300_000,
  defaultStepMs: 60_000,
  maxSamples: 10_000_000,
  options: { experimental: true, delayedNames: true },
}

type Store = { head: Head; beyond: Load['beyond'][number][] }
const emptyStore = (): Store => ({
  head: openHead({ maxSeries: 100_000, retentionMs: Number.POSITIVE_INFINITY }),
  beyond: [],
})

export function runScript(name: string, text: string): ScriptReport {
  let store = emptyStore()
  let passed = 0
  let queries = 0
  const failed: string[] = []
  const skipped: string[] = []
  for (const command of parseScript(text)) {
    if (command.kind === 'clear') store = emptyStore()
    else if (command.kind === 'load') load(store, command)
    else {
      const where = `${name}:${command.line}: ${command.text}`
      const skip = skipReason(command, store)
      if (skip !== null) {
        skipped.push(`${where} (${skip})`)
        continue
      }
      const outcome = runEval(store.head, command)
      if (typeof outcome === 'string') failed.push(`${where}\n    ${outcome}`)
      else {
        passed++
        queries += outcome
      }
    }
  }
  return { passed, queries, failed, skipped }
}

function load(store: Store, { rows, stepMs, beyond }: Load): void {
  store.beyond.push(...beyond)
  // Rows with equal labels: the last one counts.
  const last = new Map(rows.map((row) => [keyOf(row.labels), row]))
  for (const { labels, samples } of last.values()) {
    const ref = store.head.series(labels)
    if (typeof ref === 'string') throw new Error(`the store refuses a series: ${ref}: ${JSON.stringify(labels)}`)
    samples.forEach((sample, index) => {
      if (sample !== undefined) store.head.append(ref, index * stepMs, sample.value, sample.stale)
    })
  }
}

/** Only what reads or expects something that we do not have is left out. */
function skipReason(command: Eval, { beyond }: Store): string | null {
  if (command.native) return 'native histograms'
  let node: Node
  try {
    node = parseQuery(command.expr, limits.options)
  } catch {
    return /\bstart_timestamp\s*\(/.test(command.expr) ? 'start timestamps' : null
  }
  let reason: string | null = null
  walk(node, (one) => {
    if (one.kind !== 'selector' || reason !== null) return
    const tests = one.matchers.map((matcher) => ({ label: matcher.name, matches: matcherTest(matcher) }))
    reason =
      beyond.find(({ labels }) => tests.every(({ label, matches }) => matches(labelValue(labels, label))))?.why ?? null
  })
  return reason
}

/** The number of queries asked, or what was wrong. */
function runEval(querier: Querier, command: Eval): number | string {
  const { times } = command
  if (!('at' in times)) {
    return judge(command, command.expr, () => rangeQuery(querier, command.expr, times, limits)).fault ?? 1
  }
  const cases = [{ expr: command.expr, at: times.at }]
  try {
    cases.push(...atCases(command.expr, times.at))
  } catch (error) {
    if (!command.expects.has('fail')) return errorText(error)
  }
  let queries = 0
  for (const { expr, at } of cases) {
    const where = expr === command.expr && at === times.at ? '' : `as ${expr} at ${at} ms: `
    const { fault, result } = judge(command, expr, () => instantQuery(querier, expr, at, limits))
    if (fault !== null) return `${where}${fault}`
    queries++
    if (result === null || command.rangeVector !== null || command.string !== null) continue
    if (/(?:start|end|range|step)\(\)/.test(expr)) continue
    const ranged = middleFault(querier, command, expr, at, result)
    if (ranged !== null) return `${where}as a range query: ${ranged}`
    queries++
  }
  return queries
}

/** Asks, and compares with what is expected. The result is null where the failure was expected. */
function judge(
  command: Eval,
  expr: string,
  ask: () => QueryResult,
): { readonly fault: string | null; readonly result: QueryResult | null } {
  const failures = command.expects.get('fail')
  let result: QueryResult
  try {
    result = ask()
  } catch (error) {
    const text = errorText(error)
    if (failures === undefined) return { fault: `failed: ${text}`, result: null }
    const unmet = failures.find((one) => !one.matches(text))
    return { fault: unmet === undefined ? null : `failed with "${text}", not "${unmet.shown}"`, result: null }
  }
  if (failures !== undefined) return { fault: `${expr} succeeded, and should fail`, result }
  return { fault: compareNotes(result, command) ?? compareResult(result, command), result }
}

function middleFault(querier: Querier, command: Eval, expr: string, at: number, instant: QueryResult): string | null {
  let result: QueryResult
  try {
    result = rangeQuery(querier, expr, { start: at - 60_000, end: at + 60_000, stepMs: 60_000 }, limits)
  } catch (error) {
    return `failed: ${errorText(error)}`
  }
  if (command.expects.has('ordered')) return null
  if (result.type !== 'matrix') return `a ${result.type}, not a matrix`
  const samples = result.series.flatMap(({ labels, times, values }) => {
    const index = times.indexOf(at)
    return index < 0 ? [] : [{ labels, value: values[index]! }]
  })
  const fault = sortedFault(result.series.map(({ labels }) => labels))
  if (fault !== null) return fault
  if (instant.type === 'scalar') return compareScalar(samples[0]?.value ?? Number.NaN, command)
  return compareVector(samples, command)
}

/** Functions whose answer moves with the moment of evaluation even when their arguments do not. */
const readsClock: ReadonlySet<string> = new Set(
  (
    'days_in_month day_of_month day_of_week day_of_year hour minute month year predict_linear time timestamp ' +
    'start end range step'
  ).split(' '),
)

/** The query pinned to its moment, to be asked at other moments. */
function atCases(expr: string, at: number): readonly { readonly expr: string; readonly at: number }[] {
  const node = parseQuery(expr, limits.options)
  let moves = false
  walk(node, (one) => {
    if (one.kind === 'call' && readsClock.has(one.name)) moves = true
  })
  if (moves) return []
  const pinned = printNode(pin(node, at))
  const moments = at === 0 ? [-1000, 0, 1000] : [-10 * at, 0, Math.trunc(at / 5), at, 10 * at]
  return moments.map((moment) => ({ expr: pinned, at: moment }))
}

/** Selectors inside a subquery follow the subquery. */
function pin(node: Node, at: number): Node {
  if (node.kind === 'subquery') return { ...node, at: typeof node.at === 'number' ? node.at : at }
  if (node.kind === 'selector') return { ...node, at: typeof node.at === 'number' ? node.at : at }
  switch (node.kind) {
    case 'matrix':
      return { ...node, selector: pin(node.selector, at) as typeof node.selector }
    case 'paren':
    case 'unary':
      return { ...node, inner: pin(node.inner, at) }
    case 'call':
      return { ...node, args: node.args.map((one) => pin(one, at)) }
    case 'aggregation':
      return {
        ...node,
        inner: pin(node.inner, at),
        parameter: node.parameter === null ? null : pin(node.parameter, at),
      }
    case 'binary':
      return { ...node, left: pin(node.left, at), right: pin(node.right, at) }
    default:
      return node
  }
}
