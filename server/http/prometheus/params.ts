// Parameters of the Prometheus API: in the URL or in a form, times as Unix seconds or RFC 3339, durations as seconds or `5m`. A fault names the
// parameter in Prometheus' words.

import type { Request } from 'express'
import { tryParseDuration } from '../../../core/base/duration.ts'
import { errorText, InferwardError } from '../../../core/base/errors.ts'
import { parseSelector } from '../../../core/promql/parser.ts'
import type { Matcher } from '../../../core/series/seam.ts'

export type Params = {
  text(name: string): string | undefined
  all(name: string): readonly string[]
}

export function badData(message: string): InferwardError {
  return new InferwardError({ code: 'prometheus.bad_data', message })
}

const invalid = (name: string, message: string): InferwardError => badData(`invalid parameter "${name}": ${message}`)

/** The form of a POST comes first, as in Go's FormValue. */
export function paramsOf(request: Request): Params {
  const form: Record<string, unknown> =
    typeof request.body === 'object' && request.body !== null && !Buffer.isBuffer(request.body) ? request.body : {}
  const list = (value: unknown): readonly string[] =>
    Array.isArray(value)
      ? value.filter((one): one is string => typeof one === 'string')
      : typeof value === 'string'
        ? [value]
        : []
  const all = (name: string): readonly string[] => [
    ...(Object.hasOwn(form, name) ? list(form[name]) : []),
    ...list(request.query[name]),
  ]
  return { all, text: (name) => all(name)[0] }
}

/** Milliseconds; undefined where the parameter is absent. */
export function timeParam(params: Params, name: string): number | undefined {
  const text = params.text(name)
  if (text === undefined || text === '') return undefined
  const seconds = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN
  const ms = Number.isNaN(seconds) ? rfc3339(text) : Math.round(seconds * 1000)
  if (Number.isSafeInteger(ms)) return ms
  throw invalid(name, `cannot parse ${JSON.stringify(text.slice(0, 100))} to a valid timestamp`)
}

/** The ends of Go's time, which Prometheus' own clients send for "from ever" and "for ever". */
const ends: Readonly<Record<string, number>> = {
  '-292273086-05-16T16:47:06Z': -Number.MAX_SAFE_INTEGER,
  '292277025-08-18T07:12:54.999999999Z': Number.MAX_SAFE_INTEGER,
}

function rfc3339(text: string): number {
  if (Object.hasOwn(ends, text)) return ends[text]!
  return /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.test(text)
    ? Date.parse(text)
    : Number.NaN
}

/** Milliseconds; undefined where the parameter is absent. */
export function durationParam(params: Params, name: string): number | undefined {
  const text = params.text(name)
  if (text === undefined || text === '') return undefined
  const ms = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)
    ? Math.round(Number(text) * 1000)
    : tryParseDuration(text)
  if (ms !== undefined && Number.isSafeInteger(ms)) return ms
  throw invalid(name, `cannot parse ${JSON.stringify(text.slice(0, 100))} to a valid duration`)
}

/** How many rows at most; 0 = all. */
export function limitParam(params: Params): number {
  const text = params.text('limit')
  if (text === undefined || text === '') return 0
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw invalid('limit', 'limit must be non-negative')
}

export function queryParam(params: Params): string {
  const text = params.text('query')
  if (text === undefined || text === '')
    throw invalid('query', 'unknown position: parse error: no expression found in input')
  return text
}

/** Start and end, `end` not before `start`; from ever and for ever where left out. */
export function spanParam(params: Params): { readonly from: number; readonly to: number } {
  const from = timeParam(params, 'start') ?? Number.NEGATIVE_INFINITY
  const to = timeParam(params, 'end') ?? Number.POSITIVE_INFINITY
  if (to < from) throw badData('invalid parameter "end": end timestamp must not be before start time')
  return { from, to }
}

/** Names outside the classic set come in Prometheus' escaped form: `U__`, then `__` for `_` and `_hex_` for each foreign character. What only
 * begins like it is a name as it stands. */
export function labelNameParam(text: string): string {
  if (text === '' || text.includes('\ufffd')) throw badData(`invalid label name: ${JSON.stringify(text.slice(0, 100))}`)
  if (!/^U__(?:[a-zA-Z0-9:]|__|_[0-9a-fA-F]{1,6}_)*$/.test(text)) return text
  const points = [...text.slice(3).matchAll(/__|_([0-9a-fA-F]+)_|[^_]/g)].map(([all, hex]) =>
    all === '__' ? 0x5f : hex === undefined ? all.codePointAt(0)! : Number.parseInt(hex, 16),
  )
  const foreign = points.some((point) => point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
  return foreign ? text : String.fromCodePoint(...points)
}

export function matchParam(params: Params, required: boolean): readonly (readonly Matcher[])[] {
  const texts = params.all('match[]')
  if (required && texts.length === 0) throw badData('no match[] parameter provided')
  return texts.map((text) => matchersOf('match[]', text))
}

/** Matchers of one selector; none where the parameter is absent. */
export function selectorParam(params: Params, name: string): readonly Matcher[] {
  const text = params.text(name) ?? ''
  return text === '' ? [] : matchersOf(name, text)
}

function matchersOf(name: string, text: string): readonly Matcher[] {
  try {
    return parseSelector(text).matchers
  } catch (error) {
    throw invalid(name, errorText(error))
  }
}
