// The life of an alert told as stories: what the data says second by second, and what a group makes of it.

import { describe, expect, it } from 'vitest'
import type { GroupEvaluator } from '../../../core/rules/group.ts'
import type { Transition } from '../../../core/rules/transition.ts'
import { at, brief, groupOf, kept, openStore, type Store } from './story.ts'

const group = (rule: string, more = ''): GroupEvaluator =>
  groupOf(`
groups:
  - name: story
    ${more}
    rules:
      - alert: Hot
        ${rule}
`)

/** Evaluates every 15 s while `temperature` follows the given values; null: no sample. */
function run(
  evaluator: GroupEvaluator,
  store: Store,
  from: number,
  values: readonly (number | null)[],
  instance = 'a',
): readonly Transition[] {
  return values.flatMap((value, index) => {
    const seconds = from + index * 15
    if (value !== null) store.put(seconds, 'temperature', { instance }, value)
    return evaluator.evaluate(at(seconds), store).transitions
  })
}
const told = (transitions: readonly Transition[]) => transitions.map((one) => [one.state, (one.at - at(0)) / 1000])
const shown = (evaluator: GroupEvaluator) => {
  const [rule] = evaluator.view(15_000).rules
  if (rule?.kind !== 'alerting') throw new Error('no alerting rule')
  return rule
}

