// Objectives: what may be written, which rules come of it, and stories of bad requests told by those rules. Every moment is an argument.

import { describe, expect, it } from 'vitest'
import { openRuleGroup } from '../../../core/rules/group.ts'
import { type Slo, slos } from '../../../server/slo/config.ts'
import { type SloReport, sloReport } from '../../../server/slo/report.ts'
import { sloRules } from '../../../server/slo/rules.ts'
import { burns } from '../../../server/slo/windows.ts'
import { at, groupsOf, openStore, type Store } from '../../core/rules/story.ts'

const total = 'inference_requests_total'
const written = { name: 'answers', target: 99, good: `${total}{outcome="ok"}`, total, by: ['model'] }
const objective = (more: object = {}): Slo => slos.parse([{ ...written, ...more }])[0]!
const minute = 60_000

describe('an objective', () => {
  it.each([
    ['100 %', { target: 100 }, 'leaves no budget'],
    ['a ratio', { target: 0.999 }, 'write 99.9, not 0.999'],
    ['0 %', { target: 0 }, 'more than 0'],
    ['an expression', { good: 'rate(x[5m])' }, 'not a selector of counters'],
    ['an offset', { total: 'x offset 5m' }, 'not a selector of counters'],
    ['broken braces', { good: 'x{' }, 'not a selector of counters'],
    ['an hour', { window: '1h' }, 'must be 1d to 90d'],
    ['a crooked window', { window: '1d1m' }, 'multiple of 5m'],
    ['its own labels', { by: ['window'] }, 'cannot be used here'],
    ['a label twice', { by: ['a', 'a'] }, 'named twice'],
    ['a name that needs quoting', { name: 'a"b' }, 'lower-case letters'],
    ['an unknown key', { goal: 1 }, 'goal'],
  ])('is refused with %s', (_what, more, words) => {
    const { success, error } = slos.safeParse([{ ...written, ...more }])
    expect(success).toBe(false)
    expect(JSON.stringify(error!.issues)).toContain(words)
  })

  it('is refused under the name of another', () => {
    expect(JSON.stringify(slos.safeParse([written, written]).error!.issues)).toContain('used twice')
  })

  it.each([
    ['30d', [60, 5, 360, 30, 1440, 120, 4320, 360]],
    ['7d', [14, 2, 84, 7, 336, 28, 1008, 84]],
    ['1d', [2, 2, 12, 2, 48, 4, 144, 12]],
  ])('of %s looks back over windows that scale with it', (window, minutes) => {
    expect(burns(objective({ window }).window).flatMap((one) => [one.longMs, one.shortMs])).toEqual(
      minutes.map((one) => one * minute),
    )
  })

  it('gives no rule file when there is none', () => {
    expect(sloRules([])).toBeNull()
  })
})

/** Bad requests of every 100, by the minute; null: no requests. */
type Traffic = (minutes: number) => number | null

/** Every 30 s: samples of 100 requests, then the groups as they fall due. What was told, by the minute, and the report at the end. */
async function story(slo: Slo, traffic: Readonly<Record<string, Traffic>>, minutes: number, seesGood = true) {
  const store: Store = openStore()
  const groups = groupsOf(sloRules([slo])!.text, 'slos').map((group) => ({ group, evaluator: openRuleGroup(group) }))
  const counts = new Map<string, { ok: number; failed: number }>()
  const told: string[] = []
  for (let seconds = 0; seconds <= minutes * 60; seconds += 30) {
    for (const [model, bad] of Object.entries(traffic)) {
      const one = counts.get(model) ?? { ok: 0, failed: 0 }
      counts.set(model, one)
      const share = bad(seconds / 60)
      if (share !== null) {
        one.failed += share
        one.ok += 100 - share
      }
      if (seesGood) store.put(seconds, total, { model, outcome: 'ok', host: 'a' }, one.ok)
      store.put(seconds, total, { model, outcome: 'failed', host: 'a' }, one.failed)
    }
    for (const { group, evaluator } of groups) {
      if ((seconds * 1000) % (group.intervalMs ?? 30_000) !== 0) continue
      const { transitions, failures } = evaluator.evaluate(at(seconds), store)
      expect(failures).toBe(0)
      for (const { rule, labels, state } of transitions) {
        const severity = labels.severity === undefined ? '' : ` ${labels.severity}`
        told.push(`${seconds / 60} ${rule} ${labels.model} ${labels.window ?? 'all'}${severity} ${state}`)
      }
    }
  }
  const ask = async (query: string, time: number) =>
    store.query(query, time).map(({ labels, value }) => ({ labels: Object.fromEntries(labels), value }))
  const reports: readonly SloReport[] = await sloReport([slo], ask, at(minutes * 60))
  return { told, report: reports[0]! }
}

