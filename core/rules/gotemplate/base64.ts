// Base64 with the letters that URLs may hold, padded, as Go's base64.URLEncoding; core has no Buffer.

import { fault } from './function.ts'
import { decode, encode } from './utf8.ts'

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export function base64Encode(text: string): string {
  const bytes = encode(text)
  let out = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3)
    const group = (a << 16) | (b << 8) | c
    const shown = Math.min(4, bytes.length - at + 1)
    for (let index = 0; index < 4; index++) {
      out += index < shown ? letters[(group >> (18 - 6 * index)) & 63] : '='
    }
  }
  return out
}

export function base64Decode(text: string): string {
  // Go skips line breaks inside the text.
  const compact = text.replace(/[\r\n]/g, '')
  const found = /^([\w-]*)(={0,2})$/.exec(compact)
  if (found === null || compact.length % 4 !== 0 || (found[1]!.length + 3) % 4 === 0) {
    const offender = compact.search(/[^\w-]/)
    throw fault(`illegal base64 data at input byte ${offender < 0 ? compact.length - (compact.length % 4) : offender}`)
  }
  const bytes: number[] = []
  let group = 0
  let bits = 0
  for (const letter of found[1]!) {
    group = ((group << 6) | letters.indexOf(letter)) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes.push((group >> bits) & 0xff)
  }
  return decode(Uint8Array.from(bytes))
}
