// The alert generator's compliance rules on a virtual clock: their series as the suite scripts them, the states that the rules must be in at each moment,
// `ALERTS` beside them, and what is posted when. Rules come from upstream's file; skipped by name where it is absent.

import { existsSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseExpression } from '../../core/promql/expression.ts'
import { instantQuery } from '../../core/promql/query.ts'
import { parseValues } from '../../core/promql/series-notation.ts'
import { type GroupEvaluator, openRuleGroup } from '../../core/rules/group.ts'
import { toRecord } from '../../core/rules/labels.ts'
import { resultSamples } from '../../core/rules/query-result.ts'
import { openResend, type Post } from '../../core/rules/resend.ts'
import { readRuleFile } from '../../core/rules/rule-file.ts'
import { openHead } from '../../core/series/head.ts'

const file = path.resolve(import.meta.dirname, '../../../shared/conformance/compliance/alert-generator-rules.yaml')
const second = 1000
const step = 15 * second
const interval = 30 * second
const start = Date.UTC(2026, 0, 1)

type Scripted = { readonly labels: Readonly<Record<string, string>>; readonly values: string }
type Told = { readonly at: number; readonly rule: string; readonly states: string }
type Sent = Post & { readonly at: number; readonly rule: string }

/** The group over its series; evaluated every 30 s, `shift` after the samples. Missing data ends alerts here, as the suite wants it. */
function play(name: string, series: readonly Scripted[], minutes: number, shift: number) {
  const text = readFileSync(file, 'utf8').replaceAll('interval: 30s', 'interval: 30s\n      no_data: resolve')
  const { groups, faults } = readRuleFile(file, text, parseExpression)
  expect(faults).toEqual([])
  const evaluator: GroupEvaluator = openRuleGroup(groups.find((group) => group.name === name)!)
  const head = openHead({ maxSeries: 100, retentionMs: Number.POSITIVE_INFINITY })
  const rows = series.map(({ labels, values }) => ({
    ref: head.series(
      Object.entries({ __name__: 'alert_generator_test_suite', rulegroup: name, ...labels }).sort(([a], [b]) =>
        a < b ? -1 : 1,
      ),
    ) as number,
    samples: parseValues(values),
  }))
  const cell = { times: new Float64Array(1), values: new Float64Array(1), stale: new Uint8Array(1) }
  const query = (expr: string, time: number) => resultSamples(instantQuery(head, expr, time))
  const resends = evaluator.group.rules.map(() => openResend())
  const told: Told[] = []
  const sent: Sent[] = []
  let put = 0
  for (let at = shift; at <= minutes * 60 * second; at += interval) {
    for (; put * step <= at; put++) {
      for (const { ref, samples } of rows) {
        const sample = samples[put]
        if (sample !== undefined) head.append(ref, start + put * step, sample.value, false)
      }
    }
    const { transitions, failures } = evaluator.evaluate(start + at, {
      query,
      has: (matchers, from, to) =>
        [...head.select(matchers)].some((ref) => head.latest(ref, from, to, cell) === 1 && cell.stale[0] === 0),
      write: (labels, time, value, stale) => {
        const ref = head.series(labels)
        return typeof ref === 'string' ? ref : head.append(ref, time, value, stale)
      },
      externalLabels: {},
    })
    expect(failures).toBe(0)
    evaluator.states.forEach(({ rule, active }, index) => {
      const alerts = [...active.values()]
      const states = alerts.map((one) => `${one.labels.variant ?? ''}${one.state}`).sort()
      told.push({ at, rule: rule.name, states: states.join(' ') })
      const shown = query(`ALERTS{alertname="${rule.name}"}`, start + at).map(({ labels }) => toRecord(labels))
      expect(shown.map((one) => `${one.variant ?? ''}${one.alertstate}`).sort()).toEqual(states)
      const changes = transitions.filter((one) => one.rule === rule.name)
      for (const post of resends[index]!.due(start + at, interval, active, changes)) {
        sent.push({ ...post, at, rule: rule.name })
      }
    })
  }
  return { told, sent, evaluator }
}

