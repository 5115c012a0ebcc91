// Selectors: a metric name, label matchers in braces, quoted UTF-8 names in both places. A selector that matches everything is refused, since
// it would read the whole store.

import { RE2JS } from 're2js'
import type { Matcher } from '../series/seam.ts'
import type { Span, VectorSelector } from './ast.ts'
import { parseError } from './errors.ts'
import type { Token } from './lexer.ts'
import type { Parser } from './parser.ts'

const nameLabel = '__name__'

export function selectorOf(name: string | null, matchers: readonly Matcher[], span: Span): VectorSelector {
  const all = name === null ? matchers : [...matchers, { name: nameLabel, op: '=' as const, value: name }]
  return { kind: 'selector', span, matchers: all, offsetMs: 0, at: null }
}

/** From `{` on; `metric` is the name before it. */
export function parseMatchers(parser: Parser, metric: Token | null): VectorSelector {
  const open = parser.expect('{', 'label matching')
  const start = metric?.start ?? open.start
  let name = metric?.text ?? null
  const matchers: Matcher[] = []
  while (!parser.is('}')) {
    const token = parser.peek()
    if (token.kind !== 'name' && token.kind !== 'string') throw parser.unexpected('label matching', 'identifier or "}"')
    parser.next()
    const operator = parser.peek()
    if (token.kind === 'string' && operator.kind === 'op' && (operator.text === ',' || operator.text === '}')) {
      if (name !== null)
        throw parseError(parser.text, token.start, `metric name must not be set twice: "${name}" or "${token.text}"`)
      name = token.text
    } else {
      if (operator.kind !== 'op' || !['=', '!=', '=~', '!~'].includes(operator.text)) {
        throw parser.unexpected('label matching', 'label matching operator')
      }
      parser.next()
      const value = parser.peek()
      if (value.kind !== 'string') throw parser.unexpected('label matching', 'string')
      parser.next()
      if (token.kind === 'name' && token.text.includes(':'))
        throw parseError(parser.text, token.start, `invalid label name "${token.text}"`)
      const matcher: Matcher = { name: token.text, op: operator.text as Matcher['op'], value: value.text }
      if (name !== null && matcher.name === nameLabel) {
        throw parseError(parser.text, token.start, `metric name must not be set twice: "${name}" or "${value.text}"`)
      }
      checkPattern(parser.text, value, matcher)
      matchers.push(matcher)
    }
    if (!parser.take(',')) break
  }
  const close = parser.expect('}', 'label matching')
  const selector = selectorOf(name, matchers, { start, end: close.end })
  if (selector.matchers.every((one) => matchesEmpty(one))) {
    throw parseError(parser.text, start, 'vector selector must contain at least one non-empty matcher')
  }
  return selector
}

function checkPattern(text: string, token: Token, matcher: Matcher): void {
  if (matcher.op === '=' || matcher.op === '!=') return
  try {
    RE2JS.compile(matcher.value)
  } catch (error) {
    throw parseError(
      text,
      token.start,
      `error parsing regexp: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

function matchesEmpty(matcher: Matcher): boolean {
  switch (matcher.op) {
    case '=':
      return matcher.value === ''
    case '!=':
      return matcher.value !== ''
    default:
      return RE2JS.compile(matcher.value).matches('') === (matcher.op === '=~')
  }
}
