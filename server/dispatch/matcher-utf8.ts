// The UTF-8 grammar of matchers: names and values are either double-quoted with the escapes of a Go string, or bare runs without spaces and
// reserved characters. Strict: what it cannot read whole is a fault with its column, never a guess.

import type { MatcherOp, MatcherText, Parsed } from './matcher-text.ts'

type Token =
  | { readonly kind: 'open' | 'close' | 'comma' | 'end'; readonly text: string; readonly at: number }
  | { readonly kind: 'op'; readonly text: MatcherOp; readonly at: number }
  | { readonly kind: 'word'; readonly text: string; readonly at: number }

export function parseUtf8(input: string): Parsed<readonly MatcherText[]> {
  try {
    return { ok: true, value: parse(tokens(input)) }
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false, fault: error.message }
    throw error
  }
}

function fail(at: number, words: string): never {
  throw new SyntaxError(`column ${at + 1}: ${words}`)
}

function parse(list: readonly Token[]): readonly MatcherText[] {
  const out: MatcherText[] = []
  let index = 0
  const peek = (): Token => list[index]!
  const braces = peek().kind === 'open'
  if (braces) index++
  while (peek().kind !== 'close' && peek().kind !== 'end') {
    const name = list[index++]!
    if (name.kind !== 'word') fail(name.at, 'a label name is expected')
    const op = list[index++] ?? peekEnd(list)
    if (op.kind !== 'op') fail(op.at, 'an operator is expected: =, !=, =~ or !~')
    const value = list[index++] ?? peekEnd(list)
    if (value.kind !== 'word') fail(value.at, 'a label value is expected')
    out.push({ name: name.text, op: op.text, value: value.text })
    if (peek().kind === 'comma') index++
    else if (peek().kind !== 'close' && peek().kind !== 'end') fail(peek().at, 'a comma is expected')
  }
  if (peek().kind === 'close') {
    if (!braces) fail(peek().at, 'a closing brace without an opening one')
    index++
  } else if (braces) fail(peek().at, 'a closing brace is expected')
  if (peek().kind !== 'end') fail(peek().at, 'nothing more is expected here')
  return out
}

const peekEnd = (list: readonly Token[]): Token => list.at(-1)!

const single: Readonly<Record<string, 'open' | 'close' | 'comma'>> = { '{': 'open', '}': 'close', ',': 'comma' }
const space = /\s/u
const bare = /[^\s{}!=~,\\"'`]+/uy

function tokens(input: string): readonly Token[] {
  const out: Token[] = []
  let at = 0
  while (at < input.length) {
    const character = input[at]!
    const two = input.slice(at, at + 2)
    const mark = single[character]
    if (space.test(character)) at++
    else if (mark !== undefined) out.push({ kind: mark, text: character, at: at++ })
    else if (two === '=~' || two === '!=' || two === '!~') {
      out.push({ kind: 'op', text: two, at })
      at += 2
    } else if (character === '=') out.push({ kind: 'op', text: '=', at: at++ })
    else if (character === '"') {
      const end = closingQuote(input, at)
      out.push({ kind: 'word', text: unquote(input.slice(at + 1, end), at + 1), at })
      at = end + 1
    } else {
      bare.lastIndex = at
      const found = bare.exec(input)
      if (found === null) fail(at, `"${character}" must stand in double quotes`)
      out.push({ kind: 'word', text: found[0], at })
      at += found[0].length
    }
  }
  out.push({ kind: 'end', text: '', at })
  return out
}

function closingQuote(input: string, open: number): number {
  for (let at = open + 1; at < input.length; at++) {
    if (input[at] === '\\') at++
    else if (input[at] === '"') return at
  }
  return fail(open, 'the closing double quote is missing')
}

const simple: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
}

/** `\x` and octal escapes are bytes, which together must be UTF-8. */
function unquote(body: string, start: number): string {
  if (!body.includes('\\') && !body.includes('\n')) return body
  const bytes: number[] = []
  const encode = (text: string): void => void bytes.push(...new TextEncoder().encode(text))
  let at = 0
  while (at < body.length) {
    const code = body.codePointAt(at)!
    const character = String.fromCodePoint(code)
    if (character === '\n') fail(start + at, 'a line break inside quotes: write \\n')
    if (character !== '\\') {
      encode(character)
      at += character.length
      continue
    }
    const rest = body.slice(at + 1)
    const plain = simple[rest[0] ?? '']
    const number = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/.exec(rest)
    if (plain !== undefined) {
      encode(plain)
      at += 2
    } else if (number !== null) {
      const [all, hex, short, long, octal] = number
      const point = Number.parseInt(short ?? long ?? '0', 16)
      const byte = hex !== undefined ? Number.parseInt(hex, 16) : Number.parseInt(octal ?? '0', 8)
      if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) || byte > 255) fail(start + at, 'no such character')
      if (short !== undefined || long !== undefined) encode(String.fromCodePoint(point))
      else bytes.push(byte)
      at += 1 + all.length
    } else fail(start + at, `unknown escape \\${rest[0] ?? ''}`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes))
  } catch {
    return fail(start, 'the escapes do not give valid UTF-8')
  }
}
