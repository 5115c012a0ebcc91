// OpenMetrics text 1.0: stricter than the text format that it came from. Times are seconds, a page ends with `# EOF`, rows may carry an exemplar,
// which is read over. `_created` rows are samples like any other, as Prometheus takes them.

import { InferwardError } from '../base/errors.ts'
import { fault, maxTextBytes, maxTextSamples, parseSeries, parseValue, type Tail, type TextVisitor } from './text.ts'

export type OpenMetricsVisitor = TextVisitor & { unit?(name: string, unit: string): void }

export const openMetricsTypes: ReadonlySet<string> = new Set([
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
  'unknown',
])

export function parseOpenMetrics(text: string, visitor: OpenMetricsVisitor): void {
  if (text.length > maxTextBytes) {
    throw new InferwardError({
      code: 'text.too_large',
      message: `metrics page of ${text.length} characters, at most ${maxTextBytes}`,
    })
  }
  let samples = 0
  let line = 0
  for (let begin = 0; begin < text.length; ) {
    line++
    let end = text.indexOf('\n', begin)
    if (end < 0) end = text.length
    const row = text.slice(begin, end)
    begin = end + 1
    if (row === '# EOF') {
      if (begin < text.length) throw fault(line + 1, 'there is more after # EOF')
      return
    }
    if (row === '' || row[0] === '#') openMetricsComment(row, line, visitor)
    else {
      if (++samples > maxTextSamples) {
        throw new InferwardError({
          code: 'text.too_large',
          message: `metrics page with more than ${maxTextSamples} samples`,
        })
      }
      const { name, labels, at } = parseSeries(row, line)
      const { value, time } = parseOpenMetricsTail(row.slice(at), line)
      visitor.sample(name, labels, value, time)
    }
  }
  throw fault(line + 1, 'the page does not end with # EOF')
}

/** Also checks what it has no use for. */
export function openMetricsComment(row: string, line: number, visitor: Omit<OpenMetricsVisitor, 'sample'>): void {
  const [, word, plain, quoted = '', rest = ''] =
    /^# (HELP|TYPE|UNIT) (?:([a-zA-Z_:][a-zA-Z0-9_:]*)|"((?:[^"\\]|\\.)+)")(?: (.*))?$/s.exec(row) ?? []
  const name = plain ?? unescaped(quoted)
  if (word === undefined) throw fault(line, 'expected # HELP, # TYPE, # UNIT or # EOF')
  if (word === 'HELP') {
    return visitor.help?.(name, unescaped(rest))
  }
  if (word === 'TYPE') {
    if (!openMetricsTypes.has(rest)) throw fault(line, `there is no type ${JSON.stringify(rest.slice(0, 40))}`)
    return visitor.type?.(name, rest)
  }
  if (rest !== '' && !name.endsWith(`_${rest}`))
    throw fault(line, `unit ${JSON.stringify(rest.slice(0, 40))} is not what the name ${name.slice(0, 100)} ends with`)
  visitor.unit?.(name, rest)
}

const unescaped = (text: string): string => text.replace(/\\([\\n"])/g, (_, c: string) => (c === 'n' ? '\n' : c))

/** A value, perhaps a time in seconds, perhaps an exemplar. */
export function parseOpenMetricsTail(text: string, line: number): Tail {
  const mark = text.indexOf(' # ')
  if (mark >= 0) checkExemplar(text.slice(mark + 3), line)
  const rest = (mark < 0 ? text : text.slice(0, mark)).trim().split(/[ \t]+/)
  if (rest.length > 2) throw fault(line, 'expected a value and at most a timestamp')
  const value = parseValue(rest[0]!)
  if (value === null) throw fault(line, `not a number: ${rest[0]!.slice(0, 40)}`)
  return { value, time: rest[1] === undefined ? null : secondsOf(rest[1], line) }
}

function secondsOf(text: string, line: number): number {
  const time = Math.round((parseValue(text) ?? Number.NaN) * 1000)
  if (!Number.isSafeInteger(time)) throw fault(line, 'the timestamp is not a number of seconds')
  return time
}

function checkExemplar(text: string, line: number): void {
  // The same form as a row, but for the name.
  const { at } = parseSeries(`exemplar${text}`, line)
  const [value = '', time, ...more] = `exemplar${text}`
    .slice(at)
    .trim()
    .split(/[ \t]+/)
  if (text[0] !== '{' || more.length > 0 || parseValue(value) === null) throw fault(line, 'not an exemplar behind #')
  if (time !== undefined) secondsOf(time, line)
}
