// Answers in the Prometheus API's envelope. Results leave in pieces, so that a large one is never a single string in memory; a client that
// reads slowly slows the writing down.

import { once } from 'node:events'
import type { Response } from 'express'
import { errorText, isInferwardError } from '../../../core/base/errors.ts'
import type { QueryResult } from '../../../core/promql/query.ts'
import type { Labels } from '../../../core/series/seam.ts'

const pieceBytes = 64 << 10

/** Prometheus' error types with their statuses. */
const statuses = {
  bad_data: 400,
  execution: 422,
  timeout: 503,
  not_found: 404,
  unavailable: 503,
  internal: 500,
} as const
type ErrorType = keyof typeof statuses

export function sendData(response: Response, data: unknown): void {
  response.json({ status: 'success', data })
}

export function sendFault(response: Response, error: unknown): void {
  const type = errorType(error)
  const message = type === 'internal' ? 'internal error; the server log has the details' : errorText(error)
  response.status(statuses[type]).json({ status: 'error', errorType: type, error: message })
}

export function errorType(error: unknown): ErrorType {
  if (!isInferwardError(error)) {
    const told = (error as { status?: unknown } | null)?.status
    return typeof told === 'number' && told >= 400 && told < 500 ? 'bad_data' : 'internal'
  }
  if (error.code === 'promql.parse' || error.code === 'prometheus.bad_data') return 'bad_data'
  if (error.code === 'promql.timeout') return 'timeout'
  if (error.code === 'promql.execution') return 'execution'
  return error.retryable ? 'unavailable' : 'internal'
}

export async function sendResult(response: Response, result: QueryResult): Promise<void> {
  response.type('json')
  let piece = ''
  for (const part of resultParts(result)) {
    piece += part
    if (piece.length < pieceBytes) continue
    if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')])
    if (response.destroyed) return
    piece = ''
  }
  response.end(piece)
}

function* resultParts(result: QueryResult): Generator<string> {
  yield `{"status":"success","data":{"resultType":"${result.type}","result":`
  if (result.type === 'scalar') yield `[${seconds(result.time)},"${number(result.value)}"]`
  else if (result.type === 'string') yield `[${seconds(result.time)},${JSON.stringify(result.value)}]`
  else {
    yield '['
    let comma = ''
    if (result.type === 'vector') {
      for (const { labels, value } of result.samples) {
        yield `${comma}{"metric":${metric(labels)},"value":[${seconds(result.time)},"${number(value)}"]}`
        comma = ','
      }
    } else {
      for (const { labels, times, values } of result.series) {
        yield `${comma}{"metric":${metric(labels)},"values":[`
        for (let index = 0; index < times.length; index++)
          yield `${index === 0 ? '' : ','}[${seconds(times[index]!)},"${number(values[index]!)}"]`
        yield ']}'
        comma = ','
      }
    }
    yield ']'
  }
  yield '}'
  yield notes('warnings', result.warnings)
  yield notes('infos', result.infos)
  yield '}'
}

const notes = (name: string, list: readonly string[] | undefined): string =>
  list === undefined || list.length === 0 ? '' : `,"${name}":${JSON.stringify(list)}`

/** Unix seconds with as many of three decimals as there are. */
const seconds = (ms: number): string => String(ms / 1000)

/** Go's shortest form; an exponent below 1e-6 and from 1e21 on, with two digits at least. */
export function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (Object.is(value, -0)) return '-0'
  const text = String(value)
  return text.includes('e') ? text.replace(/e([+-])(\d)$/, 'e$10$2') : text
}

export function metric(labels: Labels): string {
  let text = '{'
  for (const [name, value] of labels)
    text += `${text === '{' ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`
  return `${text}}`
}

/** A record with the labels as own fields only, whatever they are called. */
export function labelObject(labels: Labels): Record<string, string> {
  return Object.fromEntries(labels)
}
