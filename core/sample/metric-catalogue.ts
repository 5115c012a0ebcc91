// Every metric the product emits, in one table.

import { agentMetrics } from './catalogue-agent.ts'
import { engineMetrics } from './catalogue-engine.ts'
import { serverMetrics } from './catalogue-server.ts'
import type { Metric } from './metric.ts'

export const metricCatalogue: readonly Metric[] = [...engineMetrics, ...agentMetrics, ...serverMetrics]

const byName = new Map(metricCatalogue.map((metric) => [metric.name, metric]))

/** The entry behind a name or behind one of a histogram's series (`_bucket`, `_sum`, `_count`). */
export function findMetric(name: string): Metric | undefined {
  const direct = byName.get(name)
  if (direct !== undefined) return direct
  const base = byName.get(name.replace(/_(?:bucket|sum|count)$/, ''))
  return base?.type === 'histogram' ? base : undefined
}

/** The entry, for code that emits it: a name outside the table is a fault of the code. */
export function metric(name: string): Metric {
  const found = byName.get(name)
  if (found === undefined) throw new Error(`metric ${name} is not in the catalogue`)
  return found
}
