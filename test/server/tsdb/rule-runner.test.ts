// Rule groups on a virtual clock: when they run, what waits, and what survives a reload.

import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import type { Expression, VectorSample } from '../../../core/rules/query.ts'
import type { RuleGroup } from '../../../core/rules/rule.ts'
import { parseRuleFile } from '../../../core/rules/rule-file.ts'
import type { RestoredAlert, Transition } from '../../../core/rules/transition.ts'
import { type EarlyLooks, openRuleRunner } from '../../../server/tsdb/rule-runner.ts'

const start = Date.UTC(2026, 0, 1)
const plain = (text: string): Expression => ({ text, selectors: [] })
const load = (text: string, file = 'r.yml'): readonly RuleGroup[] => parseRuleFile(file, text, plain)
const group = (name: string, rules: string, more = 'interval: 5s'): string => `
groups:
  - name: ${name}
    ${more}
    rules: [${rules}]
`

/** A runner whose queries answer from a table; `null` fails. */
function world(ready = true, early?: EarlyLooks) {
  const clock = virtualClock(start)
  const answers = new Map<string, readonly VectorSample[] | null>()
  const asked: { expr: string; at: number }[] = []
  const ended: string[] = []
  const state = { ready }
  const runner = openRuleRunner({
    clock,
    log: silentLog,
    ready: () => state.ready,
    externalLabels: {},
    ...(early === undefined ? {} : { early }),
    query: (expr, time) => {
      asked.push({ expr, at: (time - start) / 1000 })
      const answer = answers.get(expr) ?? []
      if (answers.get(expr) === null) throw new Error('no such metric')
      return answer
    },
    has: () => true,
    write: (labels, _time, _value, stale) => {
      if (stale) ended.push(labels.map(([, value]) => value).join(' '))
      return null
    },
  })
  const told: string[] = []
  const hear = (transitions: readonly Transition[]): void => {
    for (const one of transitions) told.push(`${one.rule} ${one.state} ${(one.at - start) / 1000}`)
  }
  runner.subscribe(hear)
  return { clock, runner, answers, asked, ended, told, state, times: () => asked.map((one) => one.at) }
}
const one: readonly VectorSample[] = [{ labels: [['host', 'a']], value: 1 }]
const restored = (more: Partial<RestoredAlert> = {}): RestoredAlert => ({
  fingerprint: '00000000000000aa',
  file: 'r.yml',
  group: 'g',
  rule: 'A',
  expression: 'a',
  labels: { alertname: 'A', host: 'a' },
  annotations: {},
  state: 'firing',
  activeAt: start - 60_000,
  firedAt: start - 60_000,
  value: 1,
  keepFiringSince: null,
  ...more,
})

