// Unit tests of rules: the verdicts are promtool's, and every failure says why.

import { describe, expect, it } from 'vitest'
import { sameOrNext } from '../../../core/rules/unit-test/check-query.ts'
import type { FileOutcome } from '../../../core/rules/unit-test/outcome.ts'
import { runUnitTests } from '../../../core/rules/unit-test/run-test.ts'
import { readUnitTests } from '../../../core/rules/unit-test/test-file.ts'

const rules = `
groups:
  - name: a
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - alert: Down
        expr: up == 0
        for: 2m
        labels: { severity: page }
        annotations: { summary: "{{ $labels.host }} of {{ $externalLabels.region }} ({{ $externalURL }})" }
  - name: b
    rules:
      - record: first
        expr: job:up:sum * 2
`
const run = (text: string, only: RegExp | null = null, file = rules): FileOutcome =>
  runUnitTests('t.yml', text, { ruleFiles: (name) => (name === 'r.yml' ? [{ file: name, text: file }] : []), only })
const why = (outcome: FileOutcome): string =>
  outcome.failures.flatMap((one) => [one.subject, ...one.why.map(({ en }) => en)]).join('\n')

/** One test over hosts a (up for two minutes, then down) and b (up). */
const story = (checks: string, more = ''): string => `rule_files: [r.yml]
tests:
  - name: story
    interval: 1m
    external_labels: { region: r1 }
    external_url: http://here
    input_series:
      - { series: 'up{job="j", host="a"}', values: '1x2 0x10' }
      - { series: 'up{job="j", host="b"}', values: 1x12 }
${more}${checks}`
const query = (expr: string, at: string, samples: string): string =>
  story(`    promql_expr_test: [{ expr: '${expr}', eval_time: ${at}, exp_samples: [${samples}] }]\n`)
const alert = (at: string, alerts: string, name = 'Down'): string =>
  story(`    alert_rule_test: [{ eval_time: ${at}, alertname: ${name}, exp_alerts: [${alerts}] }]\n`)
const down = `{ exp_labels: { severity: page, job: j, host: a }, exp_annotations: { summary: 'a of r1 (http://here)' } }`

