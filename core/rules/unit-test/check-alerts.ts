// Do the firing alerts of one name look as a unit test expects, and if not, why not: what is pending and for how long, which labels or texts differ,
// what the rule's expression gave around that time.

import { formatDuration } from '../../base/duration.ts'
import type { ActiveAlert } from '../alerting-rule.ts'
import { type LabelRecord, labelKey } from '../labels.ts'
import type { AlertingRule } from '../rule.ts'
import type { TestContext, Verdict } from './context.ts'
import { seriesText, type Words } from './outcome.ts'
import type { AlertCheck } from './test-file.ts'
import { differences, nearest, selectorWords, valuesAround } from './why.ts'

type Shown = { readonly labels: LabelRecord; readonly annotations: LabelRecord }

export function checkAlerts(context: TestContext, check: AlertCheck): Verdict {
  const { file, test, groups } = context
  const states = groups.flatMap((group) =>
    group.states.filter(({ rule }) => rule.kind === 'alerting' && rule.name === check.alertname),
  )
  const active = states.flatMap((state) => [...state.active.values()])
  const got: readonly Shown[] = active.filter(({ state }) => state === 'firing')
  const expected = check.expected.map(({ labels, annotations }) => ({
    labels: { ...labels, alertname: check.alertname },
    annotations,
  }))
  const [a, b] = [expected.map(identity).sort(), got.map(identity).sort()]
  if (a.length === b.length && a.every((one, index) => one === b[index]))
    return { passed: 1, failures: [], skipped: [] }
  const rules = states.map(({ rule }) => rule as AlertingRule)
  const failure = {
    file,
    ...check.place,
    test: test.name,
    kind: 'alert',
    subject: check.alertname,
    at: check.evalMs,
    expected: expected.map(text),
    got: got.map(text),
    why: [
      ...(rules.length === 0 ? [noRule(check.alertname)] : reasons(expected, got)),
      ...active.flatMap((one) => (one.state === 'pending' ? [pendingWords(context, one, check, rules)] : [])),
      ...(active.length === 0
        ? rules.flatMap((rule) => selectorWords(context, rule.expression.text, test.startMs + check.evalMs))
        : []),
      ...rules.flatMap((rule) => valuesAround(context, rule.expression.text, check.evalMs)),
    ],
  } as const
  return { passed: 0, failures: [failure], skipped: [] }
}

/** An empty annotation is one; upstream compares all of both. */
const identity = ({ labels, annotations }: Shown): string =>
  JSON.stringify([Object.entries(labels).sort(), Object.entries(annotations).sort()])

const text = ({ labels, annotations }: Shown): string => {
  const notes = Object.entries(annotations).sort()
  const shown = notes.map(([name, words]) => `\n  ${name}: ${JSON.stringify(words)}`).join('')
  return `${seriesText(labels)}${shown}`
}

const noRule = (name: string): Words => ({
  en: `no rule makes an alert of the name ${name}`,
  zh: `没有规则产生名为 ${name} 的告警`,
})

function reasons(expected: readonly Shown[], got: readonly Shown[]): readonly Words[] {
  const found = new Map(got.map((one) => [labelKey(one.labels), one]))
  const wanted = new Set(expected.map(({ labels }) => labelKey(labels)))
  const missing = expected.flatMap(({ labels, annotations }): readonly Words[] => {
    const one = found.get(labelKey(labels))
    if (one === undefined)
      return nearest(
        labels,
        got.map((other) => other.labels),
      )
    const { en, zh } = differences(annotations, one.annotations)
    return en === ''
      ? []
      : [{ en: `annotations of ${seriesText(labels)}: ${en}`, zh: `${seriesText(labels)} 的注解:${zh}` }]
  })
  const extra = got.filter(({ labels }) => !wanted.has(labelKey(labels))).map(({ labels }) => seriesText(labels))
  return extra.length === 0
    ? missing
    : [...missing, { en: `not expected: ${extra.join(', ')}`, zh: `多出:${extra.join('、')}` }]
}

function pendingWords(
  { test }: TestContext,
  alert: ActiveAlert,
  check: AlertCheck,
  rules: readonly AlertingRule[],
): Words {
  const name = seriesText(alert.labels)
  const since = formatDuration(alert.activeAt - test.startMs)
  const held = formatDuration(test.startMs + check.evalMs - alert.activeAt)
  const needs = formatDuration(Math.max(...rules.map(({ forMs }) => forMs)))
  return {
    en: `${name} is pending since ${since}: it held for ${held}, \`for\` asks ${needs}`,
    zh: `${name} 自 ${since} 起处于 pending:已持续 ${held},\`for\` 要求 ${needs}`,
  }
}
