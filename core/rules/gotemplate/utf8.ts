// Go counts, cuts and escapes texts by their UTF-8 bytes; JavaScript keeps UTF-16. Bytes that are no UTF-8 become U+FFFD.

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export const encode = (text: string): Uint8Array => encoder.encode(text)
export const decode = (bytes: Uint8Array): string => decoder.decode(bytes)

const isAscii = (text: string): boolean => {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false
  return true
}

export const byteLength = (text: string): number => (isAscii(text) ? text.length : encode(text).length)

export const byteSlice = (text: string, from: number, to: number): string =>
  isAscii(text) ? text.slice(from, to) : decode(encode(text).subarray(from, to))

/** Characters, a surrogate pair counted once. */
export function runeLength(text: string): number {
  let length = text.length
  for (let index = 0; index < text.length - 1; index++) {
    if ((text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) length--
  }
  return length
}

/** Go maps character by character: none becomes two, none looks at its neighbours. */
export const upper = (text: string): string => mapped(text, (char) => char.toUpperCase())
export const lower = (text: string): string => mapped(text, (char) => char.toLowerCase())

function mapped(text: string, change: (char: string) => string): string {
  if (isAscii(text)) return change(text)
  let out = ''
  for (const char of text) {
    const changed = change(char)
    out += changed.length === char.length ? changed : char === 'İ' ? 'i' : char
  }
  return out
}

/** Go's url.QueryEscape. */
export function queryEscape(text: string): string {
  let out = ''
  for (const byte of encode(text)) {
    const char = String.fromCharCode(byte)
    if (/[A-Za-z0-9\-_.~]/.test(char)) out += char
    else out += char === ' ' ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
