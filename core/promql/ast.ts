// The syntax tree of PromQL: plain data, every node with the span of text it came from. Durations and times are milliseconds.

import type { Matcher } from '../series/seam.ts'

export type ValueType = 'scalar' | 'vector' | 'matrix' | 'string' | 'none'

/** Offsets into the query text, end exclusive. */
export type Span = { readonly start: number; readonly end: number }

export type AtModifier = number | 'start' | 'end'

export type NumberLiteral = { readonly kind: 'number'; readonly span: Span; readonly value: number }
export type StringLiteral = { readonly kind: 'string'; readonly span: Span; readonly value: string }
export type Paren = { readonly kind: 'paren'; readonly span: Span; readonly inner: Node }
export type Unary = { readonly kind: 'unary'; readonly span: Span; readonly op: '+' | '-'; readonly inner: Node }

export type VectorSelector = {
  readonly kind: 'selector'
  readonly span: Span
  /** `__name__` included. */
  readonly matchers: readonly Matcher[]
  readonly offsetMs: number
  readonly at: AtModifier | null
}
export type MatrixSelector = {
  readonly kind: 'matrix'
  readonly span: Span
  readonly selector: VectorSelector
  readonly rangeMs: number
}
export type Subquery = {
  readonly kind: 'subquery'
  readonly span: Span
  readonly inner: Node
  readonly rangeMs: number
  /** 0: the evaluation's default interval. */
  readonly stepMs: number
  readonly offsetMs: number
  readonly at: AtModifier | null
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
  const path = [...parents, node]
  for (const child of children(node)) walk(child, visit, path)
}
