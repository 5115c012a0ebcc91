// One number or text by one verb with its flags, as Go's fmt writes it. Answers undefined for a verb the value does not know.

import { firstDigits, fixed, parts, shortest } from './decimal.ts'
import { charOf, goQuote, goQuoteChar, isPrintable } from './quote.ts'
import { encode, runeLength } from './utf8.ts'

export type Flags = {
  readonly minus: boolean
  readonly plus: boolean
  readonly sharp: boolean
  readonly space: boolean
  readonly zero: boolean
  /** `%+v` and `%#v`: of structures and of Go syntax, no longer of numbers. */
  readonly plusV: boolean
  readonly sharpV: boolean
  readonly width: number | undefined
  readonly precision: number | undefined
}
export const noFlags: Flags = {
  minus: false,
  plus: false,
  sharp: false,
  space: false,
  zero: false,
  plusV: false,
  sharpV: false,
  width: undefined,
  precision: undefined,
}

export function pad(text: string, flags: Flags, zeros = flags.zero): string {
  const missing = (flags.width ?? 0) - runeLength(text)
  if (missing <= 0) return text
  return flags.minus ? text + ' '.repeat(missing) : (zeros ? '0' : ' ').repeat(missing) + text
}

export function formatBool(value: boolean, verb: string, flags: Flags): string | undefined {
  return verb === 't' || verb === 'v' ? pad(String(value), flags) : undefined
}

export function formatText(text: string, verb: string, flags: Flags): string | undefined {
  const { precision } = flags
  const cut = (): string => (precision === undefined ? text : [...text].slice(0, precision).join(''))
  switch (verb) {
    case 'v':
      return flags.sharpV ? pad(quoted(cut(), flags), flags) : pad(cut(), flags)
    case 's':
      return pad(cut(), flags)
    case 'q':
      return pad(quoted(cut(), flags), flags)
    case 'x':
    case 'X':
      return hexBytes(text, verb, flags)
    default:
      return undefined
  }
}

const quoted = (text: string, flags: Flags): string =>
  flags.sharp && canBackquote(text) ? `\`${text}\`` : goQuote(text, flags.plus)

