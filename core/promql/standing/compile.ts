// A checked tree into a plan. What has no part here makes the whole tree unplanned: then the full evaluator answers. Parts with the same text are
// one part, over all plans of one compiler.

import type { Querier } from '../../series/seam.ts'
import {
  type Aggregation,
  type Binary,
  type Call,
  comparisonOperators,
  type Node,
  setOperators,
  trimOperators,
  unwrap,
  walk,
} from '../ast.ts'
import { typeOf } from '../check.ts'
import { absentLabels } from '../label-functions.ts'
import { pointFunctions, timeFunctions } from '../point-functions.ts'
import { printNode } from '../print.ts'
import { rangeFunctions } from '../range-functions.ts'
import { metricName } from '../vector.ts'
import { ChosenRows, FoldedRows, foldedOperators } from './aggregated.ts'
import { HistogramRows } from './histogram.ts'
import { CalculatedRows, FilteredRows, PointRows } from './mapped.ts'
import { MatchedRows } from './matched.ts'
import { textNumbers } from './numbering.ts'
import { RangeRows } from './range.ts'
import type { Rows, ScalarPlan, Source } from './rows.ts'
import {
  AbsentRows,
  ConstantRows,
  calculatedScalar,
  constantScalar,
  negatedScalar,
  onlyScalar,
  timeScalar,
} from './scalars.ts'
import { InstantRows } from './selector.ts'
import { KeptRows, UnitedRows } from './sets.ts'

/** A part of a query that plans know nothing of. */
class Unplanned extends Error {}

export type Plan = {
  readonly root: Rows
  /** Every part of it, each behind those that it is made of. */
  readonly parts: readonly Rows[]
}
export type Compiler = {
  /** Null: this query has no plan. */
  compile(node: Node): Plan | null
  /** Parts that read this metric; those that may read any metric are among them. */
  readers(metric: string): readonly Rows[]
}