/** States of a rule over time, each with its first moment in seconds: `120 pending`. */
function changes(told: readonly Told[], rule: string): readonly string[] {
  const found: string[] = []
  let last = ''
  for (const one of told.filter((row) => row.rule === rule)) {
    if (one.states !== last) found.push(`${one.at / second} ${one.states || '-'}`)
    last = one.states
  }
  return found
}

/** The moments at which the evaluation first can see what holds from sample `n` on. */
const seen = (sample: number, shift: number): number =>
  (Math.ceil((sample * step - shift) / interval) * interval + shift) / second

describe.skipIf(!existsSync(file)).each([0, 7 * second, 22 * second])(
  'the alert generator, evaluated %d ms after its samples',
  (shift) => {
    const metric = (alertname: string) => ({ alertname })

    it('goes from pending to firing to resolved, and again, and ends when there is no more data', () => {
      const rule = 'PendingAndFiringAndResolved_SimpleAlert'
      const values = '3 5x2 9x3 11x12 15x11 15x19 19x15 9x19 15x24 15x19'
      const { told, sent } = play('PendingAndFiringAndResolved', [{ labels: metric(rule), values }], 50, shift)
      const count = parseValues(values).map((one) => one!.value)
      const [on, off, again] = [count.indexOf(11), count.indexOf(9, 20), count.indexOf(15, count.indexOf(9, 20))]
      const pending = seen(on, shift)
      const resolved = seen(off, shift)
      const pendingAgain = seen(again, shift)
      // The last sample is looked back to for 5 minutes, left-open.
      const gone =
        (Math.ceil(((count.length - 1) * step + 300 * second - shift) / interval) * interval + shift) / second
      expect(changes(told, rule)).toEqual([
        `${pending} pending`,
        `${pending + 360} firing`,
        `${resolved} -`,
        `${pendingAgain} pending`,
        `${pendingAgain + 360} firing`,
        `${gone} -`,
      ])
      const first = sent.filter((post) => post.at / second >= pending && post.at / second < resolved)
      // At once, then at the first evaluation more than a minute later.
      expect(first.map((post) => post.at / second - pending - 360)).toEqual(first.map((_, index) => index * 90))
      for (const post of first) {
        expect(post.startsAt).toBe(start + (pending + 360) * second)
        expect(post.endsAt).toBe(start + post.at + 240 * second)
      }
      // Resolved: at once, and again until it fires once more, always with the same end.
      const ends = sent.filter((post) => post.at / second >= resolved && post.at / second < pendingAgain + 360)
      expect(ends.length).toBeGreaterThan(3)
      expect(ends[0]!.at / second).toBe(resolved)
      expect(new Set(ends.map((post) => post.endsAt))).toEqual(new Set([start + resolved * second]))
    })

    it('posts nothing of an alert that was pending only, and nothing of one that never was', () => {
      const name = 'PendingAndResolved_AlwaysInactive'
      const values = '3 5x2 9x3 11x10 9'
      const series = ['PendingAlert', 'InactiveAlert'].map((rule) => ({ labels: metric(`${name}_${rule}`), values }))
      const { told, sent } = play(name, series, 20, shift)
      const samples = parseValues(values).map((one) => one!.value)
      expect(changes(told, `${name}_PendingAlert`)).toEqual([
        `${seen(samples.indexOf(11), shift)} pending`,
        `${seen(samples.length - 1, shift)} -`,
      ])
      expect(changes(told, `${name}_InactiveAlert`)).toEqual([])
      expect(sent).toEqual([])
    })

    it('fires at once without `for`, at the second evaluation with a small one, and forgets a resolved alert after 15 minutes', () => {
      const name = 'ZeroFor_SmallFor'
      const values = '3 5x2 9x3 15x12 9x71 11x12 9'
      const template = [1, 2, 3].map((id) => ({
        labels: { for: 'template', id: `${100 + id}`, __value__: `val${id}` },
        values: `${id}x27 ${2 * id}x200`,
      }))
      const series = ['ZeroFor', 'SmallFor'].map((rule) => ({ labels: metric(`${name}_${rule}`), values }))
      const { told, sent } = play(name, [...series, ...template], 36, shift)
      const samples = parseValues(values).map((one) => one!.value)
      const [on, off] = [samples.indexOf(15), samples.lastIndexOf(15) + 1]
      const again = samples.indexOf(11)
      const [fired, resolved, firedAgain] = [seen(on, shift), seen(off, shift), seen(again, shift)]
      expect(changes(told, `${name}_ZeroFor`)).toEqual([
        `${fired} firing`,
        `${resolved} -`,
        `${firedAgain} firing`,
        `${seen(samples.length - 1, shift)} -`,
      ])
      expect(changes(told, `${name}_SmallFor`)).toEqual([`${fired} pending`, `${fired + 30} firing`, `${resolved} -`])
      const ends = sent.filter((one) => one.rule === `${name}_ZeroFor` && one.endsAt === start + resolved * second)
      expect(ends[0]!.at / second).toBe(resolved)
      expect(ends.at(-1)!.at / second).toBeLessThanOrEqual(resolved + 900)
      expect(ends.at(-1)!.at / second).toBeGreaterThan(resolved + 900 - 120)
      const zero = sent.filter((one) => one.rule === `${name}_ZeroFor`)
      expect(zero[0]).toMatchObject({
        at: fired * second,
        labels: { alertname: `${name}_ZeroFor`, foo: 'bar', rulegroup: name },
        annotations: {
          description: 'This should immediately fire',
          template_test: '1.049M 1Mi 2m 15s 95.9% 2022-01-25 12:36:43 +0000 UTC',
          template_query_test: 'Args are: foo bar 99. first_id:101,101:1,102:2,103:3,',
        },
      })
      // Annotations are those of the moment.
      expect(zero.find((one) => one.at === firedAgain * second)!.annotations.template_query_test).toBe(
        'Args are: foo bar 99. first_id:101,101:2,102:4,103:6,',
      )
      expect(sent.find((one) => one.rule === `${name}_SmallFor`)).toMatchObject({
        at: (fired + 30) * second,
        annotations: {
          template_test: 'This Part IS TESTING the strings. ::1 127.0.0.1. 7815. replaced text. .',
        },
      })
    })

    it('sees the alerts of the rule before it in the same evaluation, and keeps to the labels of the sample in texts', () => {
      const name = 'NewAlerts_OrderCheck'
      const one = '1x7 11x64 9x20'
      const two = '1x31 11x32 9x20'
      const labels = metric(`${name}_Rule1`)
      const series = [
        { labels: { ...labels, variant: 'one' }, values: one },
        { labels: { ...labels, variant: 'two' }, values: two },
      ]
      const { told, sent } = play(name, series, 30, shift)
      const first = parseValues(one).map((sample) => sample!.value)
      const second_ = parseValues(two).map((sample) => sample!.value)
      const [a, b] = [seen(first.indexOf(11), shift), seen(second_.indexOf(11), shift)]
      const [endA, endB] = [seen(first.indexOf(9), shift), seen(second_.indexOf(9), shift)]
      expect(changes(told, `${name}_Rule1`)).toEqual([
        `${a} onepending`,
        `${a + 180} onefiring`,
        `${b} onefiring twopending`,
        `${b + 180} onefiring twofiring`,
        ...(endA === endB
          ? [`${endA} -`]
          : endA < endB
            ? [`${endA} twofiring`, `${endB} -`]
            : [`${endB} onefiring`, `${endA} -`]),
      ])
      expect(changes(told, `${name}_Rule2`)).toEqual([`${b + 180} firing`, `${Math.min(endA, endB)} -`])
      expect(sent.find((post) => post.rule === `${name}_Rule2`)).toMatchObject({
        at: (b + 180) * second,
        labels: { alertname: `${name}_Rule2`, foo: 'baz', ba_dum: 'tss', rulegroup: name },
        annotations: { description: `Based on ALERTS. Old alertname was ${name}_Rule1. foo was bar.` },
      })
    })
  },
)
