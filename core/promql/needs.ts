// What a query cannot do without: a small formula over its selectors. Where the formula does not hold, the query has nothing to say, and its
// empty answer is ignorance, not a no.

import { type Node, walk } from './ast.ts'

/** `selector` counts selectors in the order of `selectorsOf`. `all` of nothing holds always. */
export type Needs =
  | { readonly kind: 'selector'; readonly selector: number }
  | { readonly kind: 'all' | 'any'; readonly of: readonly Needs[] }

const nothing: Needs = { kind: 'all', of: [] }

export function needsOf(root: Node): Needs {
  const order = new Map<Node, number>()
  walk(root, (node) => {
    if (node.kind === 'selector') order.set(node, order.size)
  })
  return fold(root, order)
}

function fold(node: Node, order: ReadonlyMap<Node, number>): Needs {
  switch (node.kind) {
    case 'number':
    case 'string':
      return nothing
    case 'paren':
    case 'unary':
      return fold(node.inner, order)
    case 'subquery':
      // A fixed moment of the past says nothing about whether data comes in now.
      return typeof node.at === 'number' ? nothing : fold(node.inner, order)
    case 'selector':
      return typeof node.at === 'number' ? nothing : { kind: 'selector', selector: order.get(node)! }
    case 'matrix':
      return fold(node.selector, order)
    case 'call':
      // Here nothing is an answer.
      if (node.name === 'absent' || node.name === 'absent_over_time') return nothing
      // Its other argument only adds labels.
      if (node.name === 'info') return join('all', node.args.slice(0, 1), order)
      return join('all', node.args, order)
    case 'aggregation':
      return join('all', node.parameter === null ? [node.inner] : [node.parameter, node.inner], order)
    case 'binary':
      if (node.op === 'or') return join('any', [node.left, node.right], order)
      if (node.op === 'unless') return fold(node.left, order)
      if (node.matching !== null && node.matching.fillLeft !== null && node.matching.fillRight !== null)
        return join('any', [node.left, node.right], order)
      // A side that is filled in where it is missing is not needed.
      if (node.matching !== null && node.matching.fillRight !== null) return fold(node.left, order)
      if (node.matching !== null && node.matching.fillLeft !== null) return fold(node.right, order)
      return join('all', [node.left, node.right], order)
  }
}

/** Flat, and without parts that decide nothing. */
function join(kind: 'all' | 'any', nodes: readonly Node[], order: ReadonlyMap<Node, number>): Needs {
  const parts = nodes.map((node) => fold(node, order))
  const isNothing = (part: Needs): boolean => part.kind === 'all' && part.of.length === 0
  if (kind === 'any' && parts.some(isNothing)) return nothing
  const flat = parts.flatMap((part) => (part.kind === kind ? part.of : [part]))
  return flat.length === 1 ? flat[0]! : { kind, of: flat }
}
