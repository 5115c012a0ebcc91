// Lints of expressions, whoever asks them: functions over metrics that they are not made for, labels that a step takes away and a later one needs.

import { type Node, unwrap, type VectorSelector, walk } from '../../promql/ast.ts'
import type { Finding, RuleLint } from './finding.ts'
import { labelsOut, mayHave } from './labels-out.ts'
import { isUnknownOurs, kindOf } from './metric-kind.ts'

const ofCounters = new Set(['rate', 'irate', 'increase', 'resets'])
const ofGauges = new Set(['delta', 'idelta', 'deriv', 'predict_linear'])

const each =
  (find: (node: Node, parents: readonly Node[]) => readonly Finding[]): RuleLint =>
  (_rule, { node }) => {
    const found: Finding[] = []
    walk(node, (one, parents) => void found.push(...find(one, parents)))
    return found
  }

/** The plain name that a selector asks for. */
export function metricOf({ matchers }: VectorSelector): string | null {
  return matchers.find(({ name, op }) => name === '__name__' && op === '=')?.value ?? null
}

const rangeFunctions = each((node) => {
  if (node.kind !== 'call' || node.args[0] === undefined) return []
  const counters = ofCounters.has(node.name)
  if (!counters && !ofGauges.has(node.name)) return []
  const inner = unwrap(node.args[0])
  const selector = inner.kind === 'matrix' ? inner.selector : inner.kind === 'subquery' ? unwrap(inner.inner) : inner
  if (selector.kind !== 'selector') return []
  const metric = metricOf(selector)
  if (metric === null) return []
  const kind = kindOf(metric)
  const call = `${node.name}()`
  if (counters && kind === 'gauge')
    return [
      {
        name: 'rate-of-gauge',
        at: node.span.start,
        words: {
          en: `${call} counts how a counter grows, and ${metric} is a gauge: take avg_over_time(), or the value itself`,
          zh: `${call} 用于计数器的增长,而 ${metric} 是 gauge:请用 avg_over_time() 或直接取值`,
        },
      },
    ]
  if (counters && kind === 'unlikely')
    return [
      {
        name: 'rate-of-gauge',
        at: node.span.start,
        words: {
          en: `${call} is for counters, and the name ${metric} ends in none of _total, _count, _sum, _bucket: is it one?`,
          zh: `${call} 只用于计数器,而 ${metric} 不以 _total、_count、_sum 或 _bucket 结尾:它是计数器吗?`,
        },
      },
    ]
  if (!counters && kind === 'counter')
    return [
      {
        name: 'delta-of-counter',
        at: node.span.start,
        words: {
          en: `${call} takes a restart of the counter ${metric} for a fall: use rate() or increase()`,
          zh: `${call} 会把计数器 ${metric} 的重启当作下降:请用 rate() 或 increase()`,
        },
      },
    ]
  return []
})

const aggregateFirst = each((node) => {
  if (node.kind !== 'call' || !ofCounters.has(node.name) || node.args[0] === undefined) return []
  const inner = unwrap(node.args[0])
  if (inner.kind !== 'subquery') return []
  const what = unwrap(inner.inner)
  if (what.kind !== 'aggregation' || !/^(?:sum|avg|min|max)$/.test(what.op)) return []
  const words = {
    en: `${node.name}() of ${what.op}() takes every restart of one counter for a restart of all: write ${what.op}(${node.name}(…))`,
    zh: `对 ${what.op}() 求 ${node.name}() 会把单个计数器的重启当作整体重启:请写成 ${what.op}(${node.name}(…))`,
  }
  return [{ name: 'rate-of-aggregate', at: node.span.start, words }]
})

const quantiles = each((node) => {
  if (node.kind !== 'call' || node.name !== 'histogram_quantile' || node.args[1] === undefined) return []
  if (mayHave(labelsOut(node.args[1]), 'le')) return []
  // A native histogram has no le, and its name says nothing: only classic buckets are told about.
  let classic = false
  walk(node.args[1], (one) => {
    if (one.kind === 'selector' && metricOf(one)?.endsWith('_bucket')) classic = true
  })
  if (!classic) return []
  const words = {
    en: 'the label le is taken away before histogram_quantile() needs it, so there is never a result: keep le in by (…)',
    zh: 'histogram_quantile() 需要的标签 le 已被去掉,因此永远没有结果:请在 by (…) 中保留 le',
  }
  return [{ name: 'quantile-without-le', at: node.args[1].span.start, words }]
})

const averages = each((node, parents) => {
  if (node.kind !== 'selector' || !node.matchers.some(({ name, op }) => name === 'quantile' && op === '=')) return []
  const above = parents.find((one) => one.kind === 'aggregation' && /^(?:avg|sum)$/.test(one.op))
  if (above === undefined) return []
  const words = {
    en: 'quantiles of a summary cannot be averaged or added up: aggregate the buckets of a histogram, or take max()',
    zh: 'summary 的分位数不能取平均或相加:请聚合 histogram 的桶,或取 max()',
  }
  return [{ name: 'average-of-quantiles', at: above.span.start, words }]
})

const unknownMetrics = each((node) => {
  const metric = node.kind === 'selector' ? metricOf(node) : null
  if (metric === null || !isUnknownOurs(metric)) return []
  const words = {
    en: `${metric} is not in the catalogue of metrics: nobody writes it`,
    zh: `指标目录中没有 ${metric}:没有组件会写入它`,
  }
  return [{ name: 'unknown-metric', at: node.span.start, words }]
})

export const expressionLints: readonly RuleLint[] = [
  rangeFunctions,
  aggregateFirst,
  quantiles,
  averages,
  unknownMetrics,
]
