// Aggregations: the group of each row is a number worked out once, and a moment adds up by it. Sums are compensated in the very steps of the
// full evaluator (KahanSum), only that sum and compensation lie in columns.

import type { Labels } from '../../series/seam.ts'
import type { Aggregation } from '../ast.ts'
import { rankedChoice } from '../choose.ts'
import { keeper } from '../groups.ts'
import { quantileOf } from '../quantile.ts'
import { metricName } from '../vector.ts'
import { firstRows, gather, numberRows } from './numbering.ts'
import { type Moment, noColumn, Rows, type ScalarPlan } from './rows.ts'

/** Names that decide the group. */
function groupNames({ grouping, without }: Aggregation, names: ReadonlySet<string>): readonly string[] {
  if (!without) return grouping.filter((name) => names.has(name))
  return [...names].filter((name) => name !== metricName && !grouping.includes(name))
}

abstract class GroupedRows extends Rows {
  protected readonly child: Rows
  protected readonly node: Aggregation
  protected groups = new Int32Array(0)
  protected groupCount = 0
  protected kept: readonly string[] = []
  private built = -1

  constructor(child: Rows, node: Aggregation) {
    super()
    this.child = child
    this.node = node
  }

  protected prepare(moment: Moment): boolean {
    const { child } = this
    if (!child.run(moment)) return false
    if (child.version !== this.built) {
      this.built = child.version
      this.kept = groupNames(this.node, child.names())
      const numbering = numberRows(
        this.kept.map((name) => child.column(name)),
        child.size,
      )
      this.groups = numbering.ids as Int32Array<ArrayBuffer>
      this.groupCount = numbering.count
      this.regrouped(firstRows(numbering))
    }
    return true
  }

  protected abstract regrouped(first: Int32Array): void
}

export const foldedOperators: ReadonlySet<string> = new Set(
  'sum avg count group min max stddev stdvar quantile'.split(' '),
)

/** One row for each group. */
export class FoldedRows extends GroupedRows {
  private readonly parameter: ScalarPlan | null
  private readonly keep: (label: readonly [name: string, value: string]) => boolean
  private first = new Int32Array(0)
  private counts = new Int32Array(0)
  private lost = new Float64Array(0)
  protected squares = new Float64Array(0)

  constructor(child: Rows, node: Aggregation, parameter: ScalarPlan | null) {
    super(child, node)
    this.parameter = parameter
    this.keep = keeper(node)
  }

  protected regrouped(first: Int32Array): void {
    this.renew(this.groupCount)
    this.first = first as Int32Array<ArrayBuffer>
    this.counts = new Int32Array(this.groupCount)
    this.lost = new Float64Array(this.groupCount)
    this.squares = new Float64Array(this.groupCount)
  }

  protected work(moment: Moment): boolean {
    if (!this.prepare(moment)) return false
    if (this.parameter !== null && !this.parameter.run(moment)) return false
    this.begin()
    switch (this.node.op) {
      case 'sum':
        this.add()
        this.finish((group) => this.total(group))
        return true
      case 'avg':
        this.add()
        // Past the largest number the mean is worked out otherwise.
        for (let i = 0; i < this.count; i++) if (!Number.isFinite(this.values[this.live[i]!])) return false
        this.finish((group) => this.values[group]! / this.counts[group]! + this.lost[group]! / this.counts[group]!)
        return true
      case 'count':
        this.finish((group) => this.counts[group]!)
        return true
      case 'group':
        this.finish(() => 1)
        return true
      case 'min':
        this.least()
        return true
      case 'max':
        this.greatest()
        return true
      case 'quantile':
        return this.quantile(moment)
      default:
        this.deviate()
        return true
    }
  }

  /** Which groups there are, in the order of their first rows, and how many rows each has. */
  private begin(): void {
    const { child, groups, counts, live } = this
    counts.fill(0)
    let count = 0
    for (let i = 0; i < child.count; i++) {
      const group = groups[child.live[i]!]!
      if (counts[group]!++ === 0) live[count++] = group
    }
    this.count = count
  }

  private finish(value: (group: number) => number): void {
    for (let i = 0; i < this.count; i++) this.values[this.live[i]!] = value(this.live[i]!)
  }

  /** The steps of KahanSum. */
  private add(): void {
    const { child, groups, lost } = this
    const sums = this.values.fill(0)
    lost.fill(0)
    for (let i = 0; i < child.count; i++) {
      const row = child.live[i]!
      const value = child.values[row]!
      const group = groups[row]!
      const sum = sums[group]!
      const next = sum + value
      if (!Number.isFinite(next)) lost[group] = 0
      else if (Math.abs(sum) >= Math.abs(value)) lost[group]! += sum - next + value
      else lost[group]! += value - next + sum
      sums[group] = next
    }
  }