const canBackquote = (text: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  !/[`\u0000-\u0008\u000a-\u001f\u007f\ufeff\ufffd]/.test(text)

function hexBytes(text: string, verb: string, flags: Flags): string {
  const bytes = encode(text)
  const shown = [...bytes.subarray(0, flags.precision ?? bytes.length)]
  if (shown.length === 0) return pad('', flags)
  const digits = shown.map((byte) => {
    const pair = byte.toString(16).padStart(2, '0')
    return verb === 'X' ? pair.toUpperCase() : pair
  })
  const lead = flags.sharp ? `0${verb}` : ''
  return pad(flags.space ? digits.map((pair) => lead + pair).join(' ') : lead + digits.join(''), flags)
}

const bases: Readonly<Record<string, number>> = { d: 10, v: 10, b: 2, o: 8, O: 8, x: 16, X: 16 }

export function formatInt(value: bigint, verb: string, flags: Flags): string | undefined {
  switch (verb) {
    case 'c':
      return pad(charOf(value), flags)
    case 'q':
      return pad(goQuoteChar(value, flags.plus), flags)
    case 'U':
      return pad(unicode(value, flags), flags, false)
  }
  const base = Object.hasOwn(bases, verb) ? bases[verb] : undefined
  if (base === undefined) return undefined
  const negative = value < 0n
  let digits = (negative ? -value : value).toString(base)
  if (verb === 'X') digits = digits.toUpperCase()
  let least = 0
  if (flags.precision !== undefined) {
    least = flags.precision
    if (least === 0 && value === 0n) return ' '.repeat(flags.width ?? 0)
  } else if (flags.zero && !flags.minus && flags.width !== undefined) {
    least = flags.width - (negative || flags.plus || flags.space ? 1 : 0)
  }
  digits = digits.padStart(least, '0')
  if (flags.sharp) {
    if (base === 2) digits = `0b${digits}`
    else if (base === 8 && !digits.startsWith('0')) digits = `0${digits}`
    else if (base === 16) digits = `0${verb === 'X' ? 'X' : 'x'}${digits}`
  }
  if (verb === 'O') digits = `0o${digits}`
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  return pad(sign + digits, flags, false)
}

function unicode(value: bigint, flags: Flags): string {
  const code = BigInt.asUintN(64, value)
  const text = `U+${code
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(4, flags.precision ?? 0), '0')}`
  const char = charOf(value)
  return flags.sharp && code <= 0x10ffffn && char !== '\ufffd' && isPrintable(char) ? `${text} '${char}'` : text
}

/** Verbs and the digits they show unasked; -1: as few as read back the same. */
const floatVerbs: Readonly<Record<string, number>> = {
  v: -1,
  g: -1,
  G: -1,
  b: -1,
  x: -1,
  X: -1,
  e: 6,
  E: 6,
  f: 6,
  F: 6,
}

export function formatFloat(value: number, verb: string, flags: Flags): string | undefined {
  const usual = Object.hasOwn(floatVerbs, verb) ? floatVerbs[verb] : undefined
  if (usual === undefined) return undefined
  const precision = flags.precision ?? usual
  const negative = value < 0 || Object.is(value, -0)
  let body = Number.isFinite(value)
    ? magnitude(value, verb === 'v' ? 'g' : verb === 'F' ? 'f' : verb, precision)
    : Number.isNaN(value)
      ? 'NaN'
      : 'Inf'
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  if (!Number.isFinite(value)) {
    if (value === Infinity && sign === '') return pad('+Inf', flags, false)
    return pad(sign + body, flags, false)
  }
  if (flags.sharp && verb !== 'b') body = withPoint(body, verb, precision)
  if (sign !== '' && flags.zero && !flags.minus) {
    return sign + body.padStart((flags.width ?? 0) - 1, '0')
  }
  return pad(sign + body, flags)
}

function magnitude(value: number, verb: string, precision: number): string {
  switch (verb) {
    case 'f':
      return precision < 0 ? plain(shortest(value).digits, shortest(value).exponent) : fixed(value, precision)
    case 'e':
    case 'E': {
      const { digits, exponent } = precision < 0 ? shortest(value) : firstDigits(value, precision + 1)
      return exponential(digits, exponent, verb)
    }
    case 'b': {
      const { mantissa, exponent } = parts(value)
      return `${mantissa}p${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`
    }
    case 'x':
    case 'X':
      return hexadecimal(value, verb, precision)
    default: {
      const found = precision < 0 ? shortest(value) : firstDigits(value, Math.max(1, precision))
      const digits = found.digits.replace(/0+$/, '') || '0'
      return found.exponent < -4 || found.exponent >= (precision < 0 ? 6 : Math.max(1, precision))
        ? exponential(digits, found.exponent, verb === 'G' ? 'E' : 'e')
        : plain(digits, found.exponent)
    }
  }
}

function exponential(digits: string, exponent: number, letter: string): string {
  const power = String(Math.abs(exponent)).padStart(2, '0')
  return `${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ''}${letter}${exponent < 0 ? '-' : '+'}${power}`
}

function plain(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`
  if (digits.length <= exponent + 1) return digits.padEnd(exponent + 1, '0')
  return `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`
}

/** `%x` of a float: a hexadecimal fraction with a power of two. */
function hexadecimal(value: number, verb: string, precision: number): string {
  let { mantissa, exponent } = parts(value)
  if (mantissa === 0n) exponent = 0
  else {
    const shift = 53 - mantissa.toString(2).length
    mantissa <<= BigInt(shift)
    exponent += 52 - shift
  }
  let fraction = mantissa & 0xfffffffffffffn
  let whole = mantissa >> 52n
  let digits = fraction.toString(16).padStart(13, '0')
  if (precision < 0) digits = digits.replace(/0+$/, '')
  else if (precision < 13) {
    const cut = BigInt(4 * (13 - precision))
    const half = 1n << (cut - 1n)
    const rest = mantissa & ((1n << cut) - 1n)
    let kept = mantissa >> cut
    if (rest > half || (rest === half && (kept & 1n) === 1n)) kept++
    whole = kept >> BigInt(4 * precision)
    fraction = kept & ((1n << BigInt(4 * precision)) - 1n)
    if (whole > 1n) {
      whole >>= 1n
      exponent++
    }
    digits = precision === 0 ? '' : fraction.toString(16).padStart(precision, '0')
  } else digits = digits.padEnd(precision, '0')
  const power = String(Math.abs(exponent)).padStart(2, '0')
  const text = `0x${whole}${digits === '' ? '' : `.${digits}`}p${exponent < 0 ? '-' : '+'}${power}`
  return verb === 'X' ? text.toUpperCase() : text
}

/** `#` of a float: always a point, and for %g the zeros that are usually left away. */
function withPoint(text: string, verb: string, precision: number): string {
  const cut = verb === 'x' || verb === 'X' ? text.search(/[pP]/) : text.search(/[eE]/)
  const head = cut < 0 ? text : text.slice(0, cut)
  const tail = cut < 0 ? '' : text.slice(cut)
  let missing = 'vgGx'.includes(verb) ? (precision < 0 ? 6 : precision) : 0
  let significant = false
  for (const char of head) {
    if (char === '.') continue
    if (char !== '0') significant = true
    if (significant) missing--
  }
  const pointed = head.includes('.') ? head : `${head}.`
  if (!head.includes('.') && head === '0') missing--
  return pointed + '0'.repeat(Math.max(0, missing)) + tail
}
