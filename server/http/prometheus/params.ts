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

function rfc3339(text: string): number {
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

export function matchParam(params: Params, required: boolean): readonly (readonly Matcher[])[] {
  const texts = params.all('match[]')
  if (required && texts.length === 0) throw badData('no match[] parameter provided')
  return texts.map((text) => {
    try {
      return parseSelector(text).matchers
    } catch (error) {
      throw invalid('match[]', errorText(error))
    }
  })
}
