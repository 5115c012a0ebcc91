// Which parts of a query give the same at every step: they are worked out once.

import type { Node } from './ast.ts'
import type { Value } from './evaluation.ts'
import { timeFunctions } from './point-functions.ts'

/** True for constants, and for selectors pinned by `@`. */
export function invariant(node: Node): boolean {
  switch (node.kind) {
    case 'number':
    case 'string':
      return true
    case 'selector':
    case 'subquery':
      return node.at !== null
    case 'matrix':
      return node.selector.at !== null
    case 'paren':
    case 'unary':
      return invariant(node.inner)
    case 'aggregation':
      return invariant(node.inner) && (node.parameter === null || invariant(node.parameter))
    case 'binary':
      return invariant(node.left) && invariant(node.right)
    case 'call':
      if (node.name === 'timestamp' && node.args[0]?.kind === 'selector') return invariant(node.args[0])
      // These read the clock of the step, whatever their arguments are pinned to.
      if (readsClock.has(node.name) || timeFunctions.has(node.name)) return false
      return node.args.every(invariant)
  }
}

const readsClock: ReadonlySet<string> = new Set(['time', 'timestamp', 'predict_linear', 'info'])

/** One step's value at every step. */
export function broadcast(value: Value, steps: number): Value {
  if (typeof value === 'string') return value
  if (value instanceof Float64Array) return new Float64Array(steps).fill(value[0]!)
  return value.map((series) => ({
    ...series,
    values: new Float64Array(steps).fill(series.values[0]!),
    present: new Uint8Array(steps).fill(series.present[0]!),
  }))
}
