// Parts whose rows are those of one other part: arithmetic and comparisons with a number, functions of a point, sort. Where the value is no
// longer the metric's, its name goes.

import type { Labels } from '../../series/seam.ts'
import { calculate, compare } from '../arithmetic.ts'
import { metricName, withoutName } from '../vector.ts'
import { constant, distinct } from './numbering.ts'
import { type Moment, noColumn, Rows, type ScalarPlan } from './rows.ts'

/** Rows that differ in nothing but what tells the metric. */
export function mixedWithoutName(rows: Rows): boolean {
  const names = rows.names()
  if (names.has('__type__') || names.has('__unit__')) return true
  if (!names.has(metricName) || constant(rows.column(metricName))) return false
  return !distinct(
    [...names].filter((name) => name !== metricName).map((name) => rows.column(name)),
    rows.size,
  )
}

/** Numbered as `child` is. */
export abstract class MappedRows extends Rows {
  protected readonly child: Rows
  protected readonly named: boolean
  private built = -1
  private mixed = false

  constructor(child: Rows, named: boolean) {
    super()
    this.child = child
    this.named = named
  }

  protected work(moment: Moment): boolean {
    const { child } = this
    if (!child.run(moment)) return false
    if (child.version !== this.built) {
      this.built = child.version
      this.renew(child.size)
      this.mixed = !this.named && mixedWithoutName(child)
    }
    return !this.mixed && this.map(moment)
  }

  protected abstract map(moment: Moment): boolean

  /** Every row that `child` has, each with a value of its own. */
  protected each(f: (value: number) => number): void {
    const { child, values, live } = this
    for (let i = 0; i < child.count; i++) {
      const row = child.live[i]!
      values[row] = f(child.values[row]!)
      live[i] = row
    }
    this.count = child.count
  }

  labels(row: number): Labels {
    const labels = this.child.labels(row)
    return this.named ? labels : withoutName(labels)
  }
  names(): ReadonlySet<string> {
    const names = this.child.names()
    if (this.named || !names.has(metricName)) return names
    return new Set([...names].filter((name) => name !== metricName))
  }
  column(name: string): Int32Array {
    return name === metricName && !this.named ? noColumn(this.size) : this.child.column(name)
  }
}

/** A comparison that takes rows away. */
export class FilteredRows extends MappedRows {
  private readonly scalar: ScalarPlan
  protected readonly op: string
  protected readonly vectorOnLeft: boolean

  constructor(child: Rows, scalar: ScalarPlan, op: string, vectorOnLeft: boolean) {
    super(child, true)
    this.scalar = scalar
    this.op = op
    this.vectorOnLeft = vectorOnLeft
  }

  protected map(moment: Moment): boolean {
    if (!this.scalar.run(moment)) return false
    const { child, values, live, op, vectorOnLeft } = this
    const bound = this.scalar.value
    let count = 0
    for (let i = 0; i < child.count; i++) {
      const row = child.live[i]!
      const value = child.values[row]!
      if (!(vectorOnLeft ? compare(op, value, bound) : compare(op, bound, value))) continue
      values[row] = value
      live[count++] = row
    }
    this.count = count
    return true
  }
}

/** Arithmetic with a number, and comparisons with `bool`. */
export class CalculatedRows extends MappedRows {
  private readonly scalar: ScalarPlan
  protected readonly op: string
  private readonly vectorOnLeft: boolean

  constructor(child: Rows, scalar: ScalarPlan, op: string, vectorOnLeft: boolean) {
    super(child, false)
    this.scalar = scalar
    this.op = op
    this.vectorOnLeft = vectorOnLeft
  }

  protected map(moment: Moment): boolean {
    if (!this.scalar.run(moment)) return false
    const { op } = this
    const other = this.scalar.value
    this.each(this.vectorOnLeft ? (value) => calculate(op, value, other) : (value) => calculate(op, other, value))
    return true
  }
}

export class PointRows extends MappedRows {
  private readonly f: (value: number, parameters: readonly number[]) => number
  private readonly parameters: readonly ScalarPlan[]
  private readonly clamps: boolean

  constructor(
    child: Rows,
    f: (value: number, parameters: readonly number[]) => number,
    parameters: readonly ScalarPlan[] = [],
    clamps = false,
  ) {
    super(child, false)
    this.f = f
    this.parameters = parameters
    this.clamps = clamps
  }

  protected map(moment: Moment): boolean {
    for (const parameter of this.parameters) if (!parameter.run(moment)) return false
    const given = this.parameters.map((one) => one.value)
    this.each((value) => this.f(value, given))
    // Between bounds that have crossed, nothing remains.
    if (this.clamps && given[0]! > given[1]!) this.count = 0
    return true
  }
}
