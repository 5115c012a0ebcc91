// Prometheus' text exposition format, version 0.0.4: one visit per sample, faults with their line. Bounded: a page that is too large, or has
// too many samples, is refused before it fills memory.

import { InferwardError } from '../base/errors.ts'

export type TextVisitor = {
  sample(name: string, labels: readonly (readonly [string, string])[], value: number, time: number | null): void
  type?(name: string, type: string): void
  help?(name: string, help: string): void
}

export const maxTextBytes = 16 << 20
export const maxTextSamples = 200_000

export function fault(line: number, message: string, cause?: unknown): InferwardError {
  return new InferwardError({ code: 'text.malformed', message: `metrics page, line ${line}: ${message}`, cause })
}

const nameStart = /[a-zA-Z_:]/
const nameRest = /[a-zA-Z0-9_:]/

export function parseText(text: string, visitor: TextVisitor): void {
  if (text.length > maxTextBytes) {
    throw new InferwardError({
      code: 'text.too_large',
      message: `metrics page of ${text.length} characters, at most ${maxTextBytes}`,
    })
  }
  let samples = 0
  let line = 0
  let begin = 0
  while (begin < text.length) {
    line++
    let end = text.indexOf('\n', begin)
    if (end < 0) end = text.length
    const row = text.slice(begin, text[end - 1] === '\r' ? end - 1 : end)
    begin = end + 1
    const trimmed = row.trim()
    if (trimmed === '') continue
    if (trimmed[0] === '#') comment(trimmed, visitor)
    else {
      if (++samples > maxTextSamples)
        throw new InferwardError({
          code: 'text.too_large',
          message: `metrics page with more than ${maxTextSamples} samples`,
        })
      parseSample(trimmed, line, visitor)
    }
  }
}

function comment(row: string, visitor: TextVisitor): void {
  const match = /^#\s+(TYPE|HELP)\s+("(?:[^"\\]|\\.)+"|\S+)\s*(.*)$/s.exec(row)
  if (match === null) return
  const said = match[2]!
  const name = said.length > 2 && said.startsWith('"') ? said.slice(1, -1).replace(/\\(.)/gs, unescaped) : said
  if (match[1] === 'TYPE') visitor.type?.(name, match[3]!)
  else
    visitor.help?.(
      name,
      match[3]!.replace(/\\([\\n])/g, (_, c: string) => (c === 'n' ? '\n' : '\\')),
    )
}

const unescaped = (_: string, character: string): string => (character === 'n' ? '\n' : character)

function parseSample(row: string, line: number, visitor: TextVisitor): void {
  const { name, labels, at } = parseSeries(row, line)
  const { value, time } = parseTail(row.slice(at), line)
  visitor.sample(name, labels, value, time)
}

export type SeriesText = {
  readonly name: string
  readonly labels: readonly (readonly [string, string])[]
  /** Where it ends. */
  readonly at: number
}

/** The front of a row: what names the series. */
export function parseSeries(row: string, line: number): SeriesText {
  let at = 0
  const name = (): string => {
    const from = at
    if (!nameStart.test(row[at] ?? '')) throw fault(line, `expected a name at column ${at + 1}`)
    while (nameRest.test(row[at] ?? '')) at++
    return row.slice(from, at)
  }
  const space = (): void => {
    while (row[at] === ' ' || row[at] === '\t') at++
  }
  /** Behind the quotation mark. `what`: whose text it is. */
  const quoted = (what: string): string => {
    let value = ''
    for (;;) {
      const character = row[at++]
      if (character === undefined) throw fault(line, `${what} has no end`)
      if (character === '"') return value
      if (character !== '\\') value += character
      else {
        const escaped = row[at++]
        value += escaped === 'n' ? '\n' : (escaped ?? '')
      }
    }
  }
  let metric = row[at] === '{' ? '' : name()
  const labels: [string, string][] = []
  space()
  if (row[at] === '{') {
    at++
    space()
    while (row[at] !== '}') {
      // A name of any letters stands in quotation marks; that of the metric does so among the labels.
      const isQuoted = row[at] === '"'
      if (isQuoted) at++
      const label = isQuoted ? quoted('a name') : name()
      space()
      if (isQuoted && metric === '' && label !== '' && (row[at] === ',' || row[at] === '}')) metric = label
      else {
        if (label === '') throw fault(line, 'a label without a name')
        if (row[at++] !== '=') throw fault(line, `expected = after label ${label}`)
        space()
        if (row[at++] !== '"') throw fault(line, `expected " after label ${label}`)
        labels.push([label, quoted(`the value of label ${label}`)])
        space()
      }
      if (row[at] === ',') at++
      else if (row[at] !== '}') throw fault(line, `expected , or } at column ${at + 1}`)
      space()
    }
    at++
  }
  if (metric === '') throw fault(line, 'expected a metric name')
  return { name: metric, labels, at }
}

export type Tail = { readonly value: number; readonly time: number | null }

/** The rest of a row: a value and perhaps a time. */
export function parseTail(text: string, line: number): Tail {
  const rest = text.trim().split(/\s+/)
  if (rest.length < 1 || rest.length > 2) throw fault(line, 'expected a value and at most a timestamp')
  const value = parseValue(rest[0]!)
  if (value === null) throw fault(line, `not a number: ${rest[0]!.slice(0, 40)}`)
  const time = rest[1] === undefined ? null : /^[+-]?\d+$/.test(rest[1]) ? Number(rest[1]) : Number.NaN
  if (time !== null && !Number.isSafeInteger(time))
    throw fault(line, 'the timestamp is not a whole number of milliseconds')
  return { value, time }
}

/** Go's ParseFloat as far as exporters use it; null when it is no number. */
export function parseValue(text: string): number | null {
  switch (text.toLowerCase()) {
    case 'nan':
      return Number.NaN
    case 'inf':
    case '+inf':
      return Number.POSITIVE_INFINITY
    case '-inf':
      return Number.NEGATIVE_INFINITY
    default:
      return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : null
  }
}
