// What the series of a store are made of: which metrics have the most series, which labels the most values. Counted on demand by walking every
// label pair of the index once.

import type { Head } from '../../core/series/head.ts'
import type { Cardinality, Count } from './store-client.ts'

export function cardinalityOf(
  head: Pick<Head, 'size' | 'labelNames' | 'labelValues' | 'cardinality'>,
  limit: number,
): Cardinality {
  const [seriesByMetric, valuesByLabel, bytesByLabel, seriesByPair] = [0, 1, 2, 3].map(() => largest(limit))
  let labelPairs = 0
  for (const name of head.labelNames([])) {
    const values = head.labelValues(name, [])
    labelPairs += values.length
    let bytes = 0
    for (const value of values) {
      const series = head.cardinality(name, value)
      bytes += series * Buffer.byteLength(value)
      if (name === '__name__') seriesByMetric!.add(value, series)
      seriesByPair!.add(`${name}=${value}`, series)
    }
    valuesByLabel!.add(name, values.length)
    bytesByLabel!.add(name, bytes)
  }
  return {
    series: head.size,
    labelPairs,
    seriesByMetric: seriesByMetric!.counts(),
    valuesByLabel: valuesByLabel!.counts(),
    bytesByLabel: bytesByLabel!.counts(),
    seriesByPair: seriesByPair!.counts(),
  }
}

/** The largest counts of many, in little memory: a list twice as long as wanted is cut whenever it is full. */
function largest(limit: number) {
  let kept: Count[] = []
  const cut = (): void => {
    kept = kept.sort((a, b) => b.value - a.value || (a.name < b.name ? -1 : 1)).slice(0, limit)
  }
  return {
    add(name: string, value: number): void {
      kept.push({ name, value })
      if (kept.length > limit * 2 + 64) cut()
    },
    counts(): readonly Count[] {
      cut()
      return kept
    },
  }
}
