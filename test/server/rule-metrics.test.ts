// What each rule costs, as metrics: rules of one name together, a bounded number, and what they read measured one by one.

import { describe, expect, it } from 'vitest'
import { silentLog } from '../../core/base/log.ts'
import type { RuleCost } from '../../core/rules/view.ts'
import { mostRules, openRuleMetrics } from '../../server/rule-metrics.ts'

const cost = (more: Partial<RuleCost> = {}): RuleCost => ({
  group: 'g',
  rule: 'A',
  query: 'a > 1',
  seconds: 0.5,
  series: 2,
  failing: false,
  blind: false,
  ...more,
})

function stand() {
  const asked: string[] = []
  const metrics = openRuleMetrics({
    log: silentLog,
    store: {
      async query({ query, stats }) {
        asked.push(query)
        expect(stats).toBe(true)
        if (query === 'broken') throw new Error('no')
        return { type: 'vector', time: 0, samples: [], cost: { evaluationMs: 1, samplesRead: query.length } }
      },
    },
  })
  const shown = (costs: readonly RuleCost[]) =>
    metrics
      .readings(costs)
      .map(({ name, value, labels }) => `${name.replace('inferward_', '')} ${labels?.rule ?? '-'} ${value}`)
  return { asked, metrics, shown }
}

describe('the metrics of rules', () => {
  it('tell duration, series, health and blindness, and what is read once it was measured', async () => {
    const { metrics, shown } = stand()
    const costs = [cost({ failing: true, blind: true })]
    const plain = [
      'rules_unlisted - 0',
      'rule_evaluation_seconds A 0.5',
      'rule_series A 2',
      'rule_failing A 1',
      'rule_blind A 1',
    ]
    expect(shown(costs).sort()).toEqual([...plain].sort())
    await metrics.measure(costs, 1000)
    expect(shown(costs).sort()).toEqual([...plain, 'rule_samples_read A 5'].sort())
  })

  it('tell rules of one name in one group together', () => {
    const { shown } = stand()
    expect(
      shown([cost(), cost({ query: 'b', blind: true }), cost({ group: 'h' })]).filter((one) => / A /.test(one)),
    ).toEqual([
      'rule_evaluation_seconds A 1',
      'rule_series A 4',
      'rule_failing A 0',
      'rule_blind A 1',
      'rule_evaluation_seconds A 0.5',
      'rule_series A 2',
      'rule_failing A 0',
      'rule_blind A 0',
    ])
  })

  it('measure one rule after another, and pass over one that cannot be asked', async () => {
    const { asked, metrics, shown } = stand()
    const costs = [cost(), cost({ rule: 'B', query: 'broken' })]
    for (let turn = 0; turn < 3; turn++) await metrics.measure(costs, 1000)
    expect(asked).toEqual(['a > 1', 'broken', 'a > 1'])
    expect(shown(costs).filter((one) => /samples_read/.test(one))).toEqual(['rule_samples_read A 5'])
  })

  it('are bounded, and say how many rules they leave out', () => {
    const { shown } = stand()
    const costs = Array.from({ length: mostRules + 3 }, (_, i) => cost({ rule: `R${i}` }))
    expect(shown(costs)[0]).toBe('rules_unlisted - 3')
    expect(shown(costs)).toHaveLength(1 + mostRules * 4)
  })
})
