// Where in an HTML page the output stands: in plain text, in a tag, in the value of which attribute. Follows the literal text of a template
// piece by piece, so that what a value may hold is known at the moment it is written. A value never moves the place by what it says.

export type AttributeKind = 'plain' | 'url' | 'style' | 'script' | 'srcset'
export type Quote = '"' | "'" | ''
type Tag = {
  readonly at: 'tag' | 'attribute name' | 'after name' | 'before value'
  readonly element: string
  readonly closing: boolean
  /** Of the attribute. */
  readonly name: string
}
export type InValue = Omit<Tag, 'at'> & {
  readonly at: 'value'
  readonly kind: AttributeKind
  readonly quote: Quote
  /** How far into an address: nothing yet, before its query, behind `?` or `#`. */
  readonly address: 'start' | 'path' | 'query'
}
/** Inside of an element whose text is no HTML. */
type Raw = { readonly at: 'raw'; readonly element: 'title' | 'textarea' | 'style' | 'script' }
type Markup = Tag | InValue | Raw
export type Place = { readonly at: 'text' } | { readonly at: 'comment' } | Markup

export const plainText: Place = { at: 'text' }

const tagStart = /<(\/?)([a-zA-Z](?:[a-zA-Z0-9]|[:-](?=[a-zA-Z0-9]))*)/y
const spaces = /[ \t\n\f\r]*/y
const attributeName = /[^ \t\n\f\r=>]*/y
const rawElements = ['title', 'textarea', 'style', 'script']

/** The literal text as it is written — comments left out, a lone `<` escaped — and the place behind it. */
export function follow(from: Place, text: string): { readonly place: Place; readonly written: string } {
  let place = from
  let written = ''
  let at = 0
  while (at < text.length) {
    const step =
      place.at === 'text' ? inText(text, at) : place.at === 'comment' ? inComment(text, at) : inMarkup(place, text, at)
    written += step.written ?? text.slice(at, step.to)
    place = step.place
    at = step.to
  }
  return { place, written }
}

type Step = { readonly place: Place; readonly to: number; readonly written?: string }

function inText(text: string, at: number): Step {
  const open = text.indexOf('<', at)
  if (open < 0) return { place: plainText, to: text.length }
  const before = text.slice(at, open)
  if (text.startsWith('<!--', open)) return { place: { at: 'comment' }, to: open + 4, written: before }
  const tag = match(tagStart, text, open)
  if (tag !== null) {
    const place = { at: 'tag', element: tag[2]!.toLowerCase(), closing: tag[1] === '/', name: '' } as const
    return { place, to: open + tag[0].length }
  }
  const doctype = text.slice(open, open + 9).toLowerCase() === '<!doctype'
  return { place: plainText, to: open + 1, written: `${before}${doctype ? '<' : '&lt;'}` }
}

function inComment(text: string, at: number): Step {
  const end = text.indexOf('-->', at)
  return end < 0
    ? { place: { at: 'comment' }, to: text.length, written: '' }
    : { place: plainText, to: end + 3, written: '' }
}

function inMarkup(place: Markup, text: string, at: number): Step {
  switch (place.at) {
    case 'raw':
      return inRaw(place.element, text, at)
    case 'tag':
      return inTag(place, text, at)
    case 'attribute name': {
      const more = match(attributeName, text, at)![0]
      const named = { ...place, name: place.name + more } as const
      const to = at + more.length
      return { place: to < text.length ? { ...named, at: 'after name' } : named, to }
    }
    case 'after name': {
      const to = at + match(spaces, text, at)![0].length
      if (to === text.length) return { place, to }
      if (text[to] === '=') return { place: { ...place, at: 'before value' }, to: to + 1 }
      return { place: { ...place, at: 'tag', name: '' }, to }
    }
    case 'before value': {
      const to = at + match(spaces, text, at)![0].length
      if (to === text.length) return { place, to }
      const quoted = text[to] === '"' || text[to] === "'"
      return { place: inValueOf(place, quoted ? (text[to] as Quote) : ''), to: quoted ? to + 1 : to }
    }
    case 'value':
      return inValue(place, text, at)
  }
}

function inRaw(element: Raw['element'], text: string, at: number): Step {
  const end = new RegExp(`</${element}(?=[ \\t\\n\\f\\r/>])`, 'i').exec(text.slice(at))
  const to = end === null ? text.length : at + end.index
  const inner = text.slice(at, to)
  const written = element === 'title' || element === 'textarea' ? inner.replaceAll('<', '&lt;') : inner
  if (end === null) return { place: { at: 'raw', element }, to, written }
  return { place: { at: 'tag', element, closing: true, name: '' }, to: to + end[0].length, written: written + end[0] }
}

function inTag(place: Tag, text: string, at: number): Step {
  const to = at + match(spaces, text, at)![0].length
  if (to === text.length) return { place, to }
  if (text[to] === '>') {
    const raw = !place.closing && rawElements.includes(place.element)
    return { place: raw ? { at: 'raw', element: place.element as Raw['element'] } : plainText, to: to + 1 }
  }
  // A lone `=` is nobody's value.
  const name = match(attributeName, text, to)![0] || text[to]!
  const end = to + name.length
  return { place: { ...place, at: end < text.length ? 'after name' : 'attribute name', name }, to: end }
}

function inValue(place: InValue, text: string, at: number): Step {
  const { quote } = place
  const found = quote === '' ? text.slice(at).search(/[ \t\n\f\r>]/) : text.indexOf(quote, at) - at
  const closed = found >= 0
  const to = closed ? at + found : text.length
  const { element, closing } = place
  if (closed) return { place: { at: 'tag', element, closing, name: '' }, to: to + quote.length }
  const inner = text.slice(at, to)
  const address = /[?#]/.test(inner.replace(/&#?[0-9a-zA-Z]+;/g, 'x'))
    ? 'query'
    : place.address === 'start' && inner.trim() !== ''
      ? 'path'
      : place.address
  return { place: { ...place, address }, to }
}

/** The place inside of a value that begins here. */
export const inValueOf = (place: Tag, quote: Quote): InValue => ({
  at: 'value',
  element: place.element,
  closing: place.closing,
  name: place.name,
  kind: attributeKind(place.name),
  quote,
  address: 'start',
})

const addresses = new Set(
  `action archive background cite classid codebase data formaction href icon longdesc manifest poster profile src usemap xmlns`.split(
    ' ',
  ),
)

export function attributeKind(written: string): AttributeKind {
  let name = written.toLowerCase()
  if (name.startsWith('data-')) name = name.slice(5)
  else if (name.includes(':')) {
    const [space, local = ''] = name.split(':', 2)
    if (space === 'xmlns') return 'url'
    name = local
  }
  if (addresses.has(name)) return 'url'
  if (name === 'style') return 'style'
  if (name === 'srcset' || name === 'imagesrcset') return 'srcset'
  if (name.startsWith('on')) return 'script'
  return /src|uri|url/.test(name) ? 'url' : 'plain'
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}
