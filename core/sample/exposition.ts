// Samples as a page in Prometheus' text format, version 0.0.4: families together, type and help from the catalogue. Stale samples are left out.

import { findMetric } from './metric-catalogue.ts'
import type { SeriesSamples } from './sample.ts'

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

/** The newest sample of every series. */
export function exposition(series: readonly SeriesSamples[]): string {
  const families = new Map<string, string[]>()
  for (const { labels, values, stale } of series) {
    const last = values.length - 1
    if (last < 0 || stale?.[last] === true) continue
    const name = labels.find(([key]) => key === '__name__')?.[1] ?? ''
    const family = findMetric(name)?.name ?? name
    const pairs = labels.flatMap(([key, value]) => (key === '__name__' ? [] : [`${key}="${escaped(value)}"`]))
    const line = `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(values[last]!)}`
    const lines = families.get(family)
    if (lines === undefined) families.set(family, [line])
    else lines.push(line)
  }
  let page = ''
  for (const [family, lines] of families) {
    const metric = findMetric(family)
    if (metric !== undefined) {
      page += `# HELP ${family} ${metric.help.en.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`
      page += `# TYPE ${family} ${metric.type}\n`
    }
    page += `${lines.join('\n')}\n`
  }
  return page
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
}
