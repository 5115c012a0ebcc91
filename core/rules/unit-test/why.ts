// Why a check of a unit test does not hold, in words: the series that come nearest, selectors that find nothing, and what an expression gave around
// the moment. Everything is bounded: an explanation is read by a person.

import { formatDuration } from '../../base/duration.ts'
import { type Node, walk } from '../../promql/ast.ts'
import { matcherTest } from '../../promql/matchers.ts'
import { parseQuery } from '../../promql/parser.ts'
import { defaultLimits, rangeQuery, selectorsOf } from '../../promql/query.ts'
import { labelValue } from '../../promql/vector.ts'
import type { Labels, Matcher } from '../../series/seam.ts'
import { type LabelRecord, toRecord } from '../labels.ts'
import type { TestContext } from './context.ts'
import { seriesText, type Words } from './outcome.ts'

const mostSeries = 5
const mostValues = 5
/** Steps before and after the moment. */
const around = 3

/** What makes `got` another thing than `expected`. */
export function differences(expected: LabelRecord, got: LabelRecord): Words {
  const parts: Words[] = []
  for (const name of [...new Set([...Object.keys(expected), ...Object.keys(got)])].sort()) {
    const [a, b] = [expected[name], got[name]]
    if (a === b) continue
    const [x, y] = [JSON.stringify(a), JSON.stringify(b)]
    if (b === undefined) parts.push({ en: `${name}=${x} is missing`, zh: `缺少 ${name}=${x}` })
    else if (a === undefined) parts.push({ en: `${name}=${y} is not expected`, zh: `多出 ${name}=${y}` })
    else parts.push({ en: `${name} is ${y}, not ${x}`, zh: `${name} 为 ${y},而非 ${x}` })
  }
  return { en: parts.map(({ en }) => en).join('; '), zh: parts.map(({ zh }) => zh).join(';') }
}

/** The one of `others` that differs least. */
export function nearest(labels: LabelRecord, others: readonly LabelRecord[]): readonly Words[] {
  let best: LabelRecord | null = null
  let least = Number.POSITIVE_INFINITY
  for (const other of others) {
    const names = new Set([...Object.keys(labels), ...Object.keys(other)])
    const count = [...names].filter((name) => labels[name] !== other[name]).length
    if (count < least) [best, least] = [other, count]
  }
  const name = seriesText(labels)
  if (best === null) return [{ en: `${name} is not there`, zh: `没有 ${name}` }]
  const { en, zh } = differences(labels, best)
  return [
    { en: `nearest to ${name}: ${seriesText(best)} (${en})`, zh: `与 ${name} 最接近的是 ${seriesText(best)}(${zh})` },
  ]
}

/** What the selectors of an expression that gave nothing find. */
export function selectorWords({ world }: TestContext, expr: string, time: number): readonly Words[] {
  const { head } = world
  const cell = { times: new Float64Array(1), values: new Float64Array(1), stale: new Uint8Array(1) }
  const all = everySeries(head)
  return selectorsOf(parseQuery(expr), defaultLimits.lookbackMs).flatMap(
    ({ matchers, fromMs, toMs }): readonly Words[] => {
      const text = matchersText(matchers)
      const refs = [...head.select(matchers)]
      if (refs.length === 0) return [unmatched(text, matchers, all)]
      if (refs.some((ref) => head.latest(ref, time - fromMs, time - toMs, cell) === 1 && cell.stale[0] === 0)) return []
      const ended = refs.some((ref) => head.latest(ref, time - fromMs, time - toMs, cell) === 1)
      const [from, to] = [formatDuration(fromMs), formatDuration(toMs)]
      return ended
        ? [{ en: `${text}: its series ended (stale) before that time`, zh: `${text}:其序列在此之前已结束(stale)` }]
        : [
            {
              en: `${text}: series exist, but without a sample between ${from} and ${to} before that time`,
              zh: `${text}:序列存在,但在该时刻之前 ${from} 至 ${to} 内没有样本`,
            },
          ]
    },
  )
}

