// Literals as Go writes them: quoted and raw strings, characters, whole numbers in four bases with underscores, floats. Answers an error's
// words instead of throwing; where it lies is the parser's knowledge.

import { goQuote } from './quote.ts'

export type Failure = { readonly fault: string }
export type NumberLiteral = {
  readonly text: string
  /** Absent where the literal cannot be one. */
  readonly int: bigint | undefined
  readonly float: number
  /** Its type where nothing else asks for one. */
  readonly ideal: 'int' | 'float' | 'overflow'
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
}
const syntax: Failure = { fault: 'invalid syntax' }

/** `"…"` or a raw string, its quotes included. */
export function unquote(text: string): string | Failure {
  if (text.startsWith('`')) return text.slice(1, -1).replaceAll('\r', '')
  const bytes = new Bytes()
  let at = 1
  while (at < text.length - 1) {
    const char = readChar(text, at, '"')
    if (char === undefined) return syntax
    if (char.byte) bytes.byte(char.code)
    else bytes.text(String.fromCodePoint(char.code))
    at = char.end
  }
  return bytes.toString()
}

/** `'x'`, quotes included: the character's code point. */
export function unquoteChar(text: string): bigint | Failure {
  const char = text[1] === "'" ? undefined : readChar(text, 1, "'")
  if (char === undefined) return syntax
  if (char.end !== text.length - 1) return { fault: `malformed character constant: ${text}` }
  return BigInt(char.code)
}

type Char = { readonly code: number; readonly byte: boolean; readonly end: number }

function readChar(text: string, at: number, quote: string): Char | undefined {
  if (text[at] !== '\\') {
    const code = text.codePointAt(at)
    return code === undefined ? undefined : { code, byte: false, end: at + (code > 0xffff ? 2 : 1) }
  }
  const letter = text[at + 1] ?? ''
  if (letter === quote) return { code: letter.charCodeAt(0), byte: false, end: at + 2 }
  if (Object.hasOwn(simple, letter)) return { code: simple[letter]!.charCodeAt(0), byte: false, end: at + 2 }
  const octal = /^[0-7]{3}/.exec(text.slice(at + 1, at + 4))?.[0]
  if (octal !== undefined) {
    const code = Number.parseInt(octal, 8)
    return code > 255 ? undefined : { code, byte: true, end: at + 4 }
  }
  const width = letter === 'x' ? 2 : letter === 'u' ? 4 : letter === 'U' ? 8 : 0
  const digits = text.slice(at + 2, at + 2 + width)
  if (width === 0 || digits.length < width || !/^[0-9a-fA-F]+$/.test(digits)) return undefined
  const code = Number.parseInt(digits, 16)
  if (code > 0x10ffff || (width > 2 && code >= 0xd800 && code < 0xe000)) return undefined
  return { code, byte: letter === 'x', end: at + 2 + width }
}

/** Text and single bytes in a row; the bytes may form characters together. */
class Bytes {
  private readonly parts: number[] = []
  private whole = ''

  byte(value: number): void {
    if (value < 0x80 && this.parts.length === 0) this.whole += String.fromCharCode(value)
    else this.parts.push(value)
  }

  text(value: string): void {
    this.flush()
    this.whole += value
  }

  toString(): string {
    this.flush()
    return this.whole
  }

  private flush(): void {
    if (this.parts.length === 0) return
    this.whole += new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(this.parts))
    this.parts.length = 0
  }
}

const maxInt = 2n ** 63n

export function parseNumber(text: string): NumberLiteral | Failure {
  if (text.endsWith('i') || /[^eEpP+-][+-]/.test(text.slice(1)))
    return { fault: `complex constant ${text} is not supported` }
  const unsigned = /^[+-]/.test(text) ? text.slice(1) : text
  const whole = wholeNumber(unsigned)
  if (whole !== undefined && whole < 2n * maxInt) {
    const signed = text.startsWith('-') ? -whole : whole
    const fits = signed >= -maxInt && signed < maxInt
    if (fits || (!text.startsWith('-') && !text.startsWith('+'))) {
      return {
        text,
        int: fits ? signed : undefined,
        float: Number(signed),
        ideal: fits && !floatSpelled(text) ? 'int' : fits ? 'float' : 'overflow',
      }
    }
  }
  const float = parseFloatLiteral(text)
  if (typeof float !== 'number') return { fault: `illegal number syntax: ${goQuote(text)}` }
  if (!/[.eEpP]/.test(text)) return { fault: `integer overflow: ${goQuote(text)}` }
  const int = Number.isInteger(float) && Math.abs(float) < 2 ** 63 ? BigInt(float) : undefined
  return { text, int, float, ideal: 'float' }
}

/** A hexadecimal number may hold an `e` that is a digit, yet Go takes one with a sign before it for a float. */
const floatSpelled = (text: string): boolean => /[.eEpP]/.test(text) && !/^0[xX][^pP]*$/.test(text)

function wholeNumber(text: string): bigint | undefined {
  if (text.includes('_') && !underscoresOk(text)) return undefined
  const plain = text.replaceAll('_', '')
  if (/^0[0-7]*$/.test(plain)) return BigInt(`0o${plain}`)
  if (/^[1-9][0-9]*$/.test(plain)) return BigInt(plain)
  if (/^0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)$/.test(plain)) return BigInt(plain.toLowerCase())
  return undefined
}

/** Only between digits, or between a base and a digit. */
const underscoresOk = (text: string): boolean =>
  /^(?:0[xX]_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*|0[oO]_?[0-7]+(?:_[0-7]+)*|0[bB]_?[01]+(?:_[01]+)*|[0-9]+(?:_[0-9]+)*)$/.test(
    text,
  )

/** strconv.ParseFloat: the number, or `syntax` or `range`. */
export function parseFloatLiteral(text: string): number | 'syntax' | 'range' {
  if (/^[+-]?(?:inf|infinity)$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  if (/^nan$/i.test(text)) return Number.NaN
  if (/^[+-]?(?:D\.?D?|\.D)(?:[eE][+-]?D)?$/.test(text.replace(/\d+(?:_\d+)*/g, 'D'))) {
    const value = Number(text.replaceAll('_', ''))
    return Number.isFinite(value) ? value : 'range'
  }
  const parts =
    /^([+-]?)0[xX](_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)?\.?([0-9a-fA-F]*(?:_[0-9a-fA-F]+)*)[pP]([+-]?\d+)$/.exec(text)
  if (parts === null || (parts[2] ?? '') + parts[3]! === '') return 'syntax'
  const whole = (parts[2] ?? '').replaceAll('_', '')
  const fraction = parts[3]!.replaceAll('_', '')
  const power = Number(parts[4]) - 4 * fraction.length
  const mantissa = Number(BigInt(`0x${whole}${fraction}`))
  // In two steps, since 2 ** -1074 times a large mantissa is a number while 2 ** -1100 is none.
  const value = mantissa * 2 ** Math.trunc(power / 2) * 2 ** (power - Math.trunc(power / 2))
  if (!Number.isFinite(value)) return 'range'
  return parts[1] === '-' ? -value : value
}
