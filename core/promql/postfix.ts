// What may follow a selector or an expression: [range], [range:step], offset, @, anchored, smoothed.

import type { AtModifier, DurationNode, MatrixSelector, Node, Subquery, VectorSelector } from './ast.ts'
import { literalMs, readOffset, readRange, secondsOf } from './durations.ts'
import { parseError } from './errors.ts'
import type { TokenReader } from './token-reader.ts'

export function readPostfix(reader: TokenReader, start: Node, experimental: boolean): Node {
  let node = start
  for (;;) {
    if (reader.is('[')) node = readBracket(reader, node)
    else if (reader.isWord('offset')) node = readOffsetOf(reader, node)
    else if (reader.is('@')) node = readAt(reader, node)
    else if (reader.isWord('anchored', 'smoothed')) node = readExtended(reader, node, experimental)
    else return node
    node = reader.made(node)
  }
}

function readBracket(reader: TokenReader, node: Node): Node {
  const open = reader.next()
  const range = literalMs(readRange(reader, 'subquery or range selector'))
  const bounds = { rangeMs: range.ms, rangeExpr: range.expr }
  if (reader.take(':')) {
    const step = reader.is(']')
      ? { ms: 0, expr: null }
      : literalMs(readRange(reader, 'subquery selector', 'number, duration, step(), range(), or "]"'))
    const close = reader.expect(']', 'subquery selector')
    return {
      kind: 'subquery',
      span: { start: node.span.start, end: close.end },
      inner: node,
      ...bounds,
      stepMs: step.ms,
      stepExpr: step.expr,
      offsetMs: 0,
      offsetExpr: null,
      at: null,
    }
  }
  const close = reader.expect(']', 'subquery or range', '":" or "]"')
  const fault = matrixFault(node)
  if (fault !== null) throw parseError(reader.text, open.start, fault)
  return {
    kind: 'matrix',
    span: { start: node.span.start, end: close.end },
    selector: node as VectorSelector,
    ...bounds,
  }
}

function matrixFault(node: Node): string | null {
  if (node.kind !== 'selector') return 'ranges only allowed for vector selectors'
  if (node.offsetMs !== 0 || node.offsetExpr !== null) return 'no offset modifiers allowed before range'
  if (node.at !== null) return 'no @ modifiers allowed before range'
  return null
}

type Shifted = VectorSelector | MatrixSelector | Subquery

function shifted(reader: TokenReader, node: Node, what: string): Shifted {
  if (node.kind === 'selector' || node.kind === 'subquery' || node.kind === 'matrix') return node
  throw parseError(
    reader.text,
    node.span.start,
    `${what} modifier must be preceded by an instant vector selector or range vector selector or a subquery`,
  )
}

function change(
  node: Shifted,
  end: number,
  values: { readonly offsetMs: number; readonly offsetExpr: DurationNode | null } | { readonly at: AtModifier },
): Node {
  const span = { start: node.span.start, end }
  if (node.kind === 'matrix') return { ...node, span, selector: { ...node.selector, ...values } }
  return { ...node, ...values, span }
}

function readOffsetOf(reader: TokenReader, node: Node): Node {
  reader.next()
  const offset = literalMs(readOffset(reader))
  const target = shifted(reader, node, 'offset')
  const before = target.kind === 'matrix' ? target.selector : target
  if (before.offsetMs !== 0 || before.offsetExpr !== null)
    throw parseError(reader.text, node.span.start, 'offset may not be set multiple times')
  return change(target, reader.lastEnd, { offsetMs: offset.ms, offsetExpr: offset.expr })
}

function readAt(reader: TokenReader, node: Node): Node {
  reader.next()
  const at = readAtTime(reader, node)
  const target = shifted(reader, node, '@')
  if ((target.kind === 'matrix' ? target.selector : target).at !== null)
    throw parseError(reader.text, node.span.start, '@ <timestamp> may not be set multiple times')
  return change(target, reader.lastEnd, { at })
}

function readAtTime(reader: TokenReader, node: Node): AtModifier {
  if (reader.isWord('start', 'end')) {
    const word = reader.next().text.toLowerCase() as 'start' | 'end'
    if (!reader.is('(')) throw reader.unexpected('@', 'timestamp')
    reader.next()
    reader.expect(')', '@', 'timestamp')
    return word
  }
  const negative = reader.is('-')
  if (negative || reader.is('+')) reader.next()
  const token = reader.peek()
  let seconds: number
  if (token.kind === 'number' || token.kind === 'duration') seconds = secondsOf(token, reader.text)
  else if (reader.isWord('inf', 'nan')) seconds = Number.NaN
  else throw reader.unexpected('@', 'timestamp')
  reader.next()
  if (!Number.isFinite(seconds) || seconds >= 2 ** 63)
    throw parseError(reader.text, node.span.start, `timestamp out of bounds for @ modifier: ${token.text}`)
  return Math.round(seconds * 1000) * (negative ? -1 : 1)
}

function readExtended(reader: TokenReader, node: Node, experimental: boolean): Node {
  const word = reader.next().text.toLowerCase() as 'anchored' | 'smoothed'
  const fail = (message: string): Error => parseError(reader.text, node.span.start, message)
  if (!experimental) throw fail(`${word} modifier is experimental and not enabled`)
  if (node.kind === 'subquery') throw fail(`${word} modifier is not supported for subqueries`)
  if (node.kind !== 'selector' && node.kind !== 'matrix') throw fail(`${word} modifier not implemented`)
  const before = (node.kind === 'matrix' ? node.selector : node).extended
  if (before !== null && before !== word) throw fail('anchored and smoothed modifiers cannot be used together')
  if (node.kind === 'matrix') return { ...node, selector: { ...node.selector, extended: word } }
  return { ...node, extended: word }
}