function unmatched(text: string, matchers: readonly Matcher[], all: readonly Labels[]): Words {
  const name = matchers.find((one) => one.name === '__name__' && one.op === '=')?.value
  const kin = name === undefined ? all : all.filter((labels) => labelValue(labels, '__name__') === name)
  if (kin.length === 0) return { en: `${text}: there is no such metric`, zh: `${text}:没有这个指标` }
  for (const matcher of matchers) {
    const test = matcherTest(matcher)
    if (kin.some((labels) => test(labelValue(labels, matcher.name)))) continue
    const values = [...new Set(kin.map((labels) => labelValue(labels, matcher.name)))].sort()
    const shown = values.slice(0, mostValues).map((value) => JSON.stringify(value))
    const list = values.length > mostValues ? `${shown.join(', ')}, …` : shown.join(', ')
    return {
      en: `${text}: no series has ${matcher.name}${matcher.op}${JSON.stringify(matcher.value)}; there ${matcher.name} is ${list}`,
      zh: `${text}:没有序列满足 ${matcher.name}${matcher.op}${JSON.stringify(matcher.value)};现有值:${list}`,
    }
  }
  return { en: `${text}: no series has all of these labels together`, zh: `${text}:没有序列同时具有这些标签` }
}

/** A row for each of the first series: what the expression gave at some steps before and after the moment. */
export function valuesAround(
  { world, test, evaluationMs }: TestContext,
  expr: string,
  evalMs: number,
): readonly Words[] {
  const time = test.startMs + evalMs
  const start = Math.max(test.startMs + (evalMs % evaluationMs), time - around * evaluationMs)
  // Of what the test has not reached yet nothing is known.
  const end = Math.max(time, Math.min(time + around * evaluationMs, world.filledTo))
  const range = { start, end, stepMs: evaluationMs }
  let series: readonly { labels: Labels; times: Float64Array; values: Float64Array }[]
  try {
    const shown = withoutThreshold(parseQuery(expr))
    const result = rangeQuery(world.head, shown, range, { ...defaultLimits, defaultStepMs: evaluationMs })
    series = result.type === 'matrix' ? result.series : []
  } catch {
    return [] // what cannot be asked over a range is not shown
  }
  return series.slice(0, mostSeries).map(({ labels, times, values }) => {
    const points = [...times].map((at, index) => `${formatDuration(at - test.startMs)} ${values[index]}`)
    const text = `${seriesText(toRecord(labels))}: ${points.join(' | ')}`
    return { en: `around that time: ${text}`, zh: `该时刻前后:${text}` }
  })
}

/** Of `a > 1` the values of `a` say more than those that passed. */
function withoutThreshold(node: Node): Node {
  let inner = node
  while (inner.kind === 'paren') inner = inner.inner
  if (inner.kind !== 'binary' || inner.bool || !/^(?:[<>]=?|[=!]=)$/.test(inner.op)) return inner
  return scalar(inner.right) ? inner.left : scalar(inner.left) ? inner.right : inner
}

function scalar(node: Node): boolean {
  let selects = false
  walk(node, (one) => {
    if (one.kind === 'selector') selects = true
  })
  return !selects
}

const matchersText = (matchers: readonly Matcher[]): string => {
  const name = matchers.find((one) => one.name === '__name__' && one.op === '=')
  const rest = matchers.filter((one) => one !== name)
  const inner = rest.map((one) => `${one.name}${one.op}${JSON.stringify(one.value)}`).join(', ')
  return rest.length === 0 && name !== undefined ? name.value : `${name?.value ?? ''}{${inner}}`
}

function everySeries(head: TestContext['world']['head']): readonly Labels[] {
  const found: Labels[] = []
  for (let ref = 0; ref < head.bound && found.length < 10_000; ref++) if (head.has(ref)) found.push(head.labels(ref))
  return found
}
