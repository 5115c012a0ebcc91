// String literals: Go's escapes inside double and single quotes, none inside backticks. Escapes name bytes, so the value is put together as
// UTF-8 and read at the end. And back: quoting as Go's %q does.

import { parseError } from './errors.ts'

const escapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}
const coded = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/
const encoder = new TextEncoder()

/** Value and length of the literal that begins at `start`; throws where it does not end or escapes wrongly. */
export function readString(text: string, start: number): { value: string; length: number } {
  const quote = text[start]!
  if (quote === '`') {
    const close = text.indexOf('`', start + 1)
    if (close < 0) throw parseError(text, start, 'unterminated raw string')
    return { value: text.slice(start + 1, close), length: close - start + 1 }
  }
  const plain = /[^\\\n"']*/y
  const bytes: number[] = []
  const push = (part: string): void => {
    for (const byte of encoder.encode(part)) bytes.push(byte)
  }
  let at = start + 1
  for (;;) {
    plain.lastIndex = at
    const run = plain.exec(text)![0]
    push(run)
    at += run.length
    const char = text[at]
    if (char === undefined || char === '\n') throw parseError(text, start, 'unterminated quoted string')
    if (char === quote) break
    if (char !== '\\') {
      push(char)
      at++
      continue
    }
    const next = text[at + 1]
    if (next === undefined) throw parseError(text, at, 'escape sequence not terminated')
    const single = next === quote ? quote : escapes[next]
    if (single !== undefined) {
      push(single)
      at += 2
      continue
    }
    const match = coded.exec(text.slice(at + 1, at + 10))
    if (match === null) {
      const code = next.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
      throw parseError(text, at, `unknown escape sequence U+${code} '${next}'`)
    }
    const [all, hex, short, long, octal] = match
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16))
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 0xff)
    else {
      const value = Number.parseInt(short ?? long ?? '0', 16)
      if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        throw parseError(text, at, 'escape sequence is an invalid Unicode code point')
      push(String.fromCodePoint(value))
    }
    at += 1 + all.length
  }
  return { value: new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes)), length: at - start + 1 }
}

const named: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
}

/** As Go's %q: printable text as it is, the rest escaped. */
export function quote(text: string): string {
  let out = '"'
  for (const char of text) {
    const known = named[char]
    if (known !== undefined) out += known
    else if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char)) out += char
    else {
      const code = char.codePointAt(0)!
      out +=
        code < 0x80
          ? `\\x${code.toString(16).padStart(2, '0')}`
          : code < 0x10000
            ? `\\u${code.toString(16).padStart(4, '0')}`
            : `\\U${code.toString(16).padStart(8, '0')}`
    }
  }
  return `${out}"`
}
