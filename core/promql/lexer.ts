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
const quotes: ReadonlySet<string> = new Set([...'"\'`'])
const durationWords: ReadonlySet<string> = new Set(['step', 'range', 'min_of', 'max_of'])
const insideBrackets: ReadonlySet<string> = new Set([...'+-*/%^(),]'])
const insideBraces = ['=~', '!=', '!~', '=', ',', '}'] as const

/** What the lexer must remember between tokens. */
type State = { braces: boolean; brackets: boolean; parens: number; duration: boolean; colon: boolean; number: boolean }

export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = []
  const state: State = { braces: false, brackets: false, parens: 0, duration: false, colon: false, number: false }
  try {
    for (let at = skipSpace(text, 0); at < text.length; at = skipSpace(text, tokens.at(-1)!.end)) {
      tokens.push(readToken(text, at, state))
    }
    if (state.braces) throw parseError(text, text.length, 'unexpected end of input inside braces')
    if (state.brackets && !state.number)
      throw parseError(text, text.length, 'unexpected end of input in duration expression')
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
  if (quotes.has(char) && !(state.brackets && !state.number)) {
    const { value, length } = readString(text, at)
    return token('string', value, length)
  }
  const shown = showCharacter(text, at)
  if (state.braces) {
    const word = match(label, text, at)
    if (word !== null) return token('name', word, word.length)
    if (char === '{') throw parseError(text, at, `unexpected left brace ${shown}`)
    const operator = insideBraces.find((one) => text.startsWith(one, at))
    if (operator === undefined) {
      if (char === '!')
        throw parseError(text, at, `unexpected character after '!' inside braces: ${showCharacter(text, at + 1)}`)
      throw parseError(text, at, `unexpected character inside braces: ${shown}`)
    }
    if (operator === '}') state.braces = false
    return token('op', operator, operator.length)
  }
  const digit = /[0-9]/.test(char) || (char === '.' && /[0-9]/.test(text[at + 1] ?? ''))
  if (state.brackets) {
    if (digit) {
      state.duration = true
      state.number = true
    } else if (char === ':') return colonInBrackets(text, at, state)
    else {
      const word = match(label, text, at)
      if (word !== null && durationWords.has(word.toLowerCase())) {
        state.duration = true
        return token('name', word, word.length)
      }
      // Up to the first number only arithmetic may stand here, behind it whatever the grammar then refuses.
      if (state.number && word !== null) throw parseError(text, at, `unexpected character: ${shown}, expected ':'`)
      if (!state.number && (word !== null || !insideBrackets.has(char)))
        throw parseError(text, at, `unexpected character in duration expression: ${shown}`)
    }
  }
  if (digit) return readNumber(text, at, token)
  const word = match(name, text, at)
  if (word !== null) return token('name', word, word.length)
  const operator = operators.find((one) => text.startsWith(one, at))
  if (operator === undefined) {
    if (char === '!') throw parseError(text, at, `unexpected character after '!': ${showCharacter(text, at + 1)}`)
    throw parseError(text, at, `unexpected character: ${shown}`)
  }
  if (operator === '=~') throw parseError(text, at, "unexpected character after '=': '~'")
  if (operator === '!~') throw parseError(text, at, "unexpected character after '!': '~'")
  enter(operator, text, at, state)
  return token('op', operator, operator.length)
}

/** A colon parts range and step. */
function colonInBrackets(text: string, at: number, state: State): Token {
  if (!state.duration) throw parseError(text, at + 1, 'unexpected colon before duration in duration expression')
  if (state.colon) throw parseError(text, at, "unexpected colon ':'")
  state.colon = true
  return { kind: 'op', text: ':', start: at, end: at + 1 }
}

function enter(operator: string, text: string, at: number, state: State): void {
  switch (operator) {
    case '(':
      state.parens++
      return
    case ')':
      if (--state.parens < 0) throw parseError(text, at + 1, "unexpected right parenthesis ')'")
      return
    case '{':
      state.braces = true
      return
    case '}':
      throw parseError(text, at, "unexpected character: '}'")
    case '[':
      if (state.brackets) throw parseError(text, at, "unexpected left bracket '['")
      state.brackets = true
      state.duration = false
      state.colon = false
      state.number = false
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
  const cut = /^(?:0[xX]|[0-9._]+[eE][+-]?)(?![a-zA-Z0-9_.+-])/.exec(text.slice(at, at + 400))
  if (cut !== null) {
    const why = `error parsing number: strconv.ParseFloat: parsing ${JSON.stringify(cut[0])}: invalid syntax`
    throw parseError(text, at, why)
  }
  const next = digits === null ? '' : (text[at + digits.length] ?? '')
  if (digits === null || /[a-zA-Z0-9_.]/.test(next)) {
    const shown = text.slice(at, badNumberEnd(text, at + (digits?.length ?? 0)))
    throw parseError(text, at, `bad number or duration syntax: ${JSON.stringify(shown)}`)
  }
  return token('number', digits, digits.length)
}

/** How much of what looked like a number or duration is shown: up to and with the first character that fits neither. */
function badNumberEnd(text: string, from: number): number {
  let at = from
  while (/[smhdwy]/.test(text[at] ?? '')) {
    at += text.startsWith('ms', at) ? 2 : 1
    const digits = match(/\d+/y, text, at)
    if (digits === null) return /[a-zA-Z_]/.test(text[at] ?? '') ? at + 1 : at
    at += digits.length
  }
  return at
}

/** In single quotes; the end of the text shows as the character for what is none. */
function showCharacter(text: string, at: number): string {
  const code = text.codePointAt(at)
  if (code === undefined) return "'\ufffd'"
  return code === 0x27 ? "'\\''" : `'${String.fromCodePoint(code)}'`
}
