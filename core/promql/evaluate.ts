// Works a checked tree out over a grid of steps. Selectors are resolved once, samples read once per series; what does not depend on the step
// is worked out once. Bounded in samples and in time.

import { aggregate } from './aggregate.ts'
import { calculate } from './arithmetic.ts'
import { type Binary, type Node, setOperators, trimOperators, unwrap, type VectorSelector } from './ast.ts'
import { setOperation, vectorScalar, vectorVector } from './binary.ts'
import { call } from './calls.ts'
import { executionError, timeoutError } from './errors.ts'
import { type EvaluateOptions, type Evaluation, type Grid, tooManySamples, type Value } from './evaluation.ts'
import { broadcast, invariant } from './invariant.ts'
import { select } from './select.ts'
import { anyPresent, dropAtEnd, dropAtOnce, mapPoints, type Naming, type Vector } from './vector.ts'

export class Evaluator implements Evaluation {
  readonly options: EvaluateOptions
  readonly naming: Naming
  private samples = 0

  constructor(options: EvaluateOptions) {
    this.options = options
    this.naming = options.delayedNames ? dropAtEnd : dropAtOnce
  }

  count(samples: number): void {
    if (this.options.aborted()) throw timeoutError()
    this.samples += samples
    if (this.samples > this.options.maxSamples) throw executionError(tooManySamples)
  }

  demand(series: number, steps: number): void {
    if (series * steps > this.options.maxSamples) throw executionError(tooManySamples)
  }

  vector(node: Node, grid: Grid): Vector {
    return this.value(node, grid) as Vector
  }

  scalar(node: Node, grid: Grid): Float64Array {
    return this.value(node, grid) as Float64Array
  }

  value(node: Node, grid: Grid): Value {
    if (this.options.aborted()) throw timeoutError()
    const steps = grid.times.length
    if (steps > 0 && !grid.single && node.kind !== 'number' && node.kind !== 'string' && invariant(node)) {
      const once = this.step(node, { ...grid, times: grid.times.slice(0, 1), single: true })
      if (Array.isArray(once)) this.demand(once.length, steps)
      return broadcast(once, steps)
    }
    return this.step(node, grid)
  }

  private step(node: Node, grid: Grid): Value {
    switch (node.kind) {
      case 'number':
        return new Float64Array(grid.times.length).fill(node.value)
      case 'string':
        return node.value
      case 'paren':
        return this.value(unwrap(node), grid)
      case 'unary': {
        const inner = this.value(node.inner, grid)
        if (node.op === '+' || typeof inner === 'string') return inner
        if (inner instanceof Float64Array) return inner.map((value) => -value)
        return mapPoints(inner, (value) => -value, this.naming)
      }
      case 'selector':
        return this.selector(node, grid)
      case 'aggregation': {
        const parameter = node.parameter === null ? null : this.value(unwrap(node.parameter), grid)
        const vector = this.vector(unwrap(node.inner), grid)
        return aggregate(this, node, vector, parameter as Float64Array | string | null, grid.times.length)
      }
      case 'binary':
        return this.binary(node, grid)
      case 'call':
        return call(this, node, grid)
      default:
        throw executionError('a range vector is no result: wrap it into a function')
    }
  }

  private selector(node: VectorSelector, grid: Grid): Vector {
    return select(this, node, grid, 'value')
  }

  private binary(node: Binary, grid: Grid): Value {
    const left = this.value(node.left, grid)
    const right = this.value(node.right, grid)
    if (left instanceof Float64Array && right instanceof Float64Array) {
      if (trimOperators.has(node.op)) throw executionError(`operator "${node.op}" not allowed for Scalar operations`)
      return left.map((value, step) => calculate(node.op, value, right[step]!))
    }
    const steps = grid.times.length
    let out: Vector
    if (right instanceof Float64Array) out = vectorScalar(this, node, left as Vector, right, true)
    else if (left instanceof Float64Array) out = vectorScalar(this, node, right as Vector, left, false)
    else if (setOperators.has(node.op)) out = setOperation(node, left as Vector, right as Vector, steps)
    else out = vectorVector(this, node, left as Vector, right as Vector, steps)
    return out.filter(anyPresent)
  }
}
