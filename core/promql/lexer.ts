// Text to tokens. Keywords are told from names by the parser, since PromQL allows most of them as metric and label names.

import { parseError } from './errors.ts'

export type TokenKind = 'number' | 'duration' | 'string' | 'name' | 'op' | 'end'
export type Token = {
  readonly kind: TokenKind
  /** Source text; for strings the value without quotes. */
  readonly text: string
  readonly start: number
  readonly end: number
}

const space = /\s/
const name = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const duration = /(?:\d+(?:ms|[smhdwy]))+(?![a-zA-Z0-9_.])/y
const number =
  /0[xX][0-9a-fA-F](?:_?[0-9a-fA-F])*|(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?/y
const operators = [
  '==',
  '!=',
  '<=',
  '>=',
  '=~',
  '!~',
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  '=',
  '<',
  '>',
  '(',
  ')',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '@',
]

export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 0
  let brackets = 0
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0] ?? null
  }
  const push = (kind: TokenKind, value: string, length: number): void => {
    tokens.push({ kind, text: value, start: at, end: at + length })
    at += length
  }
  while (at < text.length) {
    const char = text[at]!
    if (space.test(char)) {
      at++
      continue
    }
    if (char === '#') {
      const line = text.indexOf('\n', at)
      at = line < 0 ? text.length : line
      continue
    }
    if (char === '"' || char === "'" || char === '`') {
      const { value, length } = readString(text, at)
      push('string', value, length)
      continue
    }
    if (/[0-9.]/.test(char)) {
      const asDuration = match(duration)
      if (asDuration !== null) {
        push('duration', asDuration, asDuration.length)
        continue
      }
      const digits = match(number)
      const next = digits === null ? '' : (text[at + digits.length] ?? '')
      if (digits === null || /[a-zA-Z0-9_.]/.test(next)) {
        throw parseError(
          text,
          at,
          `bad number or duration syntax: ${JSON.stringify(text.slice(at, at + (digits?.length ?? 0) + 1))}`,
        )
      }
      push('number', digits, digits.length)
      continue
    }
    // Inside brackets a colon parts range and step, so it belongs to no name there.
    if (char === ':' && brackets > 0) {
      push('op', ':', 1)
      continue
    }
    const found = match(name)
    if (found !== null) {
      push('name', found, found.length)
      continue
    }
    const operator = operators.find((one) => text.startsWith(one, at))
    if (operator === undefined) throw parseError(text, at, `unexpected character: ${JSON.stringify(char)}`)
    if (operator === '[') brackets++
    if (operator === ']') brackets--
    push('op', operator, operator.length)
  }
  tokens.push({ kind: 'end', text: '', start: text.length, end: text.length })
  return tokens
}

const escapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

function readString(text: string, start: number): { value: string; length: number } {
  const quote = text[start]!
  if (quote === '`') {
    const close = text.indexOf('`', start + 1)
    if (close < 0) throw parseError(text, start, 'unterminated raw string')
    return { value: text.slice(start + 1, close), length: close - start + 1 }
  }
  const bytes: number[] = []
  const encoder = new TextEncoder()
  let at = start + 1
  for (;;) {
    const code = text.codePointAt(at)
    if (code === undefined || code === 10) throw parseError(text, start, 'unterminated quoted string')
    const char = String.fromCodePoint(code)
    if (char === quote) break
    if (char !== '\\') {
      bytes.push(...encoder.encode(char))
      at += char.length
      continue
    }
    const next = text[at + 1] ?? ''
    const plain = escapes[next]
    if (plain !== undefined) {
      bytes.push(...encoder.encode(plain))
      at += 2
      continue
    }
    const coded = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/.exec(
      text.slice(at + 1, at + 10),
    )
    if (coded === null)
      throw parseError(
        text,
        at,
        `unknown escape sequence U+${next.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')} '${next}'`,
      )
    const [all, hex, short, long, octal] = coded
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16))
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 0xff)
    else {
      const value = Number.parseInt(short ?? long ?? '0', 16)
      if (value > 0x10ffff) throw parseError(text, at, 'escape sequence is an invalid Unicode code point')
      bytes.push(...encoder.encode(String.fromCodePoint(value)))
    }
    at += 1 + all.length
  }
  return { value: new TextDecoder().decode(Uint8Array.from(bytes)), length: at - start + 1 }
}
