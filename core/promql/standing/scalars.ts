// Numbers inside a plan: constants and what is calculated from them, the time, the one value of a vector; and numbers made into vectors.

import type { Labels } from '../../series/seam.ts'
import { calculate } from '../arithmetic.ts'
import { type Moment, noColumn, Rows, type ScalarPlan } from './rows.ts'

export function constantScalar(value: number): ScalarPlan {
  return { value, run: () => true }
}

export function timeScalar(): ScalarPlan {
  return {
    value: Number.NaN,
    run(moment) {
      this.value = moment.time / 1000
      return true
    },
  }
}

export function calculatedScalar(op: string, left: ScalarPlan, right: ScalarPlan): ScalarPlan {
  return {
    value: Number.NaN,
    run(moment) {
      if (!left.run(moment) || !right.run(moment)) return false
      this.value = calculate(op, left.value, right.value)
      return true
    },
  }
}

export function negatedScalar(inner: ScalarPlan): ScalarPlan {
  return {
    value: Number.NaN,
    run(moment) {
      if (!inner.run(moment)) return false
      this.value = -inner.value
      return true
    },
  }
}

/** `scalar(vector)`. */
export function onlyScalar(rows: Rows): ScalarPlan {
  return {
    value: Number.NaN,
    run(moment) {
      if (!rows.run(moment)) return false
      this.value = rows.count === 1 ? rows.values[rows.live[0]!]! : Number.NaN
      return true
    },
  }
}

/** One row without labels: `vector(scalar)`. */
export class ConstantRows extends Rows {
  private readonly scalar: ScalarPlan

  constructor(scalar: ScalarPlan) {
    super()
    this.scalar = scalar
    this.renew(1)
  }

  protected work(moment: Moment): boolean {
    if (!this.scalar.run(moment)) return false
    this.values[0] = this.scalar.value
    this.live[0] = 0
    this.count = 1
    return true
  }

  labels(): Labels {
    return []
  }
  names(): ReadonlySet<string> {
    return new Set()
  }
  column(): Int32Array {
    return noColumn(1)
  }
}

/** `absent(vector)`: one row where the other has none, with the labels that its selector fixes. */
export class AbsentRows extends Rows {
  private readonly child: Rows
  private readonly fixed: Labels
  private readonly textNumber: (text: string) => number
  private readonly generation: () => number
  private built = Number.NaN

  constructor(child: Rows, fixed: Labels, textNumber: (text: string) => number, generation: () => number) {
    super()
    this.child = child
    this.fixed = fixed
    this.textNumber = textNumber
    this.generation = generation
  }

  protected work(moment: Moment): boolean {
    if (!this.child.run(moment)) return false
    if (this.generation() !== this.built) {
      this.built = this.generation()
      this.renew(1)
      this.values[0] = 1
    }
    this.count = this.child.count === 0 ? 1 : 0
    return true
  }

  labels(): Labels {
    return this.fixed
  }
  names(): ReadonlySet<string> {
    return new Set(this.fixed.map(([name]) => name))
  }
  column(name: string): Int32Array {
    return Int32Array.of(this.textNumber(this.fixed.find(([key]) => key === name)?.[1] ?? ''))
  }
}
