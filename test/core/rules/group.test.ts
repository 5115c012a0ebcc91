// Groups: order within a tick, what recording rules write and end, limits, query offset, and passing state to an edited group.

import { describe, expect, it } from 'vitest'
import { openRuleGroup } from '../../../core/rules/group.ts'
import { at, brief, groupOf, groupsOf, openStore } from './story.ts'

describe('a rule group', () => {
  it('runs its rules in order, each seeing what those before it wrote in the same tick', () => {
    const store = openStore()
    const evaluator = groupOf(`
groups:
  - name: chain
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - record: job:down
        expr: job:up:sum == 0
      - alert: Down
        expr: job:down == 0
      - alert: AnyAlert
        expr: count(ALERTS{alertname="Down"}) > 0
`)
    store.put(0, 'up', { job: 'engine' }, 0)
    expect(evaluator.evaluate(at(0), store).transitions.map(brief)).toEqual(['Down - firing', 'AnyAlert - firing'])
  })

  it('ends a recorded series that the expression gives no more, and only that', () => {
    const store = openStore()
    const evaluator = groupOf(`
groups:
  - name: recording
    rules:
      - record: load:high
        expr: load > 5
        labels: { kind: peak }
`)
    for (const host of ['a', 'b']) store.put(0, 'load', { host }, 9)
    evaluator.evaluate(at(0), store)
    expect(store.see('load:high', 0)).toEqual([
      [{ __name__: 'load:high', host: 'a', kind: 'peak' }, 9],
      [{ __name__: 'load:high', host: 'b', kind: 'peak' }, 9],
    ])
    store.put(15, 'load', { host: 'a' }, 1)
    evaluator.evaluate(at(15), store)
    expect(store.see('load:high', 15).map(([labels]) => labels.host)).toEqual(['b'])
  })

  it.each([
    {
      name: 'two series become one',
      rule: 'expr: load\n        labels: { host: all }',
      group: '',
      error: 'same labelset',
    },
    { name: 'the limit is passed', rule: 'expr: load', group: 'limit: 1', error: 'exceeded limit of 1 with 2 series' },
    { name: 'the query fails', rule: 'expr: load + on () load', group: '', error: 'many-to-many' },
  ])('writes nothing when $name, and says so', ({ rule, group, error }) => {
    const store = openStore()
    const evaluator = groupOf(`
groups:
  - name: bad
    ${group}
    rules:
      - record: out
        ${rule}
      - record: fine
        expr: count(load)
`)
    for (const host of ['a', 'b']) store.put(0, 'load', { host }, 9)
    expect(evaluator.evaluate(at(0), store).failures).toBe(1)
    expect(store.see('out', 0)).toEqual([])
    expect(store.see('fine', 0)).toEqual([[{ __name__: 'fine' }, 2]])
    const [bad, fine] = evaluator.view(15_000).rules
    expect(bad!.health).toBe('err')
    expect(bad!.lastError).toContain(error)
    expect(fine).toMatchObject({ health: 'ok', lastError: '', lastEvaluationAt: at(0) })
  })

  it('says so when the store takes no more of what it writes', () => {
    const store = openStore()
    const evaluator = groupOf('groups: [{ name: g, rules: [{ record: one, expr: "1" }] }]')
    evaluator.evaluate(at(0), { ...store, write: () => 'series_limit' })
    expect(evaluator.view(15_000).rules[0]).toMatchObject({
      health: 'err',
      lastError: 'one was not stored: series_limit',
    })
  })

  it('reads and writes `query_offset` earlier, while alerts keep the time of the evaluation', () => {
    const store = openStore()
    const evaluator = groupOf(`
groups:
  - name: late
    query_offset: 1m
    rules:
      - record: seen
        expr: load
      - alert: Load
        expr: load > 5
`)
    store.put(0, 'load', { host: 'a' }, 9)
    store.put(30, 'load', { host: 'a' }, 1)
    const [fired] = evaluator.evaluate(at(60), store).transitions
    expect(fired).toMatchObject({ state: 'firing', at: at(60), activeAt: at(60), value: 9 })
    expect(store.see('timestamp(seen)', 0)).toEqual([[{ host: 'a' }, at(0) / 1000]])
  })

  it('times its rules and itself', () => {
    let now = 0
    const store = { ...openStore(), monotonic: () => (now += 5) }
    const evaluator = groupOf('groups: [{ name: g, rules: [{ record: one, expr: "1" }, { record: two, expr: "2" }] }]')
    evaluator.evaluate(at(0), store)
    const view = evaluator.view(15_000)
    expect(view).toMatchObject({ evaluationSeconds: 0.025, lastEvaluationAt: at(0), intervalMs: 15_000 })
    expect(view.rules.map((rule) => rule.evaluationSeconds)).toEqual([0.005, 0.005])
  })
})

