// A value made harmless for the place in an HTML page where it will stand, with the outputs of Go's html/template where that has one. What
// has no harmless form is replaced by the mark that Go's users know, `ZgotmplZ`; inside scripts nothing is written at all.

import { fault } from './function.ts'
import { attributeKind, type InValue, type Place } from './html-place.ts'
import { encode } from './utf8.ts'

/** `html` and `url` are texts that the template's author vouches for. */
export type Trust = 'none' | 'html' | 'url'

const refused = 'ZgotmplZ'
const inText: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  '&': '&amp;',
  "'": '&#39;',
  '+': '&#43;',
  '<': '&lt;',
  '>': '&gt;',
}

export const escapeText = (text: string): string => text.replace(/[\0"&'+<>]/g, (char) => inText[char]!)

/** For what holds entities already. */
const escapeAgain = (text: string): string => text.replace(/[\0"'+<>]/g, (char) => inText[char]!)

/** Outside of quotes a space ends the value. */
const escapeUnquoted = (text: string, again: boolean): string =>
  text === '' ? refused : text.replace(again ? /[\0\t\n\v\f\r "'+<=>`]/g : /[\0\t\n\v\f\r "&'+<=>`]/g, unquoted)
const unquoted = (char: string): string => (char === '\0' ? '&#xfffd;' : (inText[char] ?? `&#${char.charCodeAt(0)};`))

/** The text as it is written at this place. Throws a fault where nothing may be written. */
export function escapeFor(place: Place, text: string, trust: Trust): string {
  switch (place.at) {
    case 'comment':
      return ''
    case 'text':
      return trust === 'html' ? text : escapeText(text)
    case 'raw':
      if (place.element === 'script') throw noScript()
      if (place.element === 'style') return styleValue(text)
      return trust === 'html' ? escapeAgain(text) : escapeText(text)
    case 'value':
      return attribute(place, inAttribute(place, text, trust), trust)
    case 'before value':
    case 'after name':
    case 'tag':
    case 'attribute name':
      return attributeNamePart(text)
  }
}

function inAttribute(place: InValue, text: string, trust: Trust): string {
  switch (place.kind) {
    case 'plain':
      return text
    case 'style':
      return styleValue(text)
    case 'url':
      if (place.address === 'query') return urlPart(text, trust === 'url')
      if (place.address === 'start' && trust !== 'url' && !harmlessScheme(text)) return `#${refused}`
      return urlPart(text, true)
    default:
      throw noScript()
  }
}

function attribute(place: InValue, text: string, trust: Trust): string {
  const again = trust === 'html' && place.kind === 'plain'
  const bare = again ? withoutTags(text) : text
  if (place.quote === '') return escapeUnquoted(bare, again)
  return again ? escapeAgain(bare) : escapeText(bare)
}

/** Tags and comments cut out; one that never ends stays. */
function withoutTags(text: string): string {
  let out = ''
  let at = 0
  for (const opening of text.matchAll(/<(!--|[/a-zA-Z])/g)) {
    if (opening.index < at) continue
    const closing = opening[1] === '!--' ? '-->' : '>'
    const end = text.indexOf(closing, opening.index)
    if (end < 0) break
    out += text.slice(at, opening.index)
    at = end + closing.length
  }
  return out + text.slice(at)
}

const noScript = () => fault('a value may not stand inside of a script, an event attribute or srcset')

function attributeNamePart(text: string): string {
  const name = text.toLowerCase()
  return name === '' || attributeKind(name) !== 'plain' || !/^[a-z0-9]+$/.test(name) ? refused : name
}

function harmlessScheme(text: string): boolean {
  const colon = text.indexOf(':')
  if (colon < 0 || text.slice(0, colon).includes('/')) return true
  return ['http', 'https', 'mailto'].includes(text.slice(0, colon).toLowerCase())
}

/** `whole`: what has a meaning in addresses, and what is escaped already, stays. */
function urlPart(text: string, whole: boolean): string {
  const bytes = encode(text)
  let out = ''
  bytes.forEach((byte, at) => {
    const char = String.fromCharCode(byte)
    const hex = (offset: number): boolean => /[0-9a-fA-F]/.test(String.fromCharCode(bytes[at + offset] ?? 0))
    const stays =
      /[A-Za-z0-9\-._~]/.test(char) ||
      (whole && (/[!#$&*+,/:;=?@[\]]/.test(char) || (char === '%' && hex(1) && hex(2))))
    out += stays ? char : `%${byte.toString(16).padStart(2, '0')}`
  })
  return out
}

/** Words, numbers, colours and lengths; nothing that opens a string, an address, a block or another declaration. */
function styleValue(text: string): string {
  if (/[\0"'()/;@[\\\]`{}<>]|--/.test(text)) return refused
  const letters = text.toLowerCase().replace(/[^a-z]/g, '')
  return letters.includes('expression') || letters.includes('mozbinding') ? refused : text
}
