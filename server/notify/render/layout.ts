// A message as text of at most so many bytes. What must be read stays — title, head, links, and the tail with keyword and mentions — and
// the list of alerts gives way first, then the prose, then long values and links. Every cut is at a character, and says how much is missing.

import { byteLength, cutBytes } from './bytes.ts'
import type { Link, Message } from './message.ts'
import { words } from './words.ts'

/** How one format writes the parts; every function returns whole lines without a line break at the end. */
export type Format = {
  readonly title: (text: string) => string
  readonly field: (name: string, value: string, colon: string) => string
  readonly links: (links: readonly Link[]) => string
  readonly heading: (text: string) => string
  readonly item: (text: string) => string
  /** Between blocks, and between the lines of one block. */
  readonly gap: string
  readonly newline: string
}

/** Bytes that one value may take; the next tighter row is tried when head and links do not fit. */
const caps = [
  { value: 300, link: 1024, line: 600 },
  { value: 150, link: 512, line: 300 },
  { value: 60, link: 256, line: 150 },
  { value: 30, link: 128, line: 90 },
] as const

/**
 * `tail` (keyword, mentions) is already in the words of the format and is never cut. `size` is how the limit counts a text: as it is, or as
 * JSON writes it.
 */
export function layout(message: Message, format: Format, limit: number, tail: string, size = byteLength): string {
  return layOut(message, format, limit, tail, size).text
}

export type Laid = {
  readonly text: string
  /** Alerts, from the first, that the text names one by one. */
  readonly shown: number
}

export function layOut(message: Message, format: Format, limit: number, tail: string, size = byteLength): Laid {
  if (message.own.text !== undefined)
    return cutOwn(message, message.own.text, tail && `${format.gap}${tail}`, { limit, size })
  for (const cap of caps) {
    const laid = attempt(message, format, { limit, size }, tail, cap)
    if (laid !== null) return laid
  }
  const { title, fields } = head(message, format, caps[3])
  const end = tail === '' ? '' : `${format.gap}${tail}`
  return { text: cutBytes([title, fields].join(format.gap), Math.max(0, limit - byteLength(end))) + end, shown: 0 }
}

/** The user's own text knows nothing of limits: its end gives way, the tail stays. */
function cutOwn(message: Message, text: string, end: string, { limit, size }: Room): Laid {
  if (size(text + end) <= limit) return { text: text + end, shown: message.total }
  const mark = words[message.lang].cut(byteLength(text))
  for (let bytes = limit; bytes > 0; ) {
    const cut = cutBytes(text, bytes, mark) + end
    const over = size(cut) - limit
    if (over <= 0) return { text: cut, shown: 0 }
    bytes -= over
  }
  return { text: end, shown: 0 }
}

type Room = { readonly limit: number; readonly size: (text: string) => number }

type Head = { readonly title: string; readonly fields: string; readonly links: string }

function head(message: Message, format: Format, cap: (typeof caps)[number]): Head {
  const { colon } = words[message.lang]
  const links = message.links.filter((link) => byteLength(link.url) <= cap.link)
  return {
    title: format.title(`${message.icon} ${message.word} · ${cutBytes(message.rule, cap.value)}`),
    fields: message.head
      .map((one) => format.field(one.name, cutBytes(one.value, cap.value), colon))
      .join(format.newline),
    links: links.length === 0 ? '' : format.links(links),
  }
}

function attempt(message: Message, format: Format, room: Room, tail: string, cap: (typeof caps)[number]): Laid | null {
  const w = words[message.lang]
  const { limit, size } = room
  const { title, fields, links } = head(message, format, cap)
  const blocks = (prose: string, list: string): string =>
    [title, [fields, prose].filter(Boolean).join(format.newline), links, list, tail].filter(Boolean).join(format.gap)
  const more = (shown: number): string => (shown < message.total ? w.more(message.total, message.total - shown) : '')
  // The line that says what is missing is part of what must fit, whether or not it will be needed.
  const reserve = message.total > 1 ? more(0) : ''
  const bare = size(blocks('', reserve))
  if (bare > limit) return null
  const prose = fitProse(message, format, { limit: limit - bare, size }, cap.line)
  const heading = format.heading(w.details)
  const list = [heading]
  // Sizes add up, so that a long list is not measured again for every line.
  const newline = size(format.newline)
  let used = size(blocks(prose, heading))
  let fits = 0
  for (const [index, line] of message.lines.entries()) {
    const item = format.item(cutBytes(line, cap.line))
    used += newline + size(item)
    const left = more(index + 1)
    if (used + (left === '' ? 0 : newline + size(left)) > limit) break
    list.push(item)
    fits = index + 1
  }
  if (fits === 0) return { text: blocks(prose, reserve), shown: message.total > 1 ? 0 : message.total }
  return { text: blocks(prose, [...list, more(fits)].filter(Boolean).join(format.newline)), shown: fits }
}

function fitProse(message: Message, format: Format, room: Room, cap: number): string {
  const { size } = room
  const w = words[message.lang]
  const { colon } = w
  const out: string[] = []
  let left = room.limit
  for (const one of message.prose) {
    const bare = size(format.field(one.name, '', colon) + format.newline)
    // Escaping lengthens a text: shorten until the written form fits; fewer than 12 bytes say nothing.
    for (let bytes = Math.min(left - bare, cap * 4); bytes >= 12; bytes -= 12) {
      const text = format.field(one.name, cutBytes(one.value, bytes, w.cut(byteLength(one.value))), colon)
      if (size(text + format.newline) > left) continue
      out.push(text)
      left -= size(text + format.newline)
      break
    }
  }
  return out.join(format.newline)
}
