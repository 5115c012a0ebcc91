// Groups of an aggregation: which labels stay, and which series fall together.

import type { Labels } from '../series/seam.ts'
import type { Aggregation } from './ast.ts'
import { keyOf, metricName, type StepSeries, type Vector } from './vector.ts'

export type Group = { readonly labels: Labels; readonly members: StepSeries[] }

type Grouping = Pick<Aggregation, 'grouping' | 'without'>

/** Which labels a group keeps. */
export function keeper({ grouping, without }: Grouping): (label: readonly [name: string, value: string]) => boolean {
  const names = new Set(grouping)
  return without ? ([name]) => name !== metricName && !names.has(name) : ([name]) => names.has(name)
}

export function groupsOf(node: Grouping, vector: Vector): readonly Group[] {
  const keep = keeper(node)
  const groups = new Map<string, Group>()
  for (const series of vector) {
    const labels = series.labels.filter(keep)
    const key = keyOf(labels)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { labels, members: [series] })
    else group.members.push(series)
  }
  return [...groups.values()]
}
