// What each rule costs and whether it sees its data, as metrics of the server. Rules of one name in one group are told together; how many are told is
// bounded. What an expression reads is measured now and then, one rule at a time, by asking it as anybody could.

import { errorText } from '../core/base/errors.ts'
import type { Log } from '../core/base/log.ts'
import type { RuleCost } from '../core/rules/view.ts'
import type { Reading } from './telemetry/metrics.ts'
import type { StoreClient } from './tsdb/store-client.ts'

export type RuleMetrics = {
  readings(costs: readonly RuleCost[]): readonly Reading[]
  /** Measures the next rule. */
  measure(costs: readonly RuleCost[], now: number): Promise<void>
}

export const mostRules = 1000
const measureMs = 5000

export function openRuleMetrics(deps: { readonly store: Pick<StoreClient, 'query'>; readonly log: Log }): RuleMetrics {
  let next = 0
  /** Samples by the text of the query. */
  const read = new Map<string, number>()
  return {
    readings(costs) {
      const rows = new Map<string, RuleCost & { readonly samples: number }>()
      for (const cost of costs) {
        const key = JSON.stringify([cost.group, cost.rule])
        const known = rows.get(key)
        const samples = read.get(cost.query) ?? Number.NaN
        if (known === undefined) rows.set(key, { ...cost, samples })
        else rows.set(key, { ...joined(known, cost), samples: known.samples + samples })
      }
      const told = [...rows.values()].slice(0, mostRules)
      return [
        { name: 'inferward_rules_unlisted', value: rows.size - told.length },
        ...told.flatMap(({ group, rule, seconds, series, failing, blind, samples }) => {
          const labels = { group, rule }
          return [
            { name: 'inferward_rule_evaluation_seconds', value: seconds, labels },
            { name: 'inferward_rule_samples_read', value: samples, labels },
            { name: 'inferward_rule_series', value: series, labels },
            { name: 'inferward_rule_failing', value: Number(failing), labels },
            { name: 'inferward_rule_blind', value: Number(blind), labels },
          ].filter(({ value }) => !Number.isNaN(value))
        }),
      ]
    },
    async measure(costs, now) {
      const queries = [...new Set(costs.slice(0, mostRules).map(({ query }) => query))]
      for (const query of read.keys()) if (!queries.includes(query)) read.delete(query)
      const query = queries[next++ % Math.max(1, queries.length)]
      if (query === undefined) return
      try {
        const request = { query, time: now, timeoutMs: measureMs, lookbackMs: null, stats: true }
        const { cost } = await deps.store.query(request)
        if (cost !== undefined) read.set(query, cost.samplesRead)
      } catch (error) {
        read.delete(query)
        deps.log.debug('what a rule reads could not be measured', { query, error: errorText(error) })
      }
    },
  }
}

function joined(a: RuleCost, b: RuleCost): RuleCost {
  return {
    ...a,
    seconds: a.seconds + b.seconds,
    series: a.series + b.series,
    failing: a.failing || b.failing,
    blind: a.blind || b.blind,
  }
}
