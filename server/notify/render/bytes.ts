// Lengths as receivers count them: UTF-8 bytes. A cut never falls inside a character, nor between the halves of a surrogate pair.

export const byteLength = (text: string): number => Buffer.byteLength(text, 'utf8')

/** The longest beginning of `text` of at most `limit` bytes; when something is cut it ends in `mark`, which counts too. */
export function cutBytes(text: string, limit: number, mark = '…'): string {
  if (byteLength(text) <= limit) return text
  const end = byteLength(mark) <= limit ? mark : ''
  const room = Math.max(0, limit - byteLength(end))
  const bytes = Buffer.from(text, 'utf8')
  let at = Math.min(room, bytes.length)
  // 10xxxxxx continues a character: step back to where one begins.
  while (at > 0 && (bytes[at]! & 0xc0) === 0x80) at--
  return bytes.subarray(0, at).toString('utf8') + end
}

/** The longest beginning of at most `limit` characters (code points), for receivers that count those. */
export function cutChars(text: string, limit: number, mark = '…'): string {
  const chars = [...text]
  if (chars.length <= limit) return text
  const end = [...mark].length <= limit ? mark : ''
  return chars.slice(0, limit - [...end].length).join('') + end
}