describe('the rule runner', () => {
  it('runs quick groups on the full multiple of their interval', async () => {
    const { clock, runner, times } = world()
    await clock.advance(1700)
    runner.load(load(group('g', '{ alert: A, expr: a }')), [])
    runner.start()
    await clock.advance(20_000)
    expect(times()).toEqual([5, 10, 15, 20])
    await runner.stop()
    await clock.advance(20_000)
    expect(times()).toHaveLength(4)
    expect(runner.stats()).toMatchObject({ runs: 4, failures: 0, missed: 0 })
  })

  it('spreads slower groups over their interval, always on the same grid, every 15 s by default', async () => {
    const grid = async (name: string, wait: number): Promise<number> => {
      const { clock, runner, times } = world()
      await clock.advance(wait)
      runner.load(load(group(name, '{ alert: A, expr: a }', '')), [])
      runner.start()
      await clock.advance(60_000)
      expect(times()).toHaveLength(4)
      const offsets = new Set(times().map((time) => Math.round(time * 1000) % 15_000))
      expect(offsets.size).toBe(1)
      await runner.stop()
      return [...offsets][0]!
    }
    const offsets = await Promise.all(['a', 'b', 'c', 'd'].map((name) => grid(name, 0)))
    expect(new Set(offsets).size).toBeGreaterThan(1)
    expect(await grid('a', 7321)).toBe(offsets[0])
  })

  it('evaluates nothing before it is ready, then the last time on the grid at once', async () => {
    const { clock, runner, times, state } = world(false)
    runner.load(load(group('g', '{ alert: A, expr: a }')), [])
    runner.start()
    await clock.advance(32_500)
    expect(times()).toEqual([])
    state.ready = true
    await clock.advance(8000)
    expect(times()).toEqual([30, 35, 40])
    expect(runner.stats().missed).toBe(0)
    await runner.stop()
  })

  it('does not evaluate a group again while its reader is busy, and counts what it missed; others go on', async () => {
    const { clock, runner, answers, asked, told } = world()
    answers.set('slow', one)
    let release = (): void => {}
    const busy = new Promise<void>((resolve) => {
      release = resolve
    })
    runner.subscribe((transitions) => (transitions.some((each) => each.rule === 'Slow') ? busy : undefined))
    runner.load(
      [...load(group('s', '{ alert: Slow, expr: slow }')), ...load(group('q', '{ alert: Quick, expr: quick }'))],
      [],
    )
    runner.start()
    await clock.advance(21_000)
    const times = (expr: string) => asked.filter((each) => each.expr === expr).map((each) => each.at)
    expect(times('slow')).toEqual([5])
    expect(times('quick')).toEqual([5, 10, 15, 20])
    expect(told).toEqual(['Slow firing 5'])
    release()
    await clock.advance(5000)
    expect(times('slow')).toEqual([5, 25])
    expect(runner.stats()).toMatchObject({ runs: 7, missed: 3 })
    await runner.stop()
  })

  it('follows the wall clock when that jumps: forward with a count of what it missed, back without waiting for an hour', async () => {
    const { clock, runner, times } = world()
    runner.load(load(group('g', '{ alert: A, expr: a }')), [])
    runner.start()
    await clock.advance(6000)
    clock.jump(60_000)
    await clock.advance(5000)
    expect(times()).toEqual([5, 70])
    expect(runner.stats().missed).toBe(12)
    clock.jump(-3_600_000)
    await clock.advance(15_000)
    expect(times().slice(2)).toEqual([-3520, -3515])
    await runner.stop()
  })

  it('counts failures, shows them, and lets neither a bad rule nor a bad reader stop the others', async () => {
    const { clock, runner, answers, told } = world()
    answers.set('bad', null)
    answers.set('good', one)
    runner.subscribe(() => {
      throw new Error('reader is broken')
    })
    runner.load(load(group('g', '{ alert: Bad, expr: bad }, { alert: Good, expr: good }')), [])
    runner.start()
    await clock.advance(10_000)
    expect(told).toEqual(['Good firing 5'])
    expect(runner.stats()).toMatchObject({ runs: 2, failures: 2 })
    const [view] = runner.views()
    expect(structuredClone(view)).toEqual(view)
    expect(view!.rules).toMatchObject([
      { name: 'Bad', health: 'err', lastError: 'no such metric', state: 'inactive' },
      { name: 'Good', health: 'ok', lastError: '', state: 'firing', query: 'good', lastEvaluationAt: start + 10_000 },
    ])
    await runner.stop()
  })

  it('goes on with kept alerts, and ends those that no rule owns any more', async () => {
    const { clock, runner, answers, told } = world()
    answers.set('a', one)
    runner.load(load(group('g', '{ alert: A, expr: a }')), [
      restored(),
      restored({ fingerprint: 'b', rule: 'B', state: 'pending', firedAt: null }),
      restored({ fingerprint: 'c', file: 'gone.yml' }),
    ])
    runner.start()
    await clock.advance(5000)
    expect(told).toEqual(['B inactive 0', 'A resolved 0'])
    answers.set('a', [])
    await clock.advance(5000)
    expect(told.slice(2)).toEqual(['A resolved 10'])
    await runner.stop()
  })

  it('keeps what stays over a reload and ends what goes', async () => {
    const { clock, runner, answers, told, ended, times } = world()
    for (const expr of ['a', 'b', 'r']) answers.set(expr, one)
    const rules = '{ alert: A, expr: a, for: 10s }, { alert: B, expr: b }, { record: out, expr: r }'
    runner.load([...load(group('g', rules)), ...load(group('gone', '{ alert: C, expr: b }'))], [])
    runner.start()
    await clock.advance(7000)
    expect(told).toEqual(['A pending 5', 'B firing 5', 'C firing 5'])
    runner.load(load(group('g', '{ record: new, expr: r }, { alert: A, expr: a, for: 10s }')), [])
    await clock.advance(0)
    expect(told.slice(3)).toEqual(['C resolved 7', 'B resolved 7'])
    await clock.advance(8000)
    expect(told.slice(5)).toEqual(['A firing 15'])
    expect(ended.filter((words) => words.includes('out'))).toEqual(['out a'])
    expect(ended.filter((words) => words.startsWith('ALERTS')).sort()).toEqual(
      [
        'ALERTS B firing a',
        'ALERTS C firing a',
        'ALERTS A pending a',
        'ALERTS_FOR_STATE B a',
        'ALERTS_FOR_STATE C a',
      ].sort(),
    )
    expect(new Set(times())).toEqual(new Set([5, 10, 15]))
    await runner.stop()
  })

  it('takes a changed interval at once', async () => {
    const { clock, runner, times } = world()
    runner.load(load(group('g', '{ alert: A, expr: a }', 'interval: 5s')), [])
    runner.start()
    await clock.advance(6000)
    runner.load(load(group('g', '{ alert: A, expr: a }', 'interval: 2s')), [])
    await clock.advance(4000)
    expect(times()).toEqual([5, 8, 10])
    await runner.stop()
  })

  it('waits weeks without running at every turn', async () => {
    const { clock, runner, times } = world()
    runner.load(load(group('g', '{ alert: A, expr: a }', 'interval: 5w')), [])
    runner.start()
    await clock.advance(5 * 7 * 86_400_000)
    expect(times()).toHaveLength(1)
    expect(runner.stats()).toMatchObject({ runs: 1, missed: 0 })
    await runner.stop()
  })
})