describe('a unit test of rules', () => {
  it.each([
    ['a value', query('up{host="a"}', '2m', `{ labels: 'up{host="a", job="j"}', value: 1 }`)],
    ['what a rule recorded', query('job:up:sum', '3m', `{ labels: 'job:up:sum{job="j"}', value: 1 }`)],
    ['what a later group made of it', query('first', '3m', `{ labels: 'first{job="j"}', value: 2 }`)],
    ['a scalar', query('1 + 1', '3m', '{ value: 2 }')],
    ['nothing', query('up > 1', '3m', '')],
    ['an alert that waits', alert('4m', '')],
    ['an alert that fires', alert('5m', down)],
    ['an alert between two evaluations', alert('5m59s', down)],
    ['an alert that nobody has', alert('5m', '', 'Nothing')],
  ])('passes with %s', (_what, text) => {
    const outcome = run(text)
    expect(why(outcome)).toBe('')
    expect(outcome).toMatchObject({ tests: 1, passed: 1, failures: [], skipped: [], warnings: [] })
  })

  it.each([
    [
      'another value',
      query('job:up:sum', '3m', `{ labels: 'job:up:sum{job="j"}', value: 2 }`),
      /has another value\naround that time: job:up:sum\{job="j"\}: 0s 2 \| 1m 2 \| 2m 2 \| 3m 1$/,
    ],
    [
      'another label',
      query('job:up:sum', '3m', `{ labels: 'job:up:sum{job="k"}', value: 1 }`),
      /nearest to job:up:sum\{job="k"\}: job:up:sum\{job="j"\} \(job is "j", not "k"\)/,
    ],
    [
      'a series too many',
      query('up', '3m', `{ labels: 'up{job="j", host="a"}', value: 0 }`),
      /not expected: up\{host="b", job="j"\}/,
    ],
    ['a metric that is not there', query('upp', '3m', '{ value: 1 }'), /upp: there is no such metric/],
    [
      'a label that is not there',
      query('up{host="c"}', '3m', '{ value: 1 }'),
      /no series has host="c"; there host is "a", "b"/,
    ],
    [
      'labels that do not meet',
      query('up{host="a", job="k"}', '3m', '{ value: 1 }'),
      /no series has job="k"; there job is "j"/,
    ],
    [
      'a time too late',
      query('up', '30m', '{ value: 1 }'),
      /up: series exist, but without a sample between 5m and 0s before that time/,
    ],
    ['a number that is none', query('0 / 0', '3m', '{ value: .nan }'), /NaN is equal to nothing/],
    [
      'the last digit',
      query('0.1 + 0.2', '3m', '{ value: 0.3 }'),
      /differs in the last digit only; `fuzzy_compare: true`/,
    ],
    ['a query that is none', query('sum(', '3m', ''), /sum\(: 1:5: parse error/],
    ['a range for a vector', query('up[5m]', '3m', ''), /not a vector or scalar/],
    ['labels that are none', query('up', '3m', `{ labels: '{', value: 1 }`), /labels "\{": /],
    [
      'an alert that still waits',
      alert('4m', down),
      /is pending since 3m: it held for 1m, `for` asks 2m\naround that time: up\{host="a", job="j"\}: 1m 1 \| 2m 1 \| 3m 0 \| 4m 0/,
    ],
    [
      'other annotations',
      alert('5m', `{ exp_labels: { severity: page, job: j, host: a }, exp_annotations: { summary: x } }`),
      /annotations of .*: summary is "a of r1 \(http:\/\/here\)", not "x"/,
    ],
    [
      'no annotations',
      alert('5m', '{ exp_labels: { severity: page, job: j, host: a } }'),
      /summary="a of r1 .*" is not expected/,
    ],
    [
      'another alert',
      alert('5m', '{ exp_labels: { severity: none, job: j, host: a } }'),
      /severity is "page", not "none"/,
    ],
    ['the same alert twice', alert('5m', `${down}, ${down}`), /^Down/],
    ['an alert of no rule', alert('5m', '{}', 'Up'), /no rule makes an alert of the name Up/],
  ])('fails with %s, and says why', (_what, text, words) => {
    const outcome = run(text)
    expect(outcome).toMatchObject({ passed: 0, failures: [{ file: 't.yml', test: 'story' }] })
    expect(why(outcome)).toMatch(words)
    for (const one of outcome.failures[0]!.why) expect(one.zh).not.toBe('')
  })

  it.each([
    ['an unknown field', 'test: []', /^field test not found in unit test file$/],
    ['an unknown field of a test', 'tests: [{ input: [] }]', /^field input not found in test$/],
    ['a group that is ordered twice', 'group_eval_order: [a, a]', /^group name repeated in evaluation order: a$/],
    ['a moment that is none', 'tests: [{ start_timestamp: soon }]', /^start_timestamp: neither/],
    ['a duration that is none', 'tests: [{ interval: 5 }]', /^interval: not a valid duration/],
    ['a series that is none', story('').replace("'1x2 0x10'", 'one'), /^series "up\{job.*bad value in series: one/],
    ['an alert without a name', 'tests: [{ alert_rule_test: [{ eval_time: 1m }] }]', /has no alertname/],
  ])('is refused with %s', (_what, text, words) => {
    expect(why(run(text))).toMatch(words)
  })

  it('fails in every test where a rule file is none, and not at all where there is no test', () => {
    const bad = 'groups: [{ name: g, rules: [{ record: a, expr: "1 +" }] }]'
    expect(run('{ rule_files: [r.yml], tests: [{}, { name: two }] }', null, bad).failures).toMatchObject([
      { file: 'r.yml', test: 'unnamed#0', kind: 'load' },
      { file: 'r.yml', test: 'two', kind: 'load' },
    ])
    expect(run('rule_files: [r.yml]', null, bad).failures).toEqual([])
  })

  it('ends where a rule fails', () => {
    const many = 'groups: [{ name: g, rules: [{ record: a, expr: up + on (job) up }] }]'
    const outcome = run(query('up', '3m', ''), null, many)
    expect(outcome.failures).toMatchObject([
      { kind: 'rule', subject: expect.stringMatching(/^rule a: found duplicate/) },
    ])
  })

  it('warns of a pattern that no file matches', () => {
    expect(run('rule_files: [other.yml]').warnings).toEqual(['no file matches other.yml'])
  })

  it('runs only the tests that were asked for', () => {
    const text = '{ rule_files: [r.yml], tests: [{ name: one }, { name: two }, {}] }'
    expect([run(text, /t/).tests, run(text, /^$/).tests, run(text).tests]).toEqual([1, 1, 3])
  })

  it('runs groups in the order that is asked for', () => {
    const at = query('first', '0s', `{ labels: 'first{job="j"}', value: 4 }`)
    expect(run(at).failures).toEqual([])
    // `first` is worked out before what it reads is there.
    expect(run(`group_eval_order: [b, a]\n${at}`).failures).toHaveLength(1)
  })

  it('skips, by name, what reads native histograms', () => {
    const text = `tests:
  - input_series: [{ series: h, values: '{{sum:1 count:1}}x3' }, { series: f, values: 1x3 }]
    promql_expr_test:
      - { expr: h, exp_samples: [{ labels: h, histogram: '{{sum:1 count:1}}' }] }
      - { expr: histogram_sum(h), exp_samples: [{ value: 1 }] }
      - { expr: f, exp_samples: [{ labels: f, value: 1 }] }
`
    expect(run(text)).toMatchObject({
      passed: 1,
      failures: [],
      skipped: [{ subject: 'h' }, { subject: 'histogram_sum(h)' }],
    })
  })

  it('reads moments as seconds and as dates', () => {
    const at = (moment: string) => readUnitTests('t', `tests: [{ start_timestamp: ${moment} }]`).tests[0]!.startMs
    expect([at('1.5'), at('"2024-01-01T00:00:00Z"'), at('2024-01-01T00:00:00.5+01:00')]).toEqual([
      1500, 1_704_067_200_000, 1_704_063_600_500,
    ])
  })
})

describe('fuzzy comparison', () => {
  it.each([
    [1, 1, true],
    [3, 2.9999999999999996, true],
    [3, 3.0000000000000004, true],
    [3, 2.9999999999999987, false],
    [0, 5e-324, true],
    [-5e-324, 0, true],
    [-5e-324, 5e-324, false],
    [-1, -1.0000000000000002, true],
    [0, -0, true],
    [Number.POSITIVE_INFINITY, Number.MAX_VALUE, true],
    [Number.NaN, Number.NaN, false],
  ])('of %d and %d is %s', (a, b, same) => {
    expect([sameOrNext(a, b), sameOrNext(b, a)]).toEqual([same, same])
  })
})
