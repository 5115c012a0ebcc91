// What a rule file may hold and probably does not mean: every lint found once with its place, and what is right left alone.

import { describe, expect, it } from 'vitest'
import { parseExpression } from '../../../core/promql/expression.ts'
import { parseQuery } from '../../../core/promql/parser.ts'
import { lintNames } from '../../../core/rules/lint/finding.ts'
import { labelsOut, mayHave } from '../../../core/rules/lint/labels-out.ts'
import { lintRules } from '../../../core/rules/lint/lint.ts'
import { readRuleFile } from '../../../core/rules/rule-file.ts'

/** One alert that waits, with this expression; `more` are further fields of it. */
const alert = (expr: string, more = 'for: 5m'): string =>
  `groups:\n- name: g\n  interval: 1m\n  rules:\n  - alert: A\n    expr: ${JSON.stringify(expr)}\n    ${more}\n`

const lintsOf = (text: string): readonly string[] => {
  const read = readRuleFile('r.yml', text, parseExpression)
  expect(read.faults).toEqual([])
  return lintRules(read).map(({ line, column, name }) => `${line}:${column} ${name}`)
}

const seen = new Set<string>()

describe('a lint', () => {
  it.each([
    // The sample of many a guide: a gauge is no counter.
    ['avg(rate(gpu_utilization[5m])) > 0.9', '6:16 rate-of-gauge'],
    ['increase(node_memory_free_bytes[5m]) > 9', '6:12 rate-of-gauge'],
    ['rate(inferward_engine_up[5m]) > 0.1', '6:12 rate-of-gauge'],
    ['rate(something[5m]) > 1', '6:12 rate-of-gauge'],
    ['deriv(http_requests_total[5m]) > 1', '6:12 delta-of-counter'],
    ['rate(sum(http_requests_total)[5m:1m]) > 1', '6:12 rate-of-aggregate'],
    ['histogram_quantile(0.9, sum by (job) (rate(x_bucket[5m]))) > 1', '6:36 quantile-without-le'],
    ['avg(rpc_seconds{quantile="0.99"}) > 1', '6:12 average-of-quantiles'],
    ['inferward_nonsense > 1', '6:12 unknown-metric'],
    ['x', '6:12 no-threshold'],
    ['x > bool 1', '6:12 bool-at-top'],
    ['1 < bool 2', '6:12 bool-at-top'],
    ['up > 1', '6:12 threshold-out-of-reach'],
    ['1 < up', '6:12 threshold-out-of-reach'],
    ['count(up == 0) == 0', '6:12 threshold-out-of-reach'],
    ['rate(x_total[5m]) < -1', '6:12 threshold-out-of-reach'],
    ['avg(gpu_memory_usage_ratio) > 90', '6:12 threshold-out-of-reach'],
    ['rate(x_total[5m]) >= 0', '6:12 threshold-always-met'],
    ['absent(up) > 0', '6:12 threshold-always-met'],
    ['max by (gpu) (DCGM_FI_DEV_GPU_UTIL) > 0.9', '6:12 percent-as-ratio'],
  ])('is found in %s', (expr, expected) => {
    expect(lintsOf(alert(expr))).toEqual([expected])
    seen.add(expected.split(' ')[1]!)
  })

  it.each([
    ['for: 30s', '7:10 for-below-interval'],
    ['for: 5m\n    no_data: fire', '8:14 own-field'],
    ['annotations: { a: "{{ $labels.pod }}" }', '5:12 missing-for', '7:23 dropped-label'],
    ['for: 5m\n    annotations: { a: \'{{ index .Labels "pod" }}\' }', '8:23 dropped-label'],
    // The labels that the rule adds are not those of the sample.
    ['for: 5m\n    labels: { severity: "x{{ .Labels.severity }}" }', '8:25 dropped-label'],
    ['for: 5m\n    labels: { v: "{{ $value | humanize }}" }', '8:18 value-in-label'],
  ])('is found in the fields %s', (more, ...expected) => {
    expect(lintsOf(alert('sum by (host) (x) > 1', more))).toEqual(expected)
    for (const one of expected) seen.add(one.split(' ')[1]!)
  })

  it('is found where a rule stands twice in one file', () => {
    const rule = '  - { record: r, expr: "1", labels: { a: b } }\n'
    const other = '  - { record: r, expr: "1", labels: { a: c } }\n'
    const text = `groups:\n- name: g\n  rules:\n${rule}${other}- name: h\n  rules:\n${rule}`
    expect(lintsOf(text)).toEqual(['8:15 duplicate-rules'])
    seen.add('duplicate-rules')
  })

  it.each([
    'rate(http_requests_total[5m]) > 1',
    'rate(inference_requests_total[5m]) > 1',
    'rate(job:requests:sum[5m]) > 1',
    'avg_over_time(gpu_utilization[5m]) > 0.9',
    'deriv(node_memory_free_bytes[5m]) < 0',
    'histogram_quantile(0.9, sum by (job, le) (rate(x_bucket[5m]))) > 1',
    'histogram_quantile(0.9, sum without (pod) (rate(x_bucket[5m]))) > 1',
    // A native histogram has no le.
    'histogram_quantile(0.9, sum by (job) (rate(x_total[5m]))) > 1',
    'max(rpc_seconds{quantile="0.99"}) > 1',
    'DCGM_FI_DEV_GPU_UTIL > 90',
    'inference_memory_reserved_active_ratio > 1.5',
    'up == 0',
    'absent(up)',
    'up unless on (host) maintenance',
    'vector(1)',
    'ALERTS{alertname="X"}',
    'count(up == 0) > 1',
  ])('is not found in %s', (expr) => {
    expect(lintsOf(alert(expr))).toEqual([])
    expect(lintsOf(alert('increase(x_total[5m]) > 0', 'labels: {}'))).toEqual([])
  })

  it('of every name is among these', () => {
    expect(lintNames.filter((name) => !seen.has(name))).toEqual([])
  })
})