describe('an edited group', () => {
  const text = (first: string): string => `
groups:
  - name: edited
    rules:
      ${first}
      - record: load:copy
        expr: load
      - alert: Load
        expr: load > 5
        for: 30s
`
  it('keeps the state of rules that stay, whatever their place, and ends what belonged to those that are gone', () => {
    const store = openStore()
    const old = openRuleGroup(
      groupsOf(text('- alert: Gone\n        expr: load > 1\n      - record: gone:copy\n        expr: load'))[0]!,
    )
    store.put(0, 'load', { host: 'a' }, 9)
    expect(old.evaluate(at(0), store).transitions.map(brief)).toEqual(['Gone a firing', 'Load a pending'])

    const next = openRuleGroup(groupsOf(text('- record: fresh\n        expr: "1"'))[0]!)
    expect(next.follow(old, at(10)).map(brief)).toEqual(['Gone a resolved'])
    expect(next.view(15_000).lastEvaluationAt).toBe(at(0))
    expect(next.evaluate(at(15), store).transitions).toEqual([])
    expect(store.see('{__name__=~"gone:copy|ALERTS", alertname!="Load"}', 15)).toEqual([])
    expect(next.evaluate(at(30), store).transitions.map(brief)).toEqual(['Load a firing'])
  })

  it('that is taken away ends its series and its alerts', () => {
    const store = openStore()
    const group = openRuleGroup(groupsOf(text('- alert: Quick\n        expr: load > 1'))[0]!)
    store.put(0, 'load', { host: 'a' }, 9)
    group.evaluate(at(0), store)
    expect(group.close(at(5), store.write).map(brief)).toEqual(['Quick a resolved', 'Load a inactive'])
    expect(store.see('{__name__=~"load:copy|ALERTS.*"}', 5)).toEqual([])
  })

  it('gives a kept alert back to the rule whose fixed labels it bears, and no alert to a rule that is gone', () => {
    const evaluator = groupOf(`
groups:
  - name: pair
    rules:
      - { alert: Load, expr: load > 5, labels: { severity: warning } }
      - { alert: Load, expr: load > 8, labels: { severity: critical } }
`)
    const alert = (fingerprint: string, rule: string, severity: string) => ({
      fingerprint,
      file: 'story.yml',
      group: 'pair',
      rule,
      expression: 'load > 8',
      state: 'firing' as const,
      labels: { alertname: rule, severity, host: 'a' },
      annotations: {},
      activeAt: at(0),
      firedAt: at(0),
      value: 9,
      keepFiringSince: null,
    })
    const foreign = [alert('2', 'Other', 'critical'), alert('3', 'Load', 'page')]
    expect(evaluator.restore([alert('1', 'Load', 'critical'), ...foreign])).toEqual(foreign)
    const states = evaluator.view(15_000).rules.map((rule) => rule.kind === 'alerting' && rule.state)
    expect(states).toEqual(['inactive', 'firing'])
  })
})
