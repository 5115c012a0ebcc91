// Lints of thresholds: comparisons with a number that no value can reach, or that every value meets, by what is known of the values.

import { comparisonOperators, type Node, unwrap, walk } from '../../promql/ast.ts'
import { metricOf } from './expression-lints.ts'
import type { AlertLint, Finding, Words } from './finding.ts'
import { kindOf } from './metric-kind.ts'

type Bounds = { readonly low: number; readonly high: number; readonly why: Words }

const percentMetrics = /^DCGM_FI_DEV_(?:GPU|MEM_COPY|ENC|DEC)_UTIL$|^nvidia_smi_utilization_|_percent(?:age)?$/
/** Parts of a whole. Other ratios may be above 1. */
const ratioMetrics =
  /(?:^|_)(?:busy|util|utili[sz]ation|usage|used|occupancy|fragmentation|hit|miss|error|success|timeout)_ratio$|^DCGM_FI_PROF_(?:SM|GR_ENGINE|DRAM|PIPE_\w+)_(?:ACTIVE|OCCUPANCY)$/
/** They keep the bounds of what they are given. */
const keeping = /^(?:avg|min|max|last|first|quantile)_over_time$|^(?:sort|sort_desc|label_replace|label_join)$/

/** Null where nothing is known. */
function boundsOf(given: Node): Bounds | null {
  const node = unwrap(given)
  switch (node.kind) {
    case 'selector':
      return ofMetric(metricOf(node))
    case 'matrix':
      return boundsOf(node.selector)
    case 'subquery':
      return boundsOf(node.inner)
    case 'call': {
      if (/^absent(?:_over_time)?$|^present_over_time$/.test(node.name))
        return { low: 1, high: 1, why: { en: `${node.name}() is 1 or nothing`, zh: `${node.name}() 只会是 1 或没有` } }
      if (node.name === 'count_over_time')
        return {
          low: 1,
          high: Number.POSITIVE_INFINITY,
          why: { en: 'a count of nothing is nothing, never 0', zh: '没有样本时没有结果,不会是 0' },
        }
      if (/^(?:rate|irate|increase|changes|resets)$/.test(node.name))
        return { low: 0, high: Number.POSITIVE_INFINITY, why: never(`${node.name}()`) }
      if (!keeping.test(node.name)) return null
      const vector = node.args.find((one) => one.kind !== 'number' && one.kind !== 'string')
      return vector === undefined ? null : boundsOf(vector)
    }
    case 'aggregation':
      if (node.op === 'count')
        return {
          low: 1,
          high: Number.POSITIVE_INFINITY,
          why: { en: 'count() of nothing is nothing, never 0', zh: 'count() 对空集没有结果,不会是 0' },
        }
      if (node.op === 'group')
        return { low: 1, high: 1, why: { en: 'group() is 1 or nothing', zh: 'group() 只会是 1 或没有' } }
      return /^(?:avg|min|max|topk|bottomk|quantile|limitk)$/.test(node.op) ? boundsOf(node.inner) : null
    default:
      return null
  }
}

const never = (what: string): Words => ({ en: `${what} is never below 0`, zh: `${what} 不会小于 0` })

function ofMetric(name: string | null): Bounds | null {
  if (name === null) return null
  if (name === 'up' || name.endsWith('_up'))
    return { low: 0, high: 1, why: { en: `${name} is 0 or 1`, zh: `${name} 只会是 0 或 1` } }
  if (percentMetrics.test(name))
    return { low: 0, high: 100, why: { en: `${name} is in percent`, zh: `${name} 的单位是百分比` } }
  if (ratioMetrics.test(name))
    return { low: 0, high: 1, why: { en: `${name} is a ratio between 0 and 1`, zh: `${name} 是 0 到 1 之间的比值` } }
  return kindOf(name) === 'counter' ? { low: 0, high: Number.POSITIVE_INFINITY, why: never(name) } : null
}

const flipped: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' }

const thresholds: AlertLint = (_rule, { node }) => {
  const found: Finding[] = []
  walk(node, (one) => {
    if (one.kind !== 'binary' || !comparisonOperators.has(one.op)) return
    const [left, right] = [numberOf(one.left), numberOf(one.right)]
    if ((left === null) === (right === null)) return
    const op = left === null ? one.op : (flipped[one.op] ?? one.op)
    const bounds = boundsOf(left === null ? one.left : one.right)
    if (bounds === null) return
    found.push(...judge(op, left ?? right!, bounds, one.span.start))
  })
  return found
}

function judge(op: string, limit: number, { low, high, why }: Bounds, at: number): readonly Finding[] {
  const met = {
    '>': [low > limit, high > limit],
    '>=': [low >= limit, high >= limit],
    '<': [high < limit, low < limit],
    '<=': [high <= limit, low <= limit],
    '==': [low === limit && high === limit, limit >= low && limit <= high],
    '!=': [limit < low || limit > high, low !== limit || high !== limit],
  }[op]
  if (met === undefined) return []
  const [always, ever] = met
  const shown = `${op} ${limit}`
  if (!ever)
    return [
      {
        name: 'threshold-out-of-reach',
        at,
        words: { en: `${shown} can never hold: ${why.en}`, zh: `${shown} 永远不成立:${why.zh}` },
      },
    ]
  if (always)
    return [
      {
        name: 'threshold-always-met',
        at,
        words: { en: `${shown} always holds: ${why.en}`, zh: `${shown} 恒成立:${why.zh}` },
      },
    ]
  if (high === 100 && limit > 0 && limit <= 1 && !/^[=!]=$/.test(op))
    return [
      {
        name: 'percent-as-ratio',
        at,
        words: {
          en: `${shown} looks like a ratio, and ${why.en}: is ${Math.round(limit * 10_000) / 100} meant?`,
          zh: `${shown} 像是比值,但 ${why.zh}:是否应为 ${Math.round(limit * 10_000) / 100}?`,
        },
      },
    ]
  return []
}

function numberOf(given: Node): number | null {
  const node = unwrap(given)
  if (node.kind === 'number') return node.value
  if (node.kind !== 'unary') return null
  const inner = numberOf(node.inner)
  return inner === null ? null : node.op === '-' ? -inner : inner
}

export const thresholdLints: readonly AlertLint[] = [thresholds]
