// The syntax tree of PromQL: plain data, every node with the span of text it came from. Durations and times are milliseconds. Where the
// text worked a duration out (`[step() * 2]`), the expression stands beside the number, which then is 0 until `resolve` fills it in.

import type { Matcher } from '../series/seam.ts'

export type ValueType = 'scalar' | 'vector' | 'matrix' | 'string' | 'none'

/** Offsets into the query text, end exclusive. */
export type Span = { readonly start: number; readonly end: number }

export type AtModifier = number | 'start' | 'end'

/** Seconds, worked out from numbers, durations, `step()` and `range()`. */
export type DurationNode =
  | { readonly kind: 'literal'; readonly span: Span; readonly seconds: number; readonly duration: boolean }
  | { readonly kind: 'context'; readonly span: Span; readonly name: 'step' | 'range' }
  | {
      readonly kind: 'operation'
      readonly span: Span
      readonly op: '+' | '-' | '*' | '/' | '%' | '^' | 'min_of' | 'max_of'
      /** Null for a sign. */
      readonly left: DurationNode | null
      readonly right: DurationNode
      readonly wrapped: boolean
    }

export type NumberLiteral = {
  readonly kind: 'number'
  readonly span: Span
  readonly value: number
  /** Written as a duration, and printed so. */
  readonly duration: boolean
}
export type StringLiteral = { readonly kind: 'string'; readonly span: Span; readonly value: string }
export type Paren = { readonly kind: 'paren'; readonly span: Span; readonly inner: Node }
export type Unary = { readonly kind: 'unary'; readonly span: Span; readonly op: '+' | '-'; readonly inner: Node }

type Shift = {
  readonly offsetMs: number
  readonly offsetExpr: DurationNode | null
  readonly at: AtModifier | null
}
export type VectorSelector = Shift & {
  readonly kind: 'selector'
  readonly span: Span
  /** The name where it was written as one; then the last matcher says the same. */
  readonly name: string | null
  /** `__name__` included. */
  readonly matchers: readonly Matcher[]
  /** Values at the bounds of the range: taken from before, or drawn as a line between neighbours. */
  readonly extended: 'anchored' | 'smoothed' | null
}
export type MatrixSelector = {
  readonly kind: 'matrix'
  readonly span: Span
  readonly selector: VectorSelector
  readonly rangeMs: number
  readonly rangeExpr: DurationNode | null
}
export type Subquery = Shift & {
  readonly kind: 'subquery'
  readonly span: Span
  readonly inner: Node
  readonly rangeMs: number
  readonly rangeExpr: DurationNode | null
  /** 0: the evaluation's default interval. */
  readonly stepMs: number
  readonly stepExpr: DurationNode | null
}
export type Call = { readonly kind: 'call'; readonly span: Span; readonly name: string; readonly args: readonly Node[] }
export type Aggregation = {
  readonly kind: 'aggregation'
  readonly span: Span
  readonly op: string
  readonly inner: Node
  readonly parameter: Node | null
  readonly grouping: readonly string[]
  readonly without: boolean
}
export type Matching = {
  readonly on: boolean
  readonly labels: readonly string[]
  readonly card: 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many'
  readonly include: readonly string[]
  /** What stands for a partner that is missing on that side. */
  readonly fillLeft: number | null
  readonly fillRight: number | null
}
export type Binary = {
  readonly kind: 'binary'
  readonly span: Span
  readonly op: string
  readonly left: Node
  readonly right: Node
  readonly bool: boolean
  /** Null when a side is a scalar. */
  readonly matching: Matching | null
}

export type Node =
  | NumberLiteral
  | StringLiteral
  | Paren
  | Unary
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Call
  | Aggregation
  | Binary

export const setOperators: ReadonlySet<string> = new Set(['and', 'or', 'unless'])
export const comparisonOperators: ReadonlySet<string> = new Set(['==', '!=', '<', '>', '<=', '>='])
/** They cut native histograms; for floats they give nothing. */
export const trimOperators: ReadonlySet<string> = new Set(['</', '>/'])

export function children(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'paren':
    case 'unary':
    case 'subquery':
      return [node.inner]
    case 'matrix':
      return [node.selector]
    case 'call':
      return node.args
    case 'aggregation':
      return node.parameter === null ? [node.inner] : [node.parameter, node.inner]
    case 'binary':
      return [node.left, node.right]
    default:
      return []
  }
}

export function walk(
  node: Node,
  visit: (node: Node, parents: readonly Node[]) => void,
  parents: readonly Node[] = [],
): void {
  visit(node, parents)
  const below = children(node)
  if (below.length === 0) return
  const path = [...parents, node]
  for (const child of below) walk(child, visit, path)
}

/** A copy in which every node is what `change` makes of it, children first. */
export function rewrite(node: Node, change: (node: Node) => Node): Node {
  switch (node.kind) {
    case 'paren':
    case 'unary':
    case 'subquery':
      return change({ ...node, inner: rewrite(node.inner, change) })
    case 'matrix':
      return change({ ...node, selector: rewrite(node.selector, change) as VectorSelector })
    case 'call':
      return change({ ...node, args: node.args.map((one) => rewrite(one, change)) })
    case 'aggregation':
      return change({
        ...node,
        inner: rewrite(node.inner, change),
        parameter: node.parameter === null ? null : rewrite(node.parameter, change),
      })
    case 'binary':
      return change({ ...node, left: rewrite(node.left, change), right: rewrite(node.right, change) })
    default:
      return change(node)
  }
}

export function unwrap(node: Node): Node {
  let inner = node
  while (inner.kind === 'paren') inner = inner.inner
  return inner
}