export function openCompiler(querier: Querier, maxRows = Number.POSITIVE_INFINITY): Compiler {
  const { bulk } = querier
  if (bulk === undefined) return { compile: () => null, readers: () => [] }
  const source: Source = { querier, bulk, maxRows }
  const parts = new Map<string, Rows>()
  /** By metric; under the empty name those that may read any. */
  const reading = new Map<string, Set<Rows>>()
  const textNumber = textNumbers(bulk.find)
  /** Parts of the query that is being compiled. */
  let used = new Set<Rows>()
  /** Of every part: itself and all that it is made of. */
  const within = new Map<Rows, ReadonlySet<Rows>>()

  const rows = (given: Node): Rows => {
    const node = unwrap(given)
    const key = printNode(node)
    let part = parts.get(key)
    if (part === undefined) {
      const around = used
      used = new Set()
      try {
        part = make(node)
        parts.set(key, part)
        within.set(part, used.add(part))
      } finally {
        used = around
      }
    }
    for (const one of within.get(part) ?? []) used.add(one)
    for (const metric of metricsOf(node)) reading.set(metric, (reading.get(metric) ?? new Set()).add(part))
    return part
  }

  const make = (node: Node): Rows => {
    switch (node.kind) {
      case 'selector':
        if (node.extended !== null || node.offsetExpr !== null) throw new Unplanned()
        return new InstantRows(source, node)
      case 'unary': {
        const inner = rows(node.inner)
        return node.op === '+' ? inner : new PointRows(inner, (value) => -value)
      }
      case 'aggregation':
        return aggregated(node)
      case 'binary':
        return binary(node)
      case 'call':
        return call(node)
      default:
        throw new Unplanned()
    }
  }

  const aggregated = (node: Aggregation): Rows => {
    const inner = rows(node.inner)
    const parameter = node.parameter === null ? null : scalar(node.parameter)
    if (foldedOperators.has(node.op)) return new FoldedRows(inner, node, parameter)
    if ((node.op === 'topk' || node.op === 'bottomk') && parameter !== null)
      return new ChosenRows(inner, node, parameter)
    throw new Unplanned()
  }

  const binary = (node: Binary): Rows => {
    const { op, bool, matching } = node
    if (trimOperators.has(op)) throw new Unplanned()
    const [leftType, rightType] = [typeOf(node.left), typeOf(node.right)]
    if (leftType === 'scalar' || rightType === 'scalar') {
      const vectorOnLeft = leftType === 'vector'
      const vector = rows(vectorOnLeft ? node.left : node.right)
      const number = scalar(vectorOnLeft ? node.right : node.left)
      return comparisonOperators.has(op) && !bool
        ? new FilteredRows(vector, number, op, vectorOnLeft)
        : new CalculatedRows(vector, number, op, vectorOnLeft)
    }
    if (matching === null || matching.fillLeft !== null || matching.fillRight !== null) throw new Unplanned()
    const [left, right] = [rows(node.left), rows(node.right)]
    if (op === 'or') return new UnitedRows(node, left, right)
    return setOperators.has(op) ? new KeptRows(node, left, right) : new MatchedRows(node, left, right)
  }

  const call = (node: Call): Rows => {
    const args = node.args.map(unwrap)
    if (rangeFunctions.has(node.name)) return range(node, node.name)
    const point = pointFunctions.get(node.name)
    if (point !== undefined) {
      if (args.length === 0) {
        if (!timeFunctions.has(node.name)) throw new Unplanned()
        const now: ScalarPlan = {
          value: Number.NaN,
          run(moment) {
            this.value = point(Math.floor(moment.time / 1000))
            return true
          },
        }
        return new ConstantRows(now)
      }
      const parameters = args.slice(1).map((one) => scalar(one))
      return new PointRows(rows(args[0]!), (value, given) => point(value, ...given), parameters, node.name === 'clamp')
    }
    switch (node.name) {
      case 'vector':
        return new ConstantRows(scalar(args[0]!))
      case 'absent':
        return absent(args[0]!, rows(args[0]!))
      case 'absent_over_time':
        return absent(args[0]!, range(node, 'present_over_time'))
      case 'histogram_quantile':
        return new HistogramRows(scalar(args[0]!), rows(args[1]!), bulk.text)
      default:
        throw new Unplanned()
    }
  }

  const absent = (argument: Node, inner: Rows): Rows =>
    new AbsentRows(inner, absentLabels(argument), textNumber, () => querier.generation)

  const range = (node: Call, name: string): Rows => {
    const args = node.args.map(unwrap)
    const matrix = args.find((one) => typeOf(one) === 'matrix')
    if (matrix?.kind !== 'matrix' || matrix.rangeExpr !== null) throw new Unplanned()
    if (matrix.selector.extended !== null || matrix.selector.offsetExpr !== null) throw new Unplanned()
    const parameters = args.filter((one) => typeOf(one) === 'scalar').map((one) => scalar(one))
    return new RangeRows(source, name, matrix, parameters, node.name === 'absent_over_time' ? true : undefined)
  }

  const scalar = (given: Node): ScalarPlan => {
    const node = unwrap(given)
    if (node.kind === 'number') return constantScalar(node.value)
    if (node.kind === 'unary') {
      const inner = scalar(node.inner)
      return node.op === '+' ? inner : negatedScalar(inner)
    }
    if (node.kind === 'binary' && !trimOperators.has(node.op))
      return calculatedScalar(node.op, scalar(node.left), scalar(node.right))
    if (node.kind === 'call' && node.name === 'time') return timeScalar()
    if (node.kind === 'call' && node.name === 'pi') return constantScalar(Math.PI)
    if (node.kind === 'call' && node.name === 'scalar') return onlyScalar(rows(node.args[0]!))
    throw new Unplanned()
  }

  return {
    compile(node) {
      if (typeOf(node) !== 'vector') return null
      used = new Set()
      try {
        const root = rows(node)
        return { root, parts: [...used] }
      } catch (error) {
        if (error instanceof Unplanned) return null
        throw error
      }
    },
    readers: (metric) => [...(reading.get(metric) ?? []), ...(reading.get('') ?? [])],
  }
}

/** Metrics that a tree reads; the empty name where a selector may mean any. */
function metricsOf(root: Node): ReadonlySet<string> {
  const metrics = new Set<string>()
  walk(root, (node) => {
    if (node.kind !== 'selector') return
    metrics.add(node.matchers.find(({ name, op }) => name === metricName && op === '=')?.value ?? '')
  })
  return metrics
}
