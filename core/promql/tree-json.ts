// A query's tree in the shape of Prometheus' parse_query answer, for clients that explain or draw queries.

import type { AtModifier, DurationNode, Matching, Node, VectorSelector } from './ast.ts'
import { goNumber } from './number-text.ts'
import { type ParseOptions, parseQuery } from './parser.ts'
import { signatures } from './signatures.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** Throws `promql.parse` where the text is no query. */
export function queryTree(text: string, options?: ParseOptions): Json {
  return treeOf(parseQuery(text, options))
}

function treeOf(node: Node): Json {
  switch (node.kind) {
    case 'number':
      return { type: 'numberLiteral', val: goNumber(node.value) }
    case 'string':
      return { type: 'stringLiteral', val: node.value }
    case 'paren':
      return { type: 'parenExpr', expr: treeOf(node.inner) }
    case 'unary':
      return { type: 'unaryExpr', op: node.op, expr: treeOf(node.inner) }
    case 'selector':
      return { type: 'vectorSelector', ...selectorFields(node) }
    case 'matrix':
      return {
        type: 'matrixSelector',
        ...selectorFields(node.selector),
        range: node.rangeMs,
        rangeExpr: durationTree(node.rangeExpr),
      }
    case 'subquery':
      return {
        type: 'subquery',
        expr: treeOf(node.inner),
        range: node.rangeMs,
        rangeExpr: durationTree(node.rangeExpr),
        step: node.stepMs,
        stepExpr: durationTree(node.stepExpr),
        ...shiftFields(node),
      }
    case 'call': {
      const { args, variadic, returns } = signatures.get(node.name)!
      return {
        type: 'call',
        func: { name: node.name, argTypes: args, variadic, returnType: returns },
        args: node.args.map(treeOf),
      }
    }
    case 'aggregation':
      return {
        type: 'aggregation',
        op: node.op,
        expr: treeOf(node.inner),
        param: node.parameter === null ? null : treeOf(node.parameter),
        grouping: node.grouping,
        without: node.without,
      }
    case 'binary':
      return {
        type: 'binaryExpr',
        op: node.op,
        lhs: treeOf(node.left),
        rhs: treeOf(node.right),
        matching: node.matching === null ? null : matchingTree(node.matching),
        bool: node.bool,
      }
  }
}

function matchingTree({ card, labels, on, include, fillLeft, fillRight }: Matching): Json {
  return { card, labels, on, include, fillValues: { lhs: fillLeft, rhs: fillRight } }
}

function selectorFields(node: VectorSelector): { readonly [name: string]: Json } {
  return {
    name: node.name ?? '',
    matchers: node.matchers.map(({ name, op, value }) => ({ name, value, type: op })),
    anchored: node.extended === 'anchored',
    smoothed: node.extended === 'smoothed',
    ...shiftFields(node),
  }
}

type Shift = {
  readonly at: AtModifier | null
  readonly offsetMs: number
  readonly offsetExpr: DurationNode | null
}

function shiftFields({ at, offsetMs, offsetExpr }: Shift): { readonly [name: string]: Json } {
  return {
    offset: offsetMs,
    offsetExpr: durationTree(offsetExpr),
    timestamp: typeof at === 'number' ? at : null,
    startOrEnd: typeof at === 'string' ? at : null,
  }
}

function durationTree(node: DurationNode | null): Json {
  if (node === null) return null
  if (node.kind === 'literal') return { type: 'numberLiteral', val: goNumber(node.seconds), duration: node.duration }
  if (node.kind === 'context') return { type: 'durationExpr', op: node.name, lhs: null, rhs: null, wrapped: false }
  return {
    type: 'durationExpr',
    op: node.op,
    lhs: durationTree(node.left),
    rhs: durationTree(node.right),
    wrapped: node.wrapped,
  }
}
