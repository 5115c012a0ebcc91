// Selectors: a metric name, label matchers in braces, quoted UTF-8 names in both places. A selector that matches everything is refused, since
// it would read the whole store.

import type { RE2JS } from 're2js'
import type { Matcher } from '../series/seam.ts'
import type { Span, VectorSelector } from './ast.ts'
import { parseError } from './errors.ts'
import type { Token } from './lexer.ts'
import { compilePattern } from './pattern.ts'
import type { TokenReader } from './token-reader.ts'
import { metricName } from './vector.ts'

const maxMatchers = 1000

export function selectorOf(name: string | null, matchers: readonly Matcher[], span: Span): VectorSelector {
  const all = name === null ? matchers : [...matchers, { name: metricName, op: '=' as const, value: name }]
  return { kind: 'selector', span, name, matchers: all, offsetMs: 0, offsetExpr: null, at: null, extended: null }
}

/** From `{` on; `metric` is the name before it. */
export function readMatchers(reader: TokenReader, metric: Token | null): VectorSelector {
  const open = reader.expect('{', 'label matching')
  const start = metric?.start ?? open.start
  const name = metric?.text ?? null
  const matchers: Matcher[] = []
  while (!reader.is('}')) {
    const token = reader.peek()
    if (token.kind !== 'name' && token.kind !== 'string') {
      throw reader.unexpected('label matching', 'identifier or "}"')
    }
    reader.next()
    // A quoted name alone is the metric's.
    const alone = token.kind === 'string' && !isMatchOperator(reader.peek())
    matchers.push(alone ? { name: metricName, op: '=', value: token.text } : readMatcher(reader, token))
    if (matchers.length > maxMatchers)
      throw parseError(reader.text, token.start, `selector has more than ${maxMatchers} matchers`)
    if (reader.is('}')) break
    reader.expect(',', 'label matching', '"," or "}"')
  }
  const close = reader.expect('}', 'label matching')
  return selectorOf(name, matchers, { start, end: close.end })
}

function isMatchOperator({ kind, text }: Token): boolean {
  return kind === 'op' && (text === '=' || text === '!=' || text === '=~' || text === '!~')
}

function readMatcher(reader: TokenReader, label: Token): Matcher {
  const operator = reader.peek()
  if (!isMatchOperator(operator)) throw reader.unexpected('label matching', 'label matching operator')
  reader.next()
  const value = reader.peek()
  if (value.kind !== 'string') throw reader.unexpected('label matching', 'string')
  reader.next()
  const matcher: Matcher = { name: label.text, op: operator.text as Matcher['op'], value: value.text }
  if (matcher.op === '=~' || matcher.op === '!~') {
    try {
      compilePattern(matcher.value)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw parseError(reader.text, label.start, why)
    }
  }
  return matcher
}

export function matchesEmpty(matcher: Matcher): boolean {
  switch (matcher.op) {
    case '=':
      return matcher.value === ''
    case '!=':
      return matcher.value !== ''
    default:
      return compilePattern(matcher.value).matches('') === (matcher.op === '=~')
  }
}

/** One matcher as a test of a label's value ('' where it has none). */
export function matcherTest(matcher: Matcher): (value: string) => boolean {
  if (matcher.op === '=') return (value) => value === matcher.value
  if (matcher.op === '!=') return (value) => value !== matcher.value
  const pattern: RE2JS = compilePattern(matcher.value)
  const wanted = matcher.op === '=~'
  return (value) => pattern.matches(value) === wanted
}