describe('an alert', () => {
  it('is pending while its condition is young, fires when it has held for `for`, and is resolved when it is gone', () => {
    const store = openStore()
    const evaluator = group('expr: temperature > 90\n        for: 30s')
    const transitions = run(evaluator, store, 0, [80, 95, 96, 97, 98, 70, 70])
    expect(told(transitions)).toEqual([
      ['pending', 15],
      ['firing', 45],
      ['resolved', 75],
    ])
    const [pending, firing, resolved] = transitions
    expect(pending).toMatchObject({ value: 95, activeAt: at(15), firedAt: null, rule: 'Hot', group: 'story' })
    expect(firing).toMatchObject({ value: 97, activeAt: at(15), firedAt: at(45), expression: 'temperature > 90' })
    expect(resolved).toMatchObject({ value: null, activeAt: at(15), firedAt: at(45) })
    expect({ ...firing!.labels }).toEqual({ alertname: 'Hot', instance: 'a' })
    expect(new Set(transitions.map((one) => one.fingerprint)).size).toBe(1)
  })

  it('that never fired ends as inactive, not as resolved', () => {
    const evaluator = group('expr: temperature > 90\n        for: 1m')
    expect(told(run(evaluator, openStore(), 0, [95, 95, 70, 70]))).toEqual([
      ['pending', 0],
      ['inactive', 30],
    ])
    expect(shown(evaluator)).toMatchObject({ state: 'inactive', alerts: [] })
  })

  it.each([
    { name: 'without `for` at once', rule: 'expr: temperature > 90', expected: [['firing', 0]] },
    {
      name: 'with a `for` shorter than the interval at the next evaluation',
      rule: 'expr: temperature > 90\n        for: 1s',
      expected: [
        ['pending', 0],
        ['firing', 15],
      ],
    },
  ])('fires $name', ({ rule, expected }) => {
    expect(told(run(group(rule), openStore(), 0, [95, 95, 95]))).toEqual(expected)
  })

  it('keeps firing for `keep_firing_for` after its condition is gone, counted anew when it comes back', () => {
    const store = openStore()
    const evaluator = group('expr: temperature > 90\n        keep_firing_for: 30s')
    const transitions = run(evaluator, store, 0, [95, 70, 95, 70, 70])
    expect(told(transitions)).toEqual([['firing', 0]])
    expect(shown(evaluator).alerts[0]).toMatchObject({ state: 'firing', keepFiringSince: at(45), value: 95 })
    expect(told(run(evaluator, store, 75, [70]))).toEqual([['resolved', 75]])
  })

  it('tells when `keep_firing_for` begins and ceases to hold it, and changed texts at most once a minute', () => {
    const store = openStore()
    const evaluator = group(
      `expr: temperature > 90
        keep_firing_for: 5m
        annotations: { summary: "{{ $value }} °C" }`,
    )
    const amendments = [95, 96, 97, 98, 99, 70, 99].flatMap((value, index) => {
      store.put(index * 15, 'temperature', { instance: 'a' }, value)
      return evaluator.evaluate(at(index * 15), store).amendments
    })
    expect(amendments.map((one) => [(one.at - at(0)) / 1000, one.annotations.summary, one.keepFiringSince])).toEqual([
      [60, '99 °C', null],
      [75, '99 °C', at(75)],
      [90, '99 °C', null],
    ])
  })

  it('goes on after a restart: nothing is told twice, and `for` counts from where it began', () => {
    const store = openStore()
    const rule = 'expr: temperature > 90\n        for: 1m'
    const before = run(group(rule), store, 0, [95, 95])
    const after = group(rule)
    expect(after.restore(kept(before))).toEqual([])
    expect(told(run(after, store, 30, [95, 95, 95, 95]))).toEqual([['firing', 60]])

    const third = group(rule)
    third.restore(
      kept([...before, ...run(after, store, 90, [95])]).map((one) => ({ ...one, state: 'firing', firedAt: at(60) })),
    )
    expect(told(run(third, store, 105, [95, 70]))).toEqual([['resolved', 120]])
  })

  it('that a restart kept is not ended while the data is too young for what the rule reads', () => {
    const store = openStore()
    const rule = 'expr: increase(faults_total[1m]) > 0'
    const labels = { instance: 'a' }
    const before = group(rule)
    const count = (evaluator: GroupEvaluator, into: Store, seconds: number, a: number, b: number) => {
      into.put(seconds, 'faults_total', labels, a)
      into.put(seconds, 'faults_total', { instance: 'b' }, b)
      return evaluator.evaluate(at(seconds), into).transitions.map((one) => `${brief(one)} ${(one.at - at(0)) / 1000}`)
    }
    count(before, store, 0, 0, 0)
    expect(count(before, store, 15, 1, 0)).toEqual(['Hot a firing 15'])
    const after = group(rule)
    after.restore([...kept([{ ...before.close(at(15), store.write)[0]!, state: 'firing', value: 1 }])])
    const empty = openStore()
    const told = [30, 45, 60, 75, 90].flatMap((seconds) => count(after, empty, seconds, 1, seconds === 30 ? 0 : 1))
    expect(told).toEqual(['Hot b firing 45', 'Hot a resolved 90', 'Hot b resolved 90'])
  })

  it('with other labels after templating is another alert: the old one ends, the new one begins', () => {
    const evaluator = group(
      `expr: temperature > 90
        labels: { level: '{{ $value | printf "%.0f" }}' }`,
    )
    const transitions = run(evaluator, openStore(), 0, [95, 96, 96])
    expect(transitions.map((one) => [one.state, one.labels.level, (one.at - at(0)) / 1000])).toEqual([
      ['firing', '95', 0],
      ['resolved', '95', 15],
      ['firing', '96', 15],
    ])
  })

  it('renders labels and annotations at each evaluation, with external labels; a label that comes out empty is none', () => {
    const evaluator = group(
      `expr: temperature > 90
        labels: { team: core, rack: "{{ $labels.rack }}", site: "{{ $externalLabels.site }}" }
        annotations: { summary: "{{ $labels.instance }} at {{ $value | humanize }}" }`,
      'labels: { team: nobody, region: eu }',
    )
    const [first] = run(evaluator, openStore(), 0, [95, 1234])
    expect({ ...first!.labels }).toEqual({ alertname: 'Hot', instance: 'a', team: 'core', site: 'north', region: 'eu' })
    expect(first!.annotations.summary).toBe('a at 95')
    expect(shown(evaluator).alerts[0]!.annotations.summary).toBe('a at 1.234k')
  })

  it('leaves its series behind: ALERTS by state, ALERTS_FOR_STATE with its beginning, and ends them with it', () => {
    const store = openStore()
    const evaluator = group('expr: temperature > 90\n        for: 15s')
    run(evaluator, store, 0, [95])
    expect(store.see('ALERTS', 0)).toEqual([
      [{ __name__: 'ALERTS', alertname: 'Hot', alertstate: 'pending', instance: 'a' }, 1],
    ])
    run(evaluator, store, 15, [95])
    expect(store.see('ALERTS', 15).map(([labels]) => labels.alertstate)).toEqual(['firing'])
    expect(store.see('ALERTS_FOR_STATE', 15)).toEqual([
      [{ __name__: 'ALERTS_FOR_STATE', alertname: 'Hot', instance: 'a' }, at(0) / 1000],
    ])
    run(evaluator, store, 30, [70])
    expect(store.see('{__name__=~"ALERTS.*"}', 30)).toEqual([])
  })
})