  private total(group: number): number {
    const sum = this.values[group]!
    return Number.isFinite(sum) ? sum + this.lost[group]! : sum
  }

  private least(): void {
    const { child, groups, values, counts } = this
    counts.fill(0)
    for (let i = 0; i < child.count; i++) {
      const row = child.live[i]!
      const [value, group] = [child.values[row]!, groups[row]!]
      const best = values[group]!
      if (counts[group]!++ === 0 || value < best || Number.isNaN(best)) values[group] = value
    }
  }

  private greatest(): void {
    const { child, groups, values, counts } = this
    counts.fill(0)
    for (let i = 0; i < child.count; i++) {
      const row = child.live[i]!
      const [value, group] = [child.values[row]!, groups[row]!]
      const best = values[group]!
      if (counts[group]!++ === 0 || value > best || Number.isNaN(best)) values[group] = value
    }
  }

  /** Welford's running variance. */
  private deviate(): void {
    const { child, groups, counts, squares, lost: means } = this
    counts.fill(0)
    squares.fill(0)
    means.fill(0)
    for (let i = 0; i < child.count; i++) {
      const row = child.live[i]!
      const [value, group] = [child.values[row]!, groups[row]!]
      const delta = value - means[group]!
      means[group]! += delta / ++counts[group]!
      squares[group]! += delta * (value - means[group]!)
    }
    const root = this.node.op === 'stddev'
    this.finish((group) => {
      const variance = squares[group]! / counts[group]!
      return root ? Math.sqrt(variance) : variance
    })
  }

  private quantile(moment: Moment): boolean {
    const { child, groups, counts } = this
    const q = this.parameter!.value
    moment.noted ||= !(q >= 0 && q <= 1)
    // Groups side by side, each with its rows in their order.
    const ends = new Int32Array(this.groupCount)
    let end = 0
    for (let i = 0; i < this.count; i++) {
      ends[this.live[i]!] = end
      end += counts[this.live[i]!]!
    }
    const gathered = new Float64Array(end)
    for (let i = 0; i < child.count; i++) {
      const row = child.live[i]!
      gathered[ends[groups[row]!]!++] = child.values[row]!
    }
    this.finish((group) => quantileOf(q, gathered.subarray(ends[group]! - counts[group]!, ends[group])))
    return true
  }

  labels(row: number): Labels {
    return this.child.labels(this.first[row]!).filter(this.keep)
  }
  names(): ReadonlySet<string> {
    return new Set(this.kept)
  }
  column(name: string): Int32Array {
    return this.kept.includes(name) ? gather(this.child.column(name), this.first) : noColumn(this.size)
  }
}

/** topk and bottomk: rows of the child, group after group, best first. */
export class ChosenRows extends GroupedRows {
  private readonly parameter: ScalarPlan
  protected heads = new Int32Array(0)
  protected tails = new Int32Array(0)
  protected next = new Int32Array(0)

  constructor(child: Rows, node: Aggregation, parameter: ScalarPlan) {
    super(child, node)
    this.parameter = parameter
  }

  protected regrouped(): void {
    this.renew(this.child.size)
    this.heads = new Int32Array(this.groupCount)
    this.tails = new Int32Array(this.groupCount)
    this.next = new Int32Array(this.size)
  }

  protected work(moment: Moment): boolean {
    if (!this.prepare(moment) || !this.parameter.run(moment)) return false
    const k = this.parameter.value
    if (!(Math.abs(k) < 2 ** 53)) return false
    const { child, groups, heads, tails, next, live } = this
    this.values = child.values
    this.count = 0
    if (k < 1) return true
    heads.fill(-1)
    const order: number[] = []
    for (let i = 0; i < child.count; i++) {
      const row = child.live[i]!
      const group = groups[row]!
      if (heads[group] === -1) {
        heads[group] = row
        order.push(group)
      } else next[tails[group]!] = row
      tails[group] = row
      next[row] = -1
    }
    const best = rankedChoice(this.node.op === 'topk')
    const value = (row: number): number => child.values[row]!
    for (const group of order) {
      const members: number[] = []
      for (let row = heads[group]!; row !== -1; row = next[row]!) members.push(row)
      for (const row of best(members, value, k)) live[this.count++] = row
    }
    return true
  }

  labels(row: number): Labels {
    return this.child.labels(row)
  }
  names(): ReadonlySet<string> {
    return this.child.names()
  }
  column(name: string): Int32Array {
    return this.child.column(name)
  }
}
