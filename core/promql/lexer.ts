// Text to tokens. Keywords are told from names by the parser, since PromQL allows most of them as metric and label names. What cannot be
// read becomes a last token of kind `error`, so that a fault of grammar before it is reported first.

import { isInferwardError } from '../base/errors.ts'
import { parseError } from './errors.ts'
import { readString } from './strings.ts'

export type TokenKind = 'number' | 'duration' | 'string' | 'name' | 'op' | 'end' | 'error'
export type Token = {
  readonly kind: TokenKind
  /** Source text; for strings the value without quotes; for errors the message. */
  readonly text: string
  readonly start: number
  readonly end: number
}

const name = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const label = /[a-zA-Z_][a-zA-Z0-9_]*/y
const duration = /(?:\d+(?:ms|[smhdwy]))+(?![a-zA-Z0-9_.])/y
const number = /0[xX](?:_?[0-9a-fA-F])+|(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?/y
const operators = '== != <= >= =~ !~ </ >/ + - * / % ^ = < > ( ) { } [ ] , @'.split(' ')
const insideBraces: ReadonlySet<string> = new Set(['=', '!=', '=~', '!~', ',', '}'])

/** What the lexer must remember between tokens. */
type State = { braces: boolean; brackets: boolean; parens: number }

export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = []
  const state: State = { braces: false, brackets: false, parens: 0 }
  try {
    for (let at = skipSpace(text, 0); at < text.length; at = skipSpace(text, tokens.at(-1)!.end)) {
      tokens.push(readToken(text, at, state))
    }
    if (state.braces) throw parseError(text, text.length, 'unexpected end of input inside braces')
    if (state.parens > 0) throw parseError(text, text.length, 'unclosed left parenthesis')
    if (state.brackets) throw parseError(text, text.length, 'unclosed left bracket')
    tokens.push({ kind: 'end', text: '', start: text.length, end: text.length })
  } catch (error) {
    if (!isInferwardError(error)) throw error
    tokens.push({ kind: 'error', text: error.message, start: text.length, end: text.length })
  }
  return tokens
}

function skipSpace(text: string, from: number): number {
  let at = from
  for (;;) {
    while (text[at] === ' ' || text[at] === '\t' || text[at] === '\n' || text[at] === '\r') at++
    if (text[at] !== '#') return at
    const line = text.indexOf('\n', at)
    if (line < 0) return text.length
    at = line
  }
}

function match(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? null
}

function readToken(text: string, at: number, state: State): Token {
  const token = (kind: TokenKind, value: string, length: number): Token => ({
    kind,
    text: value,
    start: at,
    end: at + length,
  })
  const char = text[at]!
  if (char === '"' || char === "'" || char === '`') {
    const { value, length } = readString(text, at)
    return token('string', value, length)
  }
  const shown = `'${String.fromCodePoint(text.codePointAt(at)!)}'`
  if (state.braces) {
    const word = match(label, text, at)
    if (word !== null) return token('name', word, word.length)
    if (char === '{') throw parseError(text, at, `unexpected left brace ${shown}`)
    const operator = operators.find((one) => text.startsWith(one, at))
    if (operator === undefined || !insideBraces.has(operator)) {
      if (char === '!')
        throw parseError(text, at, `unexpected character after '!' inside braces: '${text[at + 1] ?? ''}'`)
      throw parseError(text, at, `unexpected character inside braces: ${shown}`)
    }
    if (operator === '}') state.braces = false
    return token('op', operator, operator.length)
  }
  if (/[0-9]/.test(char) || (char === '.' && /[0-9]/.test(text[at + 1] ?? ''))) return readNumber(text, at, token)
  // Inside brackets a colon parts range and step, so it belongs to no name there.
  if (char === ':' && state.brackets) return token('op', ':', 1)
  const word = match(state.brackets ? label : name, text, at)
  if (word !== null) return token('name', word, word.length)
  const operator = operators.find((one) => text.startsWith(one, at))
  if (operator === undefined) {
    if (char === '!') throw parseError(text, at, `unexpected character after '!': '${text[at + 1] ?? ''}'`)
    throw parseError(text, at, `unexpected character: ${shown}`)
  }
  if (operator === '=~') throw parseError(text, at, "unexpected character after '=': '~'")
  if (operator === '!~') throw parseError(text, at, "unexpected character after '!': '~'")
  enter(operator, text, at, state)
  return token('op', operator, operator.length)
}

function enter(operator: string, text: string, at: number, state: State): void {
  switch (operator) {
    case '(':
      state.parens++
      return
    case ')':
      if (--state.parens < 0) throw parseError(text, at, "unexpected right parenthesis ')'")
      return
    case '{':
      state.braces = true
      return
    case '}':
      throw parseError(text, at, "unexpected character: '}'")
    case '[':
      if (state.brackets) throw parseError(text, at, "unexpected left bracket '['")
      state.brackets = true
      return
    case ']':
      if (!state.brackets) throw parseError(text, at, "unexpected right bracket ']'")
      state.brackets = false
      return
    default:
  }
}

function readNumber(text: string, at: number, token: (kind: TokenKind, value: string, length: number) => Token): Token {
  const asDuration = match(duration, text, at)
  if (asDuration !== null) return token('duration', asDuration, asDuration.length)
  const digits = match(number, text, at)
  const next = digits === null ? '' : (text[at + digits.length] ?? '')
  if (digits === null || /[a-zA-Z0-9_.]/.test(next)) {
    const shown = text.slice(at, at + (digits?.length ?? 0) + 1)
    throw parseError(text, at, `bad number or duration syntax: ${JSON.stringify(shown)}`)
  }
  return token('number', digits, digits.length)
}
