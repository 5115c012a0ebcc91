// Durations as they stand in ranges, subquery steps and offsets: a literal, or an expression over literals, `step()` and `range()` of the
// query. Read here, and worked out here once the query's times are known.

import { tryParseDuration } from '../base/duration.ts'
import { calculate, greatestOf, leastOf } from './arithmetic.ts'
import { type DurationNode, type Node, rewrite, walk } from './ast.ts'
import { executionError, parseError } from './errors.ts'
import type { Token } from './lexer.ts'
import type { TokenReader } from './token-reader.ts'

const expected = 'number, duration, step(), or range()'
/** Nanoseconds in 63 bits, as upstream counts. */
const maxSeconds = 2 ** 63 / 1e9

type Operator = Extract<DurationNode, { kind: 'operation' }>['op']
const levels: Readonly<Record<string, number>> = { '+': 1, '-': 1, '*': 2, '/': 2, '%': 2, '^': 3 }

/** Numbers as Go reads them (underscores, hexadecimal, octal), durations as seconds. */
export function secondsOf(token: Token, text: string): number {
  if (token.kind === 'number') {
    const digits = token.text.replaceAll('_', '')
    return /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits)
  }
  const ms = tryParseDuration(token.text)
  if (ms !== undefined && ms / 1000 <= maxSeconds) return ms / 1000
  throw parseError(
    text,
    token.start,
    ms === undefined ? `not a valid duration string: "${token.text}"` : 'duration out of range',
  )
}

/** Inside brackets: must be above zero. */
export function readRange(reader: TokenReader, context: string, wanted = expected): DurationNode {
  const node = expression(reader, 0, context, wanted)
  if (node.kind === 'literal' && node.seconds <= 0)
    throw parseError(reader.text, node.span.start, 'duration must be greater than 0')
  return node
}

/** After `offset`: operators behind it belong to the query, unless there are parentheses. */
export function readOffset(reader: TokenReader): DurationNode {
  const sign = reader.peek()
  if (!reader.is('-') && !reader.is('+')) return primary(reader, 'offset', expected)
  reader.next()
  return signed(sign, primary(reader, 'offset', expected))
}

function expression(reader: TokenReader, minimum: number, context: string, wanted: string): DurationNode {
  return reader.nested(() => {
    let left = unary(reader, context, wanted)
    for (;;) {
      const token = reader.peek()
      const level = token.kind === 'op' ? (levels[token.text] ?? 0) : 0
      if (level <= minimum) return left
      reader.next()
      const right = expression(reader, token.text === '^' ? level - 1 : level, context, wanted)
      if ((token.text === '/' || token.text === '%') && right.kind === 'literal' && right.seconds === 0)
        throw parseError(reader.text, token.start, `${token.text === '/' ? 'division' : 'modulo'} by zero`)
      left = operation(token.text as Operator, left, right, { start: left.span.start, end: right.span.end })
    }
  })
}

function unary(reader: TokenReader, context: string, wanted: string): DurationNode {
  const sign = reader.peek()
  if (!reader.is('-') && !reader.is('+')) return primary(reader, context, wanted)
  reader.next()
  return signed(sign, expression(reader, 2, context, wanted))
}

function signed(sign: Token, inner: DurationNode): DurationNode {
  const span = { start: sign.start, end: inner.span.end }
  if (inner.kind === 'literal') return { ...inner, span, seconds: sign.text === '-' ? -inner.seconds : inner.seconds }
  return sign.text === '-' ? operation('-', null, inner, span) : inner
}

function operation(
  op: Operator,
  left: DurationNode | null,
  right: DurationNode,
  span: DurationNode['span'],
): DurationNode {
  return { kind: 'operation', span, op, left, right, wrapped: false }
}

