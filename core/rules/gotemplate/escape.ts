// html and js of templates: text made safe inside another language, byte for byte as Go does it.

import { isPrintable } from './quote.ts'

const html: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
}
const script: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
}

export const htmlEscape = (text: string): string => text.replace(/["'&<>\0]/g, (char) => html[char]!)

export const scriptEscape = (text: string): string =>
  text.replace(/[\\'"<>&=]|[^ -~]/gu, (char) => {
    if (Object.hasOwn(script, char)) return script[char]!
    const code = char.codePointAt(0)!
    // Go leaves DEL alone, as it is below the bytes it looks at and above the control characters.
    if (code === 0x7f || (code > 0x7f && isPrintable(char))) return char
    return `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`
  })
