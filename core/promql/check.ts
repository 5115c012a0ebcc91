// Types of a query, checked once after reading, so that working it out never meets a wrong kind of value.

import { children, comparisonOperators, type Node, setOperators, type ValueType } from './ast.ts'
import { parseError } from './errors.ts'
import { aggregations, signatures } from './signatures.ts'

export function typeOf(node: Node): ValueType {
  switch (node.kind) {
    case 'number':
      return 'scalar'
    case 'string':
      return 'string'
    case 'paren':
    case 'unary':
      return typeOf(node.inner)
    case 'selector':
    case 'aggregation':
      return 'vector'
    case 'matrix':
    case 'subquery':
      return 'matrix'
    case 'call':
      return signatures.get(node.name)?.returns ?? 'none'
    case 'binary':
      return typeOf(node.left) === 'scalar' && typeOf(node.right) === 'scalar' ? 'scalar' : 'vector'
  }
}

const names: Readonly<Record<ValueType, string>> = {
  scalar: 'scalar',
  vector: 'instant vector',
  matrix: 'range vector',
  string: 'string',
  none: 'none',
}

export function checkTypes(node: Node, text: string): void {
  for (const child of children(node)) checkTypes(child, text)
  const expect = (child: Node, wanted: ValueType, context: string): void => {
    const found = typeOf(child)
    if (found !== wanted) {
      throw parseError(text, child.span.start, `expected type ${names[wanted]} in ${context}, got ${names[found]}`)
    }
  }
  switch (node.kind) {
    case 'unary': {
      const type = typeOf(node.inner)
      if (type !== 'scalar' && type !== 'vector') {
        throw parseError(
          text,
          node.span.start,
          `unary expression only allowed on expressions of type scalar or instant vector, got "${names[type]}"`,
        )
      }
      return
    }
    case 'subquery': {
      const type = typeOf(node.inner)
      if (type !== 'vector')
        throw parseError(text, node.span.start, `subquery is only allowed on instant vector, got ${type} instead`)
      return
    }
    case 'aggregation': {
      expect(node.inner, 'vector', 'aggregation expression')
      const wanted = aggregations.get(node.op)
      if (node.parameter !== null && (wanted === 'scalar' || wanted === 'string'))
        expect(node.parameter, wanted, 'aggregation parameter')
      return
    }
    case 'call':
      return checkCall(node, text, expect)
    case 'binary':
      return checkBinary(node, text)
    default:
  }
}

function checkCall(
  node: Extract<Node, { kind: 'call' }>,
  text: string,
  expect: (child: Node, wanted: ValueType, context: string) => void,
): void {
  const { args, optional } = signatures.get(node.name)!
  const given = node.args.length
  const least = optional < 0 ? args.length - 1 : args.length - optional
  const most = optional < 0 ? Number.POSITIVE_INFINITY : args.length
  if (given < least || given > most) {
    const bound = least === most ? `${least}` : given < least ? `at least ${least}` : `at most ${most}`
    throw parseError(text, node.span.start, `expected ${bound} argument(s) in call to "${node.name}", got ${given}`)
  }
  node.args.forEach((argument, index) => {
    expect(argument, args[Math.min(index, args.length - 1)]!, `call to function "${node.name}"`)
  })
}

function checkBinary(node: Extract<Node, { kind: 'binary' }>, text: string): void {
  const left = typeOf(node.left)
  const right = typeOf(node.right)
  for (const [type, side] of [
    [left, node.left],
    [right, node.right],
  ] as const) {
    if (type !== 'scalar' && type !== 'vector') {
      throw parseError(text, side.span.start, 'binary expression must contain only scalar and instant vector types')
    }
  }
  if (left === 'scalar' && right === 'scalar' && comparisonOperators.has(node.op) && !node.bool) {
    throw parseError(text, node.span.start, 'comparisons between scalars must use BOOL modifier')
  }
  const scalars = left === 'scalar' || right === 'scalar'
  if (scalars && setOperators.has(node.op)) {
    throw parseError(text, node.span.start, `set operator "${node.op}" not allowed in binary scalar expression`)
  }
  if (scalars && node.matching !== null) {
    throw parseError(text, node.span.start, 'vector matching only allowed between instant vectors')
  }
}
