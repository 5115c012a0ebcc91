// Rules by their plans inside the store: which answer is taken from where, and what a plan that differs comes to.

import { describe, expect, it } from 'vitest'
import { type Log, silentLog } from '../../../core/base/log.ts'
import type { VectorSample } from '../../../core/rules/query.ts'
import { openHead } from '../../../core/series/head.ts'
import type { Labels, Querier } from '../../../core/series/seam.ts'
import { standingRules } from '../../../server/tsdb/standing-rules.ts'

const minute = 60_000
const up: Labels = [
  ['__name__', 'up'],
  ['job', 'a'],
]

function world(options: { full?: (query: string, time: number) => readonly VectorSample[]; seam?: number } = {}) {
  const head = openHead({ maxSeries: 100, retentionMs: 60 * minute })
  const told: string[] = []
  const log: Log = { ...silentLog, error: (message) => told.push(message), warn: (message) => told.push(message) }
  const asked: string[] = []
  const blocks = { ...head } as Querier
  const rules = standingRules({
    head,
    source: (from) => (from >= (options.seam ?? Number.NEGATIVE_INFINITY) ? head : blocks),
    full: (query, time) => {
      asked.push(query)
      return options.full?.(query, time) ?? [{ labels: up, value: 1 }]
    },
    log,
    lookbackMs: 5 * minute,
    maxSamples: 1000,
    checkEvery: 3,
  })
  const add = (labels: Labels, time: number, value: number): void => {
    head.append(head.series(labels) as number, time, value, false)
    rules.appended()
  }
  add(up, 30 * minute, 1)
  return { head, rules, told, asked, add }
}

describe('standing rules', () => {
  it('answer from the plan, and check every so many answers in full', () => {
    const { rules, asked, told } = world()
    for (let i = 0; i < 6; i++) expect(rules.query('up == 1', 30 * minute)).toEqual([{ labels: up, value: 1 }])
    expect(asked).toHaveLength(2)
    expect(told).toEqual([])
    expect(rules.stats()).toEqual({ planned: 6, unplanned: 0, checks: 2, differences: 0 })
  })

  it.each([
    ['another value', [{ labels: up, value: 2 }]],
    ['another label', [{ labels: [['__name__', 'up']] as Labels, value: 1 }]],
    [
      'a row more',
      [
        { labels: up, value: 1 },
        { labels: up, value: 1 },
      ],
    ],
    ['no row', []],
  ])('take %s from the full evaluator, say so and never use that plan again', (_what, wanted) => {
    const { rules, asked, told } = world({ full: () => wanted })
    for (let i = 0; i < 2; i++) rules.query('up == 1', 30 * minute)
    expect(rules.query('up == 1', 30 * minute)).toBe(wanted)
    expect(told).toHaveLength(1)
    expect(rules.query('up == 1', 30 * minute)).toBe(wanted)
    expect(asked).toHaveLength(2)
    expect(rules.stats()).toEqual({ planned: 3, unplanned: 1, checks: 1, differences: 1 })
    rules.clear()
    rules.query('up == 1', 30 * minute)
    expect(rules.stats().planned).toBe(4)
  })

  it('keep an answer whose check fails to come about', () => {
    const { rules, told } = world({
      full: () => {
        throw new Error('too slow')
      },
    })
    for (let i = 0; i < 3; i++) expect(rules.query('up == 1', 30 * minute)).toHaveLength(1)
    expect(told).toHaveLength(1)
    expect(rules.stats()).toMatchObject({ checks: 0, differences: 0 })
  })

  it('leave what has no plan, and what reaches behind the head, to the full evaluator', () => {
    const { rules, asked } = world({ seam: 20 * minute })
    rules.query('sort(up)', 30 * minute)
    rules.query('rate(up[10m])', 30 * minute)
    rules.query('up @ 60 > 0', 30 * minute)
    rules.query('up offset 1h > 0', 30 * minute)
    expect(asked).toHaveLength(4)
    rules.query('rate(up[4m])', 30 * minute)
    expect(asked).toHaveLength(4)
  })

  it('see what rules wrote at the same moment', () => {
    const { head, rules } = world()
    const recorded: Labels = [['__name__', 'recorded']]
    expect(rules.query('recorded', 30 * minute)).toEqual([])
    head.append(head.series(recorded) as number, 30 * minute, 7, false)
    rules.wrote(recorded)
    expect(rules.query('recorded', 30 * minute)).toEqual([{ labels: recorded, value: 7 }])
  })

  it('know whether a selector sees anything that did not end', () => {
    const { head, rules } = world()
    const matchers = [{ name: '__name__', op: '=', value: 'up' }] as const
    expect(rules.has(matchers, 29 * minute, 30 * minute)).toBe(true)
    expect(rules.has(matchers, 30 * minute, 31 * minute)).toBe(false)
    head.append(head.series(up) as number, 31 * minute, Number.NaN, true)
    expect(rules.has(matchers, 29 * minute, 31 * minute)).toBe(false)
    expect(rules.has([{ name: 'job', op: '=', value: 'b' }], 0, 31 * minute)).toBe(false)
  })
})
