// Go's %q: texts and characters as Go would write them in a program.

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u
const short: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
}

export const isPrintable = (char: string): boolean => printable.test(char)

export function goQuote(text: string, ascii = false, quote = '"'): string {
  let out = quote
  for (const char of text) out += escaped(char, ascii, quote)
  return out + quote
}

export const goQuoteChar = (code: bigint, ascii = false): string => goQuote(charOf(code), ascii, "'")

/** The character of a code point; U+FFFD where there is none. */
export function charOf(code: bigint): string {
  if (code < 0n || code > 0x10ffffn || (code >= 0xd800n && code < 0xe000n)) return '\ufffd'
  return String.fromCodePoint(Number(code))
}

function escaped(char: string, ascii: boolean, quote: string): string {
  if (char === quote) return `\\${char}`
  if (Object.hasOwn(short, char)) return short[char]!
  const code = char.codePointAt(0)!
  if (code >= 0xd800 && code < 0xe000) return ascii ? '\\ufffd' : '\ufffd'
  if (isPrintable(char) && (!ascii || code < 0x80)) return char
  if (code < 0x20 || code === 0x7f) return `\\x${hex(code, 2)}`
  return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`
}

const hex = (code: number, width: number): string => code.toString(16).padStart(width, '0')