describe('an alerting rule that fails', () => {
  it('changes nothing when two series become one alert, says so, and recovers', () => {
    const store = openStore()
    const evaluator = group('expr: temperature > 90\n        labels: { instance: all }')
    expect(told(run(evaluator, store, 0, [95]))).toEqual([['firing', 0]])
    store.put(15, 'temperature', { instance: 'b' }, 99)
    expect(evaluator.evaluate(at(15), store)).toEqual({ transitions: [], amendments: [], failures: 1 })
    expect(shown(evaluator)).toMatchObject({ health: 'err', state: 'firing' })
    expect(shown(evaluator).lastError).toContain('same labelset after applying alert labels')
    store.put(30, 'temperature', { instance: 'b' }, 50)
    expect(told(run(evaluator, store, 30, [95]))).toEqual([])
    expect(shown(evaluator)).toMatchObject({ health: 'ok', lastError: '', state: 'firing' })
  })

  it('past the limit of its group drops all its alerts, as upstream does', () => {
    const store = openStore()
    const evaluator = group('expr: temperature > 90', 'limit: 1')
    expect(told(run(evaluator, store, 0, [95]))).toEqual([['firing', 0]])
    store.put(15, 'temperature', { instance: 'b' }, 99)
    expect(told(run(evaluator, store, 15, [95]))).toEqual([['resolved', 15]])
    expect(shown(evaluator)).toMatchObject({
      health: 'err',
      lastError: 'exceeded limit of 1 with 2 alerts',
      alerts: [],
    })
  })
})