describe('the labels that an expression can have', () => {
  it.each([
    ['a', 'x:yes'],
    ['sum(a)', 'x:no'],
    ['sum by (x) (a)', 'x:yes y:no'],
    ['sum by (x) (sum by (y) (a))', 'x:no y:no'],
    ['sum without (x) (a)', 'x:no y:yes'],
    ['topk(3, a)', 'x:yes'],
    ['count_values("x", sum(a))', 'x:yes y:no'],
    ['label_replace(sum(a), "x", "$1", "y", "(.*)")', 'x:yes y:no'],
    ['a + on (x) b', 'x:yes y:no'],
    ['a > ignoring (x) b', 'x:no y:yes'],
    ['a * on (x) group_left (y) sum by (x, y) (b)', 'x:yes y:yes z:yes'],
    ['sum by (x) (a) * on (x) group_right (y) b', 'x:yes z:yes'],
    ['sum by (x) (a) and b', 'x:yes y:no'],
    ['sum by (x) (a) or sum by (y) (b)', 'x:yes y:yes z:no'],
    ['sum by (x) (a) or b', 'z:yes'],
    ['sum without (x) (a) or sum without (x, y) (b)', 'x:no y:yes'],
    ['sum by (x) (a) > 1', 'x:yes y:no'],
    ['1 < sum by (x) (a)', 'x:yes y:no'],
    ['absent(a{x="1", y=~"2"})', 'x:yes y:no'],
    ['absent_over_time(a{x="1"}[5m])', 'x:yes y:no'],
    ['vector(1)', 'x:no'],
    ['scalar(a)', 'x:no'],
    ['hour()', 'x:no'],
    ['-(sum by (x) (a))', 'x:yes y:no'],
    ['max_over_time(sum by (x) (a)[5m:])', 'x:yes y:no'],
    ['histogram_quantile(0.9, a)', 'le:no x:yes'],
  ])('of %s are %s', (expr, expected) => {
    const out = labelsOut(parseQuery(expr))
    const said = expected.split(' ').map((one) => one.split(':')[0]!)
    expect(said.map((name) => `${name}:${mayHave(out, name) ? 'yes' : 'no'}`).join(' ')).toBe(expected)
  })
})
