// sort, sort_desc and their kin by label. Only an instant answer has an order: over a range they change nothing, and a warning says so.

import type { Call } from './ast.ts'
import type { Evaluation, Grid } from './evaluation.ts'
import { labelValue, type StepSeries, type Vector } from './vector.ts'

export function sortCall(evaluation: Evaluation, { name, args, span }: Call, grid: Grid): Vector {
  const vector = evaluation.vector(args[0]!, grid)
  if (!grid.single) {
    evaluation.options.notes.sortInRange(span.start)
    return vector
  }
  const labels = args.slice(1).map((one) => evaluation.value(one, grid) as string)
  const sign = name.endsWith('_desc') ? -1 : 1
  const order = name.startsWith('sort_by_label') ? byLabel(labels) : byValue(sign)
  return name.startsWith('sort_by_label') ? [...vector].sort((a, b) => sign * order(a, b)) : [...vector].sort(order)
}

type Order = (a: StepSeries, b: StepSeries) => number

/** NaN comes last in either direction. */
const byValue =
  (sign: number): Order =>
  (a, b) => {
    const [x, y] = [a.values[0]!, b.values[0]!]
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y))
    return x === y ? 0 : (x < y ? -1 : 1) * sign
  }

const byLabel =
  (names: readonly string[]): Order =>
  (a, b) => {
    for (const name of names) {
      const order = naturally(labelValue(a.labels, name), labelValue(b.labels, name))
      if (order !== 0) return order
    }
    return compareLabels(a.labels, b.labels)
  }

/** Runs of digits compare as numbers, the rest by characters. */
export function naturally(a: string, b: string): number {
  const [x, y] = [a.match(/\d+|\D+/g) ?? [], b.match(/\d+|\D+/g) ?? []]
  for (let at = 0; at < Math.min(x.length, y.length); at++) {
    const [p, q] = [x[at]!, y[at]!]
    if (p === q) continue
    if (/^\d/.test(p) && /^\d/.test(q)) {
      const [m, n] = [p.replace(/^0+/, ''), q.replace(/^0+/, '')]
      if (m.length !== n.length) return m.length - n.length
      if (m !== n) return m < n ? -1 : 1
      return p.length - q.length
    }
    return p < q ? -1 : 1
  }
  return x.length - y.length
}

/** Name by name, value by value; fewer labels first where one is the beginning of the other. */
export function compareLabels(a: StepSeries['labels'], b: StepSeries['labels']): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const [[name, value], [otherName, otherValue]] = [a[at]!, b[at]!]
    if (name !== otherName) return name < otherName ? -1 : 1
    if (value !== otherValue) return value < otherValue ? -1 : 1
  }
  return a.length - b.length
}
