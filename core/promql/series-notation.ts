// The notation for series in test scripts and rule unit tests: `name{label="x"} 1 2+3x4 _ _x3 stale`. Source: Prometheus' unit-testing
// documentation. Expansion is bounded.

import type { Labels } from '../series/seam.ts'
import { executionError } from './errors.ts'
import { readMatchers, selectorOf } from './matchers.ts'
import { TokenReader } from './token-reader.ts'

/** Undefined where the script leaves a gap. */
export type ScriptSample = { readonly value: number; readonly stale: boolean } | undefined
export type ScriptSeries = { readonly labels: Labels; readonly samples: readonly ScriptSample[] }

const maxSamples = 1_000_000
// No hexadecimal here: in `1+0x10` the x counts repetitions.
const numberText = '[+-]?(?:inf|nan|(?:\\d+\\.?\\d*|\\.\\d+)(?:e[+-]?\\d+)?)'
const repeated = new RegExp(`^(${numberText})(?:([+-])(${numberText}))?(?:x(\\d+))?$`, 'i')

export function parseLabelSet(text: string): Labels {
  const reader = new TokenReader(text)
  const name = reader.peek().kind === 'name' ? reader.next() : null
  const { matchers } = reader.is('{')
    ? readMatchers(reader, name)
    : selectorOf(name?.text ?? null, [], { start: 0, end: text.length })
  if (reader.peek().kind !== 'end') throw reader.unexpected('label set')
  const labels = matchers.map(({ name: label, op, value }) => {
    if (op !== '=') throw executionError(`not a series: ${text}`)
    return [label, value] as const
  })
  return labels.filter(([, value]) => value !== '').sort((a, b) => (a[0] < b[0] ? -1 : 1))
}

export function parseNumber(text: string): number {
  const lower = text.toLowerCase()
  if (/^[+-]?inf$/.test(lower)) return lower.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^[+-]?nan$/.test(lower)) return Number.NaN
  return Number(text)
}

/** Splits `metric{…} values` behind the label set. */
export function splitSeries(line: string): { readonly metric: string; readonly values: string } {
  let quote = ''
  let depth = 0
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!
    if (quote !== '') {
      if (char === '\\') at++
      else if (char === quote) quote = ''
      continue
    }
    if (char === '"' || char === "'" || char === '`') quote = char
    else if (char === '{') depth++
    else if (char === '}') depth--
    else if (depth === 0 && /\s/.test(char)) {
      const rest = line.slice(at).trim()
      // A brace may stand apart from the name.
      if (rest.startsWith('{') && !rest.startsWith('{{')) continue
      return { metric: line.slice(0, at).trim(), values: rest }
    }
  }
  return { metric: line.trim(), values: '' }
}

export function parseValues(text: string): readonly ScriptSample[] {
  const samples: ScriptSample[] = []
  const push = (sample: ScriptSample): void => {
    if (samples.length >= maxSamples) throw executionError(`series of more than ${maxSamples} samples`)
    samples.push(sample)
  }
  for (const word of text.split(/\s+/).filter((one) => one !== '')) {
    const gap = /^_(?:x(\d+))?$/.exec(word)
    if (gap !== null) {
      for (let count = Number(gap[1] ?? 1); count > 0; count--) push(undefined)
      continue
    }
    if (word === 'stale') {
      push({ value: 0, stale: true })
      continue
    }
    const match = repeated.exec(word)
    if (match === null) throw executionError(`bad value in series: ${word}`)
    const [, first = '', sign, step, times] = match
    let value = parseNumber(first)
    const by = step === undefined ? 0 : parseNumber(step) * (sign === '-' ? -1 : 1)
    push({ value, stale: false })
    for (let count = Number(times ?? 0); count > 0; count--) {
      value += by
      push({ value, stale: false })
    }
  }
  return samples
}

export function parseSeries(line: string): ScriptSeries {
  const { metric, values } = splitSeries(line)
  return { labels: parseLabelSet(metric), samples: parseValues(values) }
}
