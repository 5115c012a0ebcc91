// A backtest says what the groups would have said, had they run over the same samples: compared with groups that do run, over random histories.

import { describe, expect, it } from 'vitest'
import { executionError } from '../../../core/promql/errors.ts'
import { instantQuery, rangeQuery } from '../../../core/promql/query.ts'
import { type BacktestOptions, runBacktest } from '../../../core/rules/backtest/backtest.ts'
import type { BacktestSource } from '../../../core/rules/backtest/source.ts'
import { gridTime } from '../../../core/rules/grid.ts'
import { openRuleGroup } from '../../../core/rules/group.ts'
import { resultSamples } from '../../../core/rules/query-result.ts'
import { type Head, openHead } from '../../../core/series/head.ts'
import { random as seeded } from '../../helpers/random.ts'
import { groupsOf } from './story.ts'

const second = 1000
const hour = 3600 * second
const start = Date.UTC(2026, 0, 1)

const sourceOf = (head: Head): BacktestSource => ({
  range: async (expr, from, end, stepMs) => {
    const result = rangeQuery(head, expr, { start: from, end, stepMs })
    return result.type === 'matrix' ? result.series : []
  },
  raw: async (selector, from, to) => {
    const result = instantQuery(head, `${selector}[${to - from}ms]`, to)
    return result.type === 'matrix' ? result.series : []
  },
})
const backtest = (head: Head, text: string, more: Partial<BacktestOptions> = {}) =>
  runBacktest({
    groups: groupsOf(text),
    from: start,
    to: start + 2 * hour,
    defaultIntervalMs: 15 * second,
    externalLabels: { region: 'r' },
    source: sourceOf(head),
    ...more,
  })

/** Hosts whose heat goes up and down; each says something every 15 s, or for a while nothing. */
function history(seed: number): Head {
  const { uniform: random } = seeded(seed)
  const head = openHead({ maxSeries: 100, retentionMs: Number.POSITIVE_INFINITY })
  for (let host = 0; host < 4; host++) {
    const labels = (name: string) => [['__name__', name] as const, ['host', `h${host}`] as const]
    const [heat, count] = [head.series(labels('heat')) as number, head.series(labels('errors_total')) as number]
    let [value, total, gapTo] = [50, 0, 0]
    for (let at = start - hour; at <= start + 3 * hour; at += 15 * second) {
      value = Math.max(0, Math.min(100, value + (random() - 0.5) * 30))
      total = random() < 0.01 ? 0 : total + Math.floor(random() * 3)
      if (random() < 0.01) gapTo = at + random() * 20 * 60 * second
      if (at < gapTo) continue
      head.append(heat, at, value, false)
      head.append(count, at, total, false)
    }
  }
  return head
}

const rules = `
groups:
  - name: g
    interval: 15s
    labels: { team: t }
    rules:
      - alert: Hot
        expr: heat > 60
        for: 1m
        keep_firing_for: 1m
        annotations: { text: '{{ $labels.host }} of {{ $externalLabels.region }} at {{ $value | humanize }}' }
      - alert: Errors
        expr: sum by (host) (rate(errors_total[5m])) > 0.08
      - record: heat:max
        expr: max(heat)
      - alert: NoHeat
        expr: absent(heat{host="h1"})
        for: 30s
  - name: late
    interval: 20s
    query_offset: 1m
    rules:
      - alert: Old
        expr: heat offset 5m > 80
`
const chained = `
groups:
  - name: chain
    interval: 30s
    rules:
      - record: heat:avg
        expr: avg(heat)
      - alert: Warm
        expr: heat:avg > 50
        for: 1m
      - alert: StillWarm
        expr: heat:avg > 55 or (heat:avg > 45 and on () max by () (ALERTS{alertname="StillWarm", alertstate="firing"}) == 1)
      - alert: Many
        expr: count(ALERTS{alertname=~"Warm|StillWarm"}) > 1
      - alert: Rising
        expr: max_over_time(heat:avg[10m]) - heat:avg > 5
`