function primary(reader: TokenReader, context: string, wanted: string): DurationNode {
  const token = reader.peek()
  if (token.kind === 'number' || token.kind === 'duration') {
    reader.next()
    const seconds = secondsOf(token, reader.text)
    if (Math.abs(seconds) > maxSeconds) throw parseError(reader.text, token.start, 'duration out of range')
    return {
      kind: 'literal',
      span: { start: token.start, end: token.end },
      seconds,
      duration: token.kind === 'duration',
    }
  }
  if (reader.take('(')) {
    const inner = expression(reader, 0, context, wanted)
    const close = reader.expect(')', context, wanted)
    const span = { start: token.start, end: close.end }
    if (inner.kind === 'operation') return { ...inner, wrapped: true }
    return { kind: 'operation', span, op: '+', left: null, right: inner, wrapped: true }
  }
  if (reader.isWord('step', 'range')) {
    reader.next()
    reader.expect('(', context, wanted)
    const close = reader.expect(')', context, wanted)
    return {
      kind: 'context',
      span: { start: token.start, end: close.end },
      name: token.text.toLowerCase() as 'step' | 'range',
    }
  }
  if (reader.isWord('min_of', 'max_of')) {
    reader.next()
    reader.expect('(', context, wanted)
    const left = expression(reader, 0, context, wanted)
    reader.expect(',', context, wanted)
    const right = expression(reader, 0, context, wanted)
    const close = reader.expect(')', context, wanted)
    return operation(token.text.toLowerCase() as Operator, left, right, { start: token.start, end: close.end })
  }
  throw reader.unexpected(context, wanted)
}

/** A literal is known at once; the rest when the query runs. */
export function literalMs(node: DurationNode): { ms: number; expr: DurationNode | null } {
  return node.kind === 'literal' ? { ms: Math.round(node.seconds * 1000), expr: null } : { ms: 0, expr: node }
}

export type QueryTimes = { readonly start: number; readonly end: number; readonly stepMs: number }

/** Fills in what depends on the query's times: duration expressions, and start(), end(), step() and range() as numbers. */
export function resolve(node: Node, times: QueryTimes): Node {
  if (!depends(node)) return node
  const { stepMs } = times
  const rangeMs = times.end - times.start
  const contextual: Readonly<Record<string, number>> = {
    start: times.start,
    end: times.end,
    // As a number it is 0 where there is one moment only; in a duration it is what the query said.
    step: times.start === times.end ? 0 : stepMs,
    range: rangeMs,
  }
  const ms = (expr: DurationNode, signed: boolean): number => {
    const seconds = evaluate(expr, stepMs / 1000, rangeMs / 1000)
    const place = `${expr.span.start}:${expr.span.end}`
    if (!Number.isFinite(seconds)) throw executionError(`${place}: duration is NaN or infinite`)
    if (seconds <= 0 && !signed) throw executionError(`${place}: duration must be greater than 0`)
    if (Math.abs(seconds) > maxSeconds) throw executionError(`${place}: duration is out of range`)
    return Math.trunc(seconds * 1000)
  }
  return rewrite(node, (one) => {
    switch (one.kind) {
      case 'selector':
        return one.offsetExpr === null ? one : { ...one, offsetMs: ms(one.offsetExpr, true) }
      case 'matrix':
        return one.rangeExpr === null ? one : { ...one, rangeMs: ms(one.rangeExpr, false) }
      case 'subquery':
        return {
          ...one,
          offsetMs: one.offsetExpr === null ? one.offsetMs : ms(one.offsetExpr, true),
          rangeMs: one.rangeExpr === null ? one.rangeMs : ms(one.rangeExpr, false),
          stepMs: one.stepExpr === null ? one.stepMs : ms(one.stepExpr, false),
        }
      case 'call': {
        const value = one.args.length === 0 ? contextual[one.name] : undefined
        return value === undefined ? one : { kind: 'number', span: one.span, value: value / 1000, duration: false }
      }
      default:
        return one
    }
  })
}

function depends(node: Node): boolean {
  let found = false
  walk(node, (one) => {
    if (one.kind === 'call' && one.args.length === 0 && /^(?:start|end|step|range)$/.test(one.name)) found = true
    if ((one.kind === 'selector' || one.kind === 'subquery') && one.offsetExpr !== null) found = true
    if ((one.kind === 'matrix' || one.kind === 'subquery') && one.rangeExpr !== null) found = true
    if (one.kind === 'subquery' && one.stepExpr !== null) found = true
  })
  return found
}

function evaluate(node: DurationNode, step: number, range: number): number {
  if (node.kind === 'literal') return node.seconds
  if (node.kind === 'context') return node.name === 'step' ? step : range
  const right = evaluate(node.right, step, range)
  if (node.left === null) return node.op === '-' ? -right : right
  const left = evaluate(node.left, step, range)
  switch (node.op) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
    case '%':
      if (right === 0) {
        const what = node.op === '/' ? 'division' : 'modulo'
        throw executionError(`${node.span.start}:${node.span.end}: ${what} by zero`)
      }
      return node.op === '/' ? left / right : left % right
    case '^':
      return calculate('^', left, right)
    case 'min_of':
      return leastOf(left, right)
    case 'max_of':
      return greatestOf(left, right)
  }
}
