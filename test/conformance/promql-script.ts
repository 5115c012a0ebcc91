// Reads the test scripts of Prometheus' query language into commands: `load`, `clear` and `eval` with its expectations. Lines are trimmed;
// a comment counts as an empty line, and an empty line ends a command. Source: Prometheus, promql/promqltest.

import { RE2JS } from 're2js'
import { tryParseDuration } from '../../core/base/duration.ts'
import {
  parseLabelSet,
  parseNumber,
  parseValues,
  type ScriptSample,
  splitSeries,
} from '../../core/promql/series-notation.ts'
import { readString } from '../../core/promql/strings.ts'
import type { Labels } from '../../core/series/seam.ts'

export type ScriptRow = { readonly labels: Labels; readonly samples: readonly ScriptSample[] }
/** A text that must be matched: the whole of it, or by a pattern; null matches everything. */
export type Expected = { readonly matches: (text: string) => boolean; readonly shown: string }
export type ExpectKind = 'ordered' | 'fail' | 'warn' | 'no_warn' | 'info' | 'no_info'

export type Load = {
  readonly kind: 'load'
  readonly stepMs: number
  readonly rows: readonly ScriptRow[]
  /** Series that need what we do not have: selectors that touch them are skipped. */
  readonly beyond: readonly { readonly labels: Labels; readonly why: string }[]
}
export type Eval = {
  readonly kind: 'eval'
  readonly line: number
  readonly text: string
  readonly expr: string
  /** At one moment, or over a range. Milliseconds. */
  readonly times: { readonly at: number } | { readonly start: number; readonly end: number; readonly stepMs: number }
  readonly expects: ReadonlyMap<ExpectKind, readonly Expected[]>
  readonly string: string | null
  readonly scalar: number | null
  readonly rows: readonly ScriptRow[]
  /** An instant query that gives a range vector; its samples lie on this grid. */
  readonly rangeVector: { readonly start: number; readonly end: number; readonly stepMs: number } | null
  readonly native: boolean
}
export type Command = Load | Eval | { readonly kind: 'clear' }

const milliseconds = (text: string): number => {
  const ms = tryParseDuration(text) ?? Number(text) * 1000
  if (!Number.isFinite(ms)) throw new Error(`not a duration: ${text}`)
  return Math.round(ms)
}

export function parseScript(text: string): readonly Command[] {
  const lines = text.split('\n').map((line) => {
    const trimmed = line.trim()
    return trimmed.startsWith('#') ? '' : trimmed
  })
  const commands: Command[] = []
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!
    if (line === '') continue
    if (/^clear\b/i.test(line)) {
      commands.push({ kind: 'clear' })
      continue
    }
    let end = at + 1
    while (end < lines.length && lines[end] !== '') end++
    const body = lines.slice(at + 1, end)
    if (/^load/i.test(line)) commands.push(parseLoad(line, body))
    else if (/^eval/i.test(line)) commands.push(parseEval(line, at + 1, body))
    else throw new Error(`line ${at + 1}: not a command: ${line}`)
    at = end - 1
  }
  return commands
}

function parseLoad(line: string, body: readonly string[]): Load {
  const match = /^load(_with_nhcb)?\s+(.+)$/.exec(line)
  if (match === null) throw new Error(`bad load: ${line}`)
  const rows: ScriptRow[] = []
  const beyond: { labels: Labels; why: string }[] = []
  for (const row of body) {
    const { metric, values } = splitSeries(row)
    if (metric.endsWith('@st')) {
      beyond.push({ labels: parseLabelSet(metric.slice(0, -3)), why: 'start timestamps' })
      continue
    }
    const labels = parseLabelSet(metric)
    if (values.includes('{{')) beyond.push({ labels, why: 'native histograms' })
    else rows.push({ labels, samples: parseValues(values) })
    if (match[1] !== undefined) beyond.push({ labels: baseOf(labels), why: 'native histograms' })
  }
  return { kind: 'load', stepMs: milliseconds(match[2]!), rows, beyond }
}

/** The native histogram that `load_with_nhcb` makes of a classic one. */
function baseOf(labels: Labels): Labels {
  return labels.flatMap(([name, value]) => {
    if (name === 'le') return []
    return [[name, name === '__name__' ? value.replace(/_(?:bucket|sum|count)$/, '') : value] as const]
  })
}

const instant = /^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(.+?))?\s+(.+)$/
const range = /^eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)$/

function parseEval(text: string, line: number, body: readonly string[]): Eval {
  const one = instant.exec(text)
  const many = one === null ? range.exec(text) : null
  if (one === null && many === null) throw new Error(`line ${line}: bad eval: ${text}`)
  const expects = new Map<ExpectKind, Expected[]>()
  const expect = (kind: ExpectKind, expected: Expected): void => {
    expects.set(kind, [...(expects.get(kind) ?? []), expected])
  }
  const mode = (one ?? many)![1] as ExpectKind | undefined
  if (mode !== undefined) expect(mode, anything)
  const draft = { string: null as string | null, scalar: null as number | null, rows: [] as ScriptRow[] }
  let rangeVector: Eval['rangeVector'] = null
  const native = body.some((row) => row.includes('{{'))
  for (const row of native ? [] : body) {
    const grid = /^expect range vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)$/.exec(row)
    const said = /^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$/.exec(row)
    const message = /^expected_fail_(message|regexp)\s+(.*)$/.exec(row)
    if (grid !== null) {
      const [from, to, step] = grid.slice(1).map(milliseconds) as [number, number, number]
      rangeVector = { start: from, end: to, stepMs: step }
    } else if (row.startsWith('expect string ')) {
      draft.string = readString(row, row.search(/["'`]/)).value
    } else if (said !== null) {
      expect(said[1] as ExpectKind, expectedText(said[2] ?? '', said[3]?.trim() ?? ''))
    } else if (message !== null) {
      expect('fail', expectedText(message[1] === 'regexp' ? 'regex' : 'msg', message[2]!.trim()))
    } else if (/^expect\b/.test(row)) throw new Error(`line ${line}: bad expectation: ${row}`)
    else if (isNumber(row)) draft.scalar = parseNumber(row)
    else {
      const { metric, values } = splitSeries(row)
      draft.rows.push({ labels: parseLabelSet(metric), samples: parseValues(values) })
    }
  }
  const times =
    one === null
      ? { start: milliseconds(many![2]!), end: milliseconds(many![3]!), stepMs: milliseconds(many![4]!) }
      : { at: rangeVector === null ? milliseconds(one[2] ?? '0') : (rangeVector as { end: number }).end }
  const expr = one === null ? many![5]! : one[3]!
  return { kind: 'eval', line, text, expr, times, expects, ...draft, rangeVector, native }
}

const isNumber = (row: string): boolean => /^[+-]?(?:inf|nan|0x[0-9a-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i.test(row)

const anything: Expected = { matches: () => true, shown: '.*' }

function expectedText(how: string, text: string): Expected {
  if (how === '') return anything
  if (how === 'msg') return { matches: (given) => given === text, shown: text }
  const pattern = RE2JS.compile(text)
  return { matches: (given) => pattern.matcher(given).find(), shown: text }
}
