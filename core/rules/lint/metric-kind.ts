// What a metric is, as far as its name tells: the catalogue knows ours, the suffixes of the exposition formats tell counters, and some words belong to
// gauges only.

import { findMetric } from '../../sample/metric-catalogue.ts'

/** `unlikely`: nothing says that it is a counter. */
export type MetricKind = 'counter' | 'gauge' | 'unlikely' | 'unknown'

const counterSuffix = /_(?:total|count|sum|bucket|created)$/
const gaugeWords =
  /(?:^|[_:])(?:util|utili[sz]ation|usage|used|free|available|ratio|percent|percentage|temp|temperature|celsius|celcius|watts|power|fan|clock|size|depth|length|limit|capacity|active|current|running|waiting|in_use|inflight|pending|up|info|timestamp|load\d*|level|state|status)(?:$|[_:])/i

export function kindOf(name: string): MetricKind {
  const known = findMetric(name)
  if (known !== undefined) return known.type === 'gauge' ? 'gauge' : 'counter'
  if (counterSuffix.test(name)) return 'counter'
  // What rules record may be anything.
  if (name.includes(':')) return 'unknown'
  return gaugeWords.test(name) ? 'gauge' : 'unlikely'
}

/** One of our own names that the catalogue does not know. */
export function isUnknownOurs(name: string): boolean {
  if (!/^(?:inferward|inference)_[a-z0-9_]+$/.test(name)) return false
  return findMetric(name.replace(/_created$/, '')) === undefined
}
