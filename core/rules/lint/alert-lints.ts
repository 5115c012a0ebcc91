// Lints of alerts: texts that use labels which the expression takes away, alerts that never wait, alerts that are always on.

import { formatDuration } from '../../base/duration.ts'
import { comparisonOperators, type Node, unwrap, walk } from '../../promql/ast.ts'
import type { AlertingRule } from '../rule.ts'
import type { AlertLint, Finding } from './finding.ts'
import { type LabelsOut, labelsOut, mayHave } from './labels-out.ts'

/** Labels of the sample that a template reads. */
const labelUses = /(?:\$labels|\.Labels)\.([a-zA-Z_][a-zA-Z0-9_]*)|index\s+(?:\$labels|\.Labels)\s+"([^"]+)"/g
const valueUse = /\{\{[^}]*(?:\$value|\.Value)\b/

const droppedLabels: AlertLint = (rule, { node }) => {
  const out = labelsOut(node)
  return [...droppedIn(rule, out, 'labels', rule.labels), ...droppedIn(rule, out, 'annotations', rule.annotations)]
}

function droppedIn(
  rule: AlertingRule,
  out: LabelsOut,
  field: 'labels' | 'annotations',
  texts: Readonly<Record<string, string>>,
): readonly Finding[] {
  return Object.entries(texts).flatMap(([name, text]) => {
    if (!text.includes('{{')) return []
    const used = new Set([...text.matchAll(labelUses)].map((match) => match[1] ?? match[2]!))
    return [...used].flatMap((label): readonly Finding[] => {
      if (mayHave(out, label)) return []
      const own = label in rule.labels || label === 'alertname'
      const why = own
        ? {
            en: `only the expression's labels are there, and ${label} is one that the rule adds`,
            zh: `这里只有表达式的标签,而 ${label} 由规则添加`,
          }
        : { en: `the expression does not keep the label ${label}`, zh: `表达式没有保留标签 ${label}` }
      const words = {
        en: `${field}.${name} shows {{ $labels.${label} }}, and that is always empty: ${why.en}`,
        zh: `${field}.${name} 引用 {{ $labels.${label} }},其值恒为空:${why.zh}`,
      }
      return [{ name: 'dropped-label', at: `${field}.${name}`, words }]
    })
  })
}

const valueLabels: AlertLint = ({ labels }) =>
  Object.entries(labels).flatMap(([name, text]) => {
    if (!valueUse.test(text)) return []
    const words = {
      en: `labels.${name} holds the value: with every new value it is another alert, which begins its \`for\` again and is told anew`,
      zh: `labels.${name} 含有数值:数值一变就成为另一个告警,\`for\` 重新计时并再次通知`,
    }
    return [{ name: 'value-in-label', at: `labels.${name}`, words }]
  })

const waiting: AlertLint = (rule, { node, group, has }) => {
  const { forMs } = rule
  if (forMs > 0) {
    if (group.intervalMs === null || forMs >= group.intervalMs) return []
    const [duration, interval] = [formatDuration(forMs), formatDuration(group.intervalMs)]
    const words = {
      en: `for: ${duration} is shorter than the group's interval of ${interval}: it ends with the next evaluation`,
      zh: `for: ${duration} 短于该组的间隔 ${interval}:要到下一次求值才生效`,
    }
    return [{ name: 'for-below-interval', at: 'for', words }]
  }
  return has('for') || overTime(node)
    ? []
    : [
        {
          name: 'missing-for',
          at: 'alert',
          words: {
            en: 'a single sample is enough to fire: give it a `for`, or write `for: 0s` to say that this is meant',
            zh: '单个样本即会触发:请加上 `for`,或写 `for: 0s` 表明本意如此',
          },
        },
      ]
}

/** A stretch of time decides and not one sample; or nothing is read at all. */
function overTime(node: Node): boolean {
  let range = false
  let selects = false
  walk(node, (one) => {
    if (one.kind === 'matrix' || one.kind === 'subquery') range = true
    if (one.kind === 'selector') selects = true
  })
  return range || !selects
}

const alwaysOn: AlertLint = (_rule, { node }) => {
  const top = unwrap(node)
  let decides = false
  let selects = false
  walk(node, (one) => {
    if (one.kind === 'selector') selects = true
    if (one.kind === 'selector' && one.matchers.some(({ value }) => value === 'ALERTS')) decides = true
    if (one.kind === 'binary' && (comparisonOperators.has(one.op) || one.op === 'unless' || one.op === 'and'))
      decides = true
    if (one.kind === 'call' && /^absent(?:_over_time)?$/.test(one.name)) decides = true
  })
  if (top.kind === 'binary' && top.bool) {
    const words = {
      en: 'a comparison with `bool` gives 0 or 1 and always something: this alert fires whatever the answer; leave `bool` out',
      zh: '带 `bool` 的比较总会给出 0 或 1:无论结果如何都会触发;请去掉 `bool`',
    }
    return [{ name: 'bool-at-top', at: top.span.start, words }]
  }
  if (decides || !selects) return []
  const words = {
    en: 'there is no comparison: it fires for every series that exists, whatever its value',
    zh: '没有比较:只要序列存在就会触发,与数值无关',
  }
  return [{ name: 'no-threshold', at: node.span.start, words }]
}

const ownFields: AlertLint = (_rule, { has }) => {
  if (!has('no_data')) return []
  const words = {
    en: 'no_data is a field of ours: Prometheus and promtool refuse a file that has it',
    zh: 'no_data 是本项目自有的字段:Prometheus 与 promtool 会拒绝含有它的文件',
  }
  return [{ name: 'own-field', at: 'no_data', words }]
}

export const alertLints: readonly AlertLint[] = [droppedLabels, valueLabels, waiting, alwaysOn, ownFields]
