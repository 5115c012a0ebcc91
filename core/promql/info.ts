// info(): adds the labels of info metrics (target_info by default) that share instance and job with a series. At each step the info series
// with the newest sample speaks for its metric.

import type { Labels, Matcher } from '../series/seam.ts'
import { type AtModifier, type Call, type Node, walk } from './ast.ts'
import { showLabels } from './binary.ts'
import { executionError } from './errors.ts'
import type { Evaluation, Grid } from './evaluation.ts'
import { matcherTest, matchesEmpty, selectorOf } from './matchers.ts'
import { select } from './select.ts'
import { emptySeries, keyOf, labelValue, metricName, type StepSeries, setLabel, unique, type Vector } from './vector.ts'

const identifying = ['instance', 'job'] as const
const targetInfo: Matcher = { name: metricName, op: '=', value: 'target_info' }

/** Without a positive matcher for the name, all info metrics are meant; without any, target_info. */
function nameMatchers(given: readonly Matcher[]): readonly Matcher[] {
  if (given.some(({ op }) => op === '=' || op === '=~')) return given
  return given.length > 0 ? [{ name: metricName, op: '=~', value: '.+_info' }, ...given] : [targetInfo]
}

export function infoCall(evaluation: Evaluation, { args }: Call, grid: Grid): Vector {
  const base = evaluation.vector(args[0]!, grid)
  const given = args[1]?.kind === 'selector' ? args[1].matchers : []
  const names = nameMatchers(given.filter((one) => one.name === metricName))
  const data = given.filter((one) => one.name !== metricName)
  const nameTests = names.map(matcherTest)
  /** Info metrics themselves are left as they are. */
  const isInfo = ({ labels }: StepSeries): boolean => nameTests.every((test) => test(labelValue(labels, metricName)))
  const wanted = base.filter((series) => !isInfo(series))
  const found = wanted.length === 0 ? new Map() : infoSeries(evaluation, args[0]!, wanted, [...names, ...data], grid)
  const out: StepSeries[] = base.filter(isInfo)
  const optional = data.every(matchesEmpty)
  const allowed = data.length === 0 ? null : new Set(data.map(({ name }) => name))
  const results = new Map<string, StepSeries>()
  for (const series of wanted) {
    const candidates = found.get(identity(series.labels)) ?? []
    for (let step = 0; step < grid.times.length; step++) {
      if (series.present[step] !== 1) continue
      const labels = enriched(series.labels, candidates, step, allowed)
      if (labels === null && !optional) continue
      const all = labels ?? series.labels
      const key = keyOf(all)
      let result = results.get(key)
      if (result === undefined) {
        evaluation.demand(results.size + 1, grid.times.length)
        result = emptySeries(all, grid.times.length, series.dropName)
        results.set(key, result)
      }
      if (result.present[step] === 1) throw executionError('vector cannot contain metrics with the same labelset')
      result.values[step] = series.values[step]!
      result.present[step] = 1
    }
  }
  return unique([...out, ...results.values()])
}

const identity = (labels: Labels): string =>
  keyOf(labels.filter(([name]) => (identifying as readonly string[]).includes(name)))

/** Info series by what they identify; values are the times of their samples, seconds. */
function infoSeries(
  evaluation: Evaluation,
  argument: Node,
  base: Vector,
  matchers: readonly Matcher[],
  grid: Grid,
): Map<string, StepSeries[]> {
  const out = new Map<string, StepSeries[]>()
  const known = new Set(base.map(({ labels }) => identity(labels)).filter((key) => key !== ''))
  if (known.size === 0) return out
  const selector = { ...selectorOf(null, matchers, argument.span), ...lookOf(argument) }
  for (const series of select(evaluation, selector, grid, 'time')) {
    const key = identity(series.labels)
    if (!known.has(key)) continue
    const list = out.get(key)
    if (list === undefined) out.set(key, [series])
    else list.push(series)
  }
  return out
}

/** When the first selector of the argument looks, subqueries around it included. */
function lookOf(argument: Node): { at: AtModifier | null; offsetMs: number } {
  let look: { at: AtModifier | null; offsetMs: number } | undefined
  walk(argument, (node, parents) => {
    if (node.kind !== 'selector' || look !== undefined) return
    let { at, offsetMs } = node
    for (const above of parents.toReversed()) {
      if (at !== null || above.kind !== 'subquery') continue
      offsetMs += above.offsetMs
      at = above.at
    }
    look = { at, offsetMs }
  })
  return look ?? { at: null, offsetMs: 0 }
}

/** Null where no info metric speaks at this step. */
function enriched(
  base: Labels,
  candidates: readonly StepSeries[],
  step: number,
  allowed: ReadonlySet<string> | null,
): Labels | null {
  const newest = new Map<string, StepSeries>()
  for (const series of candidates) {
    if (series.present[step] !== 1) continue
    const metric = labelValue(series.labels, metricName)
    const other = newest.get(metric)
    if (other !== undefined && other.values[step] === series.values[step]) {
      const time = Math.round(series.values[step]! * 1000)
      throw executionError(
        `found duplicate series for info metric: existing ${showLabels(other.labels)} @ ${time}, ` +
          `new ${showLabels(series.labels)} @ ${time}`,
      )
    }
    if (other === undefined || other.values[step]! < series.values[step]!) newest.set(metric, series)
  }
  if (newest.size === 0) return null
  const own = new Set(base.map(([name]) => name))
  const added = new Map<string, string>()
  for (const { labels } of newest.values()) {
    for (const [name, value] of labels) {
      if (name === metricName || (allowed !== null && !allowed.has(name))) continue
      const before = added.get(name)
      if (before !== undefined && before !== value) throw executionError(`conflicting label: ${name}`)
      if (!own.has(name)) added.set(name, value)
    }
  }
  return [...added].reduce((labels, [name, value]) => setLabel(labels, name, value), base)
}