describe('the rules of an objective of 99 % over a day', () => {
  const slo = objective({ window: '1d' })
  const first = (told: readonly string[], words: string): number =>
    Number(told.find((one) => one.includes(words))?.split(' ')[0])

  it('say nothing while as many requests are bad as may be', async () => {
    const { told, report } = await story(slo, { tiny: () => 0.9 }, 200)
    expect(told).toEqual([])
    const budget = report.budgets[0]!
    expect(budget.labels).toEqual({ model: 'tiny' })
    expect(budget.goodRatio).toBeCloseTo(0.991, 4)
    expect(budget.budgetLeftRatio).toBeCloseTo(0.1, 2)
    expect(budget.burnRates.map((one) => one.windowMs / minute)).toEqual([2, 12, 48, 144])
    for (const { rate } of budget.burnRates) expect(rate).toBeCloseTo(0.9, 2)
  })

  it('page within minutes of an outage, for the model that has it, and end soon after it', async () => {
    const bad: Traffic = (minutes) => (minutes >= 60 && minutes < 80 ? 100 : 0)
    const { told } = await story(slo, { tiny: bad, other: () => 0 }, 120)
    expect(told.filter((one) => one.includes('other'))).toEqual([])
    const begun = first(told, 'tiny 2m critical firing')
    expect(begun).toBeGreaterThanOrEqual(60)
    expect(begun).toBeLessThanOrEqual(61)
    const over = first(told, 'tiny 2m critical resolved')
    expect(over).toBeGreaterThan(80)
    expect(over).toBeLessThanOrEqual(82.5)
  })

  it('tell of a slow burn without waking anybody', async () => {
    const { told } = await story(slo, { tiny: (minutes) => (minutes >= 20 ? 4 : 0) }, 120)
    expect(told.some((one) => one.includes('48m warning firing'))).toBe(true)
    expect(told.filter((one) => one.includes('critical'))).toEqual([])
  })

  it('count requests as bad when no good one was ever seen', async () => {
    const { told, report } = await story(slo, { tiny: () => 100 }, 30, false)
    expect(told.some((one) => one.includes('tiny 2m critical firing'))).toBe(true)
    expect(report.budgets[0]).toMatchObject({ goodRatio: 0 })
    expect(report.budgets[0]!.badRequests).toBe(report.budgets[0]!.requests)
  })

  it('say when the budget is spent, and when no longer', async () => {
    const { told, report } = await story(slo, { tiny: (minutes) => (minutes < 30 ? 2 : 0) }, 120)
    const states = told.filter((one) => one.includes('ErrorBudgetSpent'))
    expect(states.map((one) => one.split(' ').slice(1).join(' '))).toEqual([
      'ErrorBudgetSpent tiny all warning firing',
      'ErrorBudgetSpent tiny all warning resolved',
    ])
    // 30 minutes at twice the share, 90 without one bad: half of what is allowed.
    expect(report.budgets[0]!.budgetLeftRatio).toBeCloseTo(0.5, 1)
  })

  it('page nobody over fewer requests than min_requests, but with 0 over any', async () => {
    const few: Traffic = (minutes) => (minutes === 60 || minutes === 60.5 ? 100 : null)
    const quiet = await story(objective({ window: '1d', min_requests: 1000 }), { tiny: few }, 90)
    expect(quiet.told.filter((one) => one.includes('Burn'))).toEqual([])
    const all = await story(objective({ window: '1d', min_requests: 0 }), { tiny: few }, 90)
    expect(all.told.some((one) => one.includes('critical firing'))).toBe(true)
  })

  it('know nothing of a time without requests, and say how much was recorded', async () => {
    const { told, report } = await story(slo, { tiny: () => null }, 60)
    expect(told).toEqual([])
    expect(report.budgets[0]).toMatchObject({ requests: 0, goodRatio: null, budgetLeftRatio: null, burnRates: [] })
    expect(report.budgets[0]!.recordedRatio).toBeCloseTo(60 / 1440, 2)
  })
})

describe('the alerts of an objective', () => {
  it('say in both languages what burns, and take a description as text', () => {
    const text = sloRules([objective({ description: 'Answers {{ without }} errors.' })])!.text
    const alerts = groupsOf(text, 'slos').flatMap((group) => group.rules.filter((rule) => rule.kind === 'alerting'))
    expect(alerts.map((rule) => rule.name)).toEqual(['ErrorBudgetSpent', ...Array(4).fill('ErrorBudgetBurn')])
    for (const rule of alerts) {
      expect(rule.annotations.summary).toContain('SLO answers')
      expect(rule.annotations.summary_zh).toMatch(/\p{Script=Han}/u)
      expect(rule.annotations.runbook_url).toBe(`alerts/runbooks/${rule.name}.md`)
    }
    const labels = alerts.map((rule) => `${rule.labels.slo} ${rule.labels.window} ${rule.labels.severity}`)
    expect(new Set(labels).size).toBe(labels.length)
  })

  it('render a description with braces as it was written', async () => {
    const store = openStore()
    const slo = objective({ window: '1d', description: 'Answers {{ without }} errors.', min_requests: 0 })
    const burn = groupsOf(sloRules([slo])!.text, 'slos')[1]!
    for (let seconds = 0; seconds <= 300; seconds += 15)
      store.put(seconds, total, { model: 'tiny', outcome: 'failed' }, seconds)
    const { transitions } = openRuleGroup(burn).evaluate(at(300), store)
    expect(transitions.length).toBeGreaterThan(0)
    for (const one of transitions)
      expect(one.annotations.description).toContain('Answers {{ without }} errors. Target 99 %')
    expect(transitions[0]!.annotations.summary).toBe(
      'SLO answers tiny uses up its error budget 14.4 times as fast as it may or faster: 100% of requests were bad in 2m',
    )
  })
})