describe('a blind rule', () => {
  const gap = Array.from({ length: 8 }, () => null)
  const blinded = (policy: string, values: readonly number[]) => {
    const store = openStore()
    const evaluator = group(`expr: temperature > 90\n        for: 1m\n        no_data: ${policy}`)
    const before = told(run(evaluator, store, 0, values))
    store.put(values.length * 15, 'temperature', { instance: 'a' }, null)
    const blind = told(run(evaluator, store, values.length * 15 + 15, gap))
    return { store, evaluator, before, blind, next: values.length * 15 + 15 + gap.length * 15 }
  }

  it('ends its alerts where it is told to resolve', () => {
    const { evaluator, before, blind } = blinded('resolve', [95, 95, 95, 95, 95, 95])
    expect(before.at(-1)).toEqual(['firing', 60])
    expect(blind).toEqual([['resolved', 105]])
    expect(shown(evaluator)).toMatchObject({ blind: true, state: 'inactive' })
  })

  it('goes on with its alerts where it is told to fire', () => {
    const { evaluator, store, blind, next } = blinded('fire', [95, 95])
    expect(blind).toEqual([['firing', 60]])
    expect(shown(evaluator)).toMatchObject({ blind: true, state: 'firing' })
    expect(told(run(evaluator, store, next, [70]))).toEqual([['resolved', next]])
  })

  it('makes an alert of its own labels where it is told to fire and has none, after its time', () => {
    const { evaluator, store, before, blind, next } = blinded('fire', [50, 50])
    expect([before, blind]).toEqual([
      [],
      [
        ['pending', 45],
        ['firing', 105],
      ],
    ])
    const { alerts } = shown(evaluator) as { alerts: readonly { labels: object; annotations: object }[] }
    expect(alerts).toMatchObject([{ annotations: { no_data: expect.any(String), no_data_zh: expect.any(String) } }])
    expect(alerts[0]!.labels).not.toHaveProperty('instance')
    expect(told(run(evaluator, store, next, [70]))).toEqual([['resolved', next]])
  })

  it('keeps its alerts as they are, neither firing nor resolving, until there is data again', () => {
    const store = openStore()
    const evaluator = group('expr: temperature > 90\n        for: 1m')
    run(evaluator, store, 0, [95, 95])
    store.put(30, 'temperature', { instance: 'a' }, null)
    const gap = Array.from({ length: 8 }, () => null)
    expect(run(evaluator, store, 45, gap)).toEqual([])
    expect(shown(evaluator)).toMatchObject({ blind: true, state: 'pending', health: 'ok' })
    expect(store.see('ALERTS', 150).map(([labels]) => labels.alertstate)).toEqual(['pending'])
    expect(told(run(evaluator, store, 165, [95, 70]))).toEqual([
      ['firing', 165],
      ['resolved', 180],
    ])
    expect(shown(evaluator).blind).toBe(false)
  })

  it.each([
    { expr: 'b > 1', blind: true },
    { expr: 'a > 1000', blind: false },
    { expr: 'a / b > 1', blind: true },
    { expr: 'b / a > 1', blind: true },
    { expr: '(a or b) > 1000', blind: false },
    { expr: '(b or c) > 1', blind: true },
    { expr: '(sum(b) or vector(0)) > 1', blind: false },
    { expr: 'a > 1000 unless b', blind: false },
    { expr: 'b > 1 unless a', blind: true },
    { expr: 'a > 1 and b > 1', blind: true },
    { expr: 'sum(rate(a[5m])) / sum(rate(b[5m])) > 1', blind: true },
    { expr: 'absent(a)', blind: false },
    { expr: 'absent(a) and b > 1', blind: true },
    { expr: 'a > 1000 and absent_over_time(b[5m])', blind: false },
    { expr: 'max_over_time(b[5m:1m]) > 1', blind: true },
    { expr: 'vector(time()) < 1', blind: false },
    { expr: 'topk(3, b) > 1', blind: true },
    { expr: 'b @ 1000 > 1', blind: false },
    { expr: 'a offset 1h > 1', blind: true },
  ])('is one whose data is missing: `$expr` while only `a` has samples: $blind', ({ expr, blind }) => {
    const store = openStore()
    store.put(0, 'a', { instance: 'x' }, 5)
    const evaluator = group(`expr: ${expr}`)
    expect(evaluator.evaluate(at(10), store)).toEqual({ transitions: [], amendments: [], failures: 0 })
    expect(shown(evaluator).blind).toBe(blind)
  })

  it('is not one that lost only some of its series: their alerts are resolved, as upstream', () => {
    const store = openStore()
    const evaluator = group('expr: temperature > 90')
    for (const instance of ['a', 'b']) store.put(0, 'temperature', { instance }, 95)
    expect(evaluator.evaluate(at(0), store).transitions.map(brief)).toEqual(['Hot a firing', 'Hot b firing'])
    store.put(10, 'temperature', { instance: 'a' }, null)
    store.put(15, 'temperature', { instance: 'b' }, 95)
    expect(evaluator.evaluate(at(15), store).transitions.map(brief)).toEqual(['Hot a resolved'])
    expect(shown(evaluator).blind).toBe(false)
  })
})