/** The same groups as they run beside a store: what fired, when, and until when. */
function live(head: Head, text: string): readonly string[] {
  const groups = groupsOf(text)
  const own = openHead({ maxSeries: 1000, retentionMs: Number.POSITIVE_INFINITY })
  for (const ref of head.select([{ name: '__name__', op: '=~', value: 'heat|errors_total' }])) {
    const cells = { times: new Float64Array(2000), values: new Float64Array(2000), stale: new Uint8Array(2000) }
    const count = head.window(ref, 0, start + 3 * hour, cells)
    const copy = own.series(head.labels(ref)) as number
    for (let i = 0; i < count; i++) own.append(copy, cells.times[i]!, cells.values[i]!, false)
  }
  const cell = { times: new Float64Array(1), values: new Float64Array(1), stale: new Uint8Array(1) }
  const lanes = groups.map((group) => ({ evaluator: openRuleGroup(group), intervalMs: group.intervalMs! }))
  const told: string[] = []
  const times = lanes.flatMap(({ evaluator, intervalMs }, index) => {
    const first = gridTime(start - 1, evaluator.group, intervalMs) + intervalMs
    const count = Math.floor((start + 2 * hour - first) / intervalMs) + 1
    return Array.from({ length: count }, (_, i) => ({ at: first + i * intervalMs, index, evaluator }))
  })
  times.sort((a, b) => a.at - b.at || a.index - b.index)
  for (const { at, evaluator } of times) {
    const { transitions } = evaluator.evaluate(at, {
      query: (expr, time) => resultSamples(instantQuery(own, expr, time)),
      has: (matchers, from, to) =>
        [...own.select(matchers)].some((ref) => own.latest(ref, from, to, cell) === 1 && cell.stale[0] === 0),
      write: (labels, time, value, stale) => {
        const ref = own.series(labels)
        return typeof ref === 'string' ? ref : own.append(ref, time, value, stale)
      },
      externalLabels: { region: 'r' },
    })
    for (const { state, rule, labels, annotations } of transitions) {
      if (state === 'firing') told.push(`${at} ${rule} ${JSON.stringify([labels, annotations])}`)
      if (state === 'resolved') told.push(`${at} ${rule} ${JSON.stringify(labels)} ends`)
    }
  }
  return told.sort()
}

describe('a backtest', () => {
  it.each(
    [1, 2, 3, 4, 5].flatMap((seed) => [
      { seed, what: 'rules', text: rules },
      { seed, what: 'rules that read each other', text: chained },
    ]),
  )('says of $what what they say when they run (seed $seed)', async ({ seed, text }) => {
    const head = history(seed)
    const { episodes, rules: rows, unlisted } = await backtest(head, text)
    const told = episodes.flatMap(({ rule, labels, annotations, firedAt, endedAt }) => [
      `${firedAt} ${rule} ${JSON.stringify([labels, annotations])}`,
      ...(endedAt === null ? [] : [`${endedAt} ${rule} ${JSON.stringify(labels)} ends`]),
    ])
    expect(told.sort()).toEqual(live(head, text))
    expect(told.length).toBeGreaterThan(5)
    expect(unlisted).toBe(0)
    const firing = new Map<string, number>()
    for (const { rule, firedAt, endedAt } of episodes)
      firing.set(rule, (firing.get(rule) ?? 0) + (endedAt ?? start + 2 * hour) - firedAt)
    for (const row of rows) {
      expect([row.rule, row.failures]).toEqual([row.rule, 0])
      expect(row.firingMs).toBe(firing.get(row.rule) ?? 0)
      expect(row.fired).toBe(episodes.filter(({ rule }) => rule === row.rule).length)
    }
  })

  it('says when a rule was blind, and how many series a rule records', async () => {
    const text = `groups: [{ name: g, interval: 1m, rules: [
      { alert: Nothing, expr: nothing > 1 }, { record: r, expr: heat }, { alert: Cold, expr: heat < -1 } ] }]`
    const { rules: rows, episodes } = await backtest(history(1), text, { to: start + 99 * 60 * second })
    expect(episodes).toEqual([])
    expect(rows).toMatchObject([
      { rule: 'Nothing', evaluations: 99, blind: 99, failures: 0 },
      { rule: 'r', kind: 'recording', evaluations: 99, series: 4 },
      { rule: 'Cold', evaluations: 99, blind: 0, pendingOnly: 0 },
    ])
  })

  it('counts the moments at which a rule fails, and no others', async () => {
    const head = history(1)
    const source = sourceOf(head)
    const bad = [start + 7 * 60 * second, start + 60 * 60 * second]
    const { rules: rows } = await backtest(
      head,
      'groups: [{ name: g, interval: 5s, rules: [{ alert: A, expr: heat > 90 }] }]',
      {
        source: {
          ...source,
          range: (expr, from, end, stepMs) => {
            if (expr === 'heat > 90' && bad.some((at) => at >= from && at <= end)) throw executionError('here it fails')
            return source.range(expr, from, end, stepMs)
          },
        },
      },
    )
    expect(rows).toMatchObject([{ evaluations: 1441, failures: 2, lastError: 'here it fails' }])
  })

  it('tells how far it is, and ends when it is told to', async () => {
    const parts: number[] = []
    await backtest(history(1), rules, { progress: (part) => parts.push(part) })
    expect(parts).toEqual([...parts].sort((a, b) => a - b))
    expect(parts.at(-1)).toBe(1)
    await expect(backtest(history(1), rules, { aborted: () => true })).rejects.toThrow(/given up/)
  })

  it.each([
    ['too long', rules, 3650 * 24 * hour, /evaluations, and at most 5000000/],
    ['of rules that read each other', chained, 3650 * 24 * hour, /of rules that read other rules, and at most 2500000/],
  ])('that is %s is refused before it begins', async (_what, text, spanMs, words) => {
    await expect(backtest(history(1), text, { to: start + spanMs })).rejects.toThrow(words)
  })
})