describe('after an absence', () => {
  const rule = '{ alert: A, expr: a }'

  it('evaluates every time that passed, in order, and then goes on', async () => {
    const { runner, clock, times, state } = world(false)
    runner.load(load(group('g', rule)), [], start - 22_000)
    runner.start()
    await clock.advance(3000)
    expect(times()).toEqual([])
    state.ready = true
    await clock.advance(9000)
    expect(times()).toEqual([-20, -15, -10, -5, 0, 5, 10])
    await clock.advance(6000)
    expect(times().slice(-1)).toEqual([15])
    expect(runner.stats().missed).toBe(0)
  })

  it('tells what came and went meanwhile', async () => {
    const { runner, clock, asked, answers, told } = world()
    answers.set('a', [])
    runner.load(load(group('g', rule)), [], start - 31_000)
    Object.defineProperty(answers, 'get', {
      value: () => {
        const at = asked.at(-1)!.at
        return at >= -20 && at <= -10 ? one : []
      },
    })
    runner.start()
    await clock.advance(6000)
    expect(told).toEqual(['A firing -20', 'A resolved -5'])
  })

  it('looks back over a bounded number of times, counts the others, and does not for groups of a later load', async () => {
    const { runner, clock, times } = world()
    runner.load(load(group('g', rule)), [], start - 5 * 3_600_000)
    runner.start()
    await clock.advance(5000)
    expect(times()[0]).toBe(5 - 2880 * 5 + 5)
    expect(times()).toHaveLength(2880)
    expect(runner.stats().missed).toBe(5 * 720 + 1 - 2880)
    const before = times().length
    runner.load([...load(group('g', rule)), ...load(group('h', '{ alert: B, expr: b }'))], [], start - 3_600_000)
    await clock.advance(5000)
    expect(times().slice(before)).toEqual([10, 10])
  })

  it('looks between the times of its grid when samples arrive, at a pace, and goes on at the next time', async () => {
    const { clock, runner, times, told, answers } = world(true, { everyMs: 100, allows: ({ name }) => name === 'g' })
    runner.load(load(group('g', '{ alert: A, expr: a }')), [])
    runner.load(load(group('g', '{ alert: A, expr: a }') + group('h', '{ record: b, expr: b }').slice(9)), [])
    runner.start()
    await clock.advance(6000)
    answers.set('a', one)
    runner.arrived()
    runner.arrived()
    await clock.advance(10)
    expect(times()).toEqual([5, 5, 6])
    expect(told).toEqual(['A firing 6'])
    // Again within the pace: once, when it allows.
    runner.arrived()
    await clock.advance(50)
    runner.arrived()
    await clock.advance(500)
    expect(times()).toEqual([5, 5, 6, 6.1])
    await clock.advance(4000)
    expect(times()).toEqual([5, 5, 6, 6.1, 10, 10])
    expect(runner.stats()).toMatchObject({ runs: 6, early: 2, missed: 0 })
    await runner.stop()
    runner.arrived()
    await clock.advance(20_000)
    expect(times()).toHaveLength(6)
  })

  it('looks at nothing while the listeners are still at work, and never before it is ready', async () => {
    const { clock, runner, times, answers, state } = world(true, { everyMs: 100, allows: () => true })
    runner.load(load(group('g', '{ alert: A, expr: a }')), [])
    runner.start()
    let release = (): void => {}
    runner.subscribe(() => new Promise<void>((resolve) => (release = resolve)))
    answers.set('a', one)
    await clock.advance(5000)
    runner.arrived()
    await clock.advance(1000)
    expect(times()).toEqual([5])
    release()
    await clock.advance(1)
    state.ready = false
    runner.arrived()
    await clock.advance(1000)
    expect(times()).toEqual([5])
    state.ready = true
    await clock.advance(3000)
    expect(times()).toEqual([5, 10])
    release()
    await runner.stop()
  })
})
