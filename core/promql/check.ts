// Types of a query, checked once after reading, so that working it out never meets a wrong kind of value.

import {
  type Binary,
  type Call,
  children,
  comparisonOperators,
  type Node,
  type Span,
  setOperators,
  type ValueType,
} from './ast.ts'
import { parseError } from './errors.ts'
import { matchesEmpty } from './matchers.ts'
import { aggregations, signatures } from './signatures.ts'
import { quote } from './strings.ts'
import { metricName } from './vector.ts'

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

export const typeNames: Readonly<Record<ValueType, string>> = {
  scalar: 'scalar',
  vector: 'instant vector',
  matrix: 'range vector',
  string: 'string',
  none: 'none',
}

type Fail = (span: Span, message: string) => Error

export function checkTypes(node: Node, text: string): void {
  check(node, (span, message) => parseError(text, span.start, message), text)
}

function expectType(child: Node, wanted: ValueType, context: string, fail: Fail): void {
  const found = typeOf(child)
  if (found === wanted) return
  throw fail(child.span, `expected type ${typeNames[wanted]} in ${context}, got ${typeNames[found]}`)
}

function check(node: Node, fail: Fail, text: string): void {
  if (node.kind === 'call') checkArity(node, fail)
  // The second argument of info() may match everything: it only names labels.
  const below = node.kind === 'call' && node.name === 'info' ? node.args.slice(0, 1) : children(node)
  for (const child of below) check(child, fail, text)
  switch (node.kind) {
    case 'selector': {
      if (node.name === null && node.matchers.every(matchesEmpty))
        throw fail(node.span, 'vector selector must contain at least one non-empty matcher')
      // The name written before the braces stands last among the matchers.
      const again = node.matchers.slice(0, -1).find((one) => one.name === metricName)
      if (node.name === null || again === undefined) return
      const both = `${quote(node.name)} or ${quote(again.value)}`
      throw fail(node.span, `metric name must not be set twice: ${both}`)
    }
    case 'unary': {
      const type = typeOf(node.inner)
      if (type === 'scalar' || type === 'vector') return
      throw fail(
        node.span,
        `unary expression only allowed on expressions of type scalar or instant vector, got "${typeNames[type]}"`,
      )
    }
    case 'subquery': {
      const type = typeOf(node.inner)
      if (type === 'vector') return
      throw fail(node.span, `subquery is only allowed on instant vector, got ${type} instead`)
    }
    case 'aggregation': {
      expectType(node.inner, 'vector', 'aggregation expression', fail)
      const wanted = aggregations.get(node.op)
      if (node.parameter !== null && (wanted === 'scalar' || wanted === 'string'))
        expectType(node.parameter, wanted, 'aggregation parameter', fail)
      return
    }
    case 'call':
      return checkCall(node, fail)
    case 'binary':
      return checkBinary(node, fail, text)
    default:
  }
}

function checkArity(node: Call, fail: Fail): void {
  const { least, most } = signatures.get(node.name)!
  const given = node.args.length
  if (given < least || given > most) {
    const bound = least === most ? `${least}` : given < least ? `at least ${least}` : `at most ${most}`
    throw fail(node.span, `expected ${bound} argument(s) in call to "${node.name}", got ${given}`)
  }
}

function checkCall(node: Call, fail: Fail): void {
  const { args } = signatures.get(node.name)!
  if (node.name === 'info' && node.args.length > 1) {
    const labels = node.args[1]!
    if (labels.kind !== 'selector') throw fail(labels.span, 'expected label selectors only')
    if (labels.name !== null) throw fail(labels.span, 'expected label selectors only, got vector selector instead')
  }
  node.args.forEach((argument, index) => {
    expectType(argument, args[Math.min(index, args.length - 1)]!, `call to function "${node.name}"`, fail)
  })
}

function checkBinary(node: Binary, fail: Fail, text: string): void {
  const { op, matching } = node
  const left = typeOf(node.left)
  const right = typeOf(node.right)
  const comparison = comparisonOperators.has(op)
  const operator = operatorSpan(node, text)
  if (node.bool && !comparison) throw fail(operator, 'bool modifier can only be used on comparison operators')
  if (comparison && !node.bool && left === 'scalar' && right === 'scalar')
    throw fail(operator, 'comparisons between scalars must use BOOL modifier')
  const twice = matching?.on ? matching.labels.find((one) => matching.include.includes(one)) : undefined
  if (twice !== undefined) throw fail(operator, `label "${twice}" must not occur in ON and GROUP clause at once`)
  for (const side of [node.left, node.right]) {
    const type = typeOf(side)
    if (type !== 'scalar' && type !== 'vector')
      throw fail(side.span, 'binary expression must contain only scalar and instant vector types')
  }
  const filled = matching !== null && (matching.fillLeft !== null || matching.fillRight !== null)
  if (left === 'scalar' || right === 'scalar') {
    if (matching !== null && matching.labels.length > 0)
      throw fail(node.span, 'vector matching only allowed between instant vectors')
    if (filled) throw fail(node.span, 'filling in missing series only allowed between instant vectors')
    if (setOperators.has(op)) throw fail(node.span, `set operator "${op}" not allowed in binary scalar expression`)
  } else if (setOperators.has(op)) {
    if (matching?.card !== 'many-to-many') throw fail(node.span, `no grouping allowed for "${op}" operation`)
    if (filled) throw fail(node.span, 'filling in missing series not allowed for set operators')
  }
}

function operatorSpan(node: Binary, text: string): Span {
  let start = node.left.span.end
  while (start < text.length && /\s/.test(text[start]!)) start++
  return { start, end: node.right.span.start }
}
