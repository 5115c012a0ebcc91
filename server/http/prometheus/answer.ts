// Answers in the Prometheus API's envelope. Results leave in pieces, so that a large one is never a single string in memory; a client that
// reads slowly slows the writing down, and one that does not read at all is let go.

import { once } from 'node:events'
import type { Response } from 'express'
import type { Clock } from '../../../core/base/clock.ts'
import { errorText, isInferwardError } from '../../../core/base/errors.ts'
import type { QueryResult } from '../../../core/promql/query.ts'
import type { Labels } from '../../../core/series/seam.ts'

const pieceBytes = 64 << 10
/** A reader that takes nothing for so long holds a result, and a place among the queries, for nothing. */
export const stalledMs = 30_000
export const truncated = 'results truncated due to limit'

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

export function sendData(response: Response, data: unknown, warnings: readonly string[] = []): void {
  response.json({ status: 'success', data, ...(warnings.length === 0 ? {} : { warnings }) })
}

export function sendFault(response: Response, error: unknown): void {
  const type = errorType(error)
  if (type === 'internal') (response.locals.failed as (error: unknown) => void)(error)
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
  if (error.code === 'prometheus.not_found') return 'not_found'
  if (error.code.startsWith('backend.') || error.code === 'prometheus.unavailable') return 'unavailable'
  return error.retryable ? 'unavailable' : 'internal'
}

/** `stats` is what the caller asked to be told about the query itself. */
export function sendResult(response: Response, result: QueryResult, clock: Clock, stats?: unknown): Promise<void> {
  response.type('json')
  return sendParts(response, resultParts(result, stats), clock)
}

/** A list of any length, cut to `limit` rows (0 = all) with the warning that goes with it. */
export function sendRows(
  response: Response,
  rows: readonly unknown[],
  limit: number,
  text: (row: number) => string,
  clock: Clock,
): Promise<void> {
  const cut = limit > 0 && rows.length > limit
  const count = cut ? limit : rows.length
  const parts = function* (): Generator<string> {
    yield '{"status":"success","data":['
    for (let row = 0; row < count; row++) yield row === 0 ? text(row) : `,${text(row)}`
    yield `]${notes('warnings', cut ? [truncated] : [])}}`
  }
  response.type('json')
  return sendParts(response, parts(), clock)
}

/** Resolves when the last byte is on its way, or nobody reads any more. */
export async function sendParts(response: Response, parts: Iterable<string>, clock: Clock): Promise<void> {
  let piece = ''
  for (const part of parts) {
    piece += part
    if (piece.length < pieceBytes) continue
    if (!(await written(response, piece, clock))) return
    piece = ''
  }
  response.end(piece)
  if (!response.writableFinished && !response.destroyed) await settled(response, 'finish', clock)
}

/** False when nobody is there to read on. */
async function written(response: Response, piece: string, clock: Clock): Promise<boolean> {
  if (response.destroyed) return false
  if (response.write(piece)) return true
  await settled(response, 'drain', clock)
  return !response.destroyed
}

async function settled(response: Response, event: 'drain' | 'finish', clock: Clock): Promise<void> {
  const stop = new AbortController()
  using _stalled = clock.timer(stalledMs, () => void response.destroy())
  try {
    await Promise.race([event, 'close'].map((name) => once(response, name, { signal: stop.signal })))
  } catch {
    // The connection broke: `destroyed` says so.
  } finally {
    stop.abort()
  }
}

function* resultParts(result: QueryResult, stats: unknown): Generator<string> {
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
      const texts = timeTexts()
      for (const { labels, times, values } of result.series) {
        let row = `${comma}{"metric":${metric(labels)},"values":[`
        for (let index = 0; index < times.length; index++) {
          row += `${index === 0 ? '' : ','}[${texts(index, times[index]!)},"${number(values[index]!)}"]`
          if (row.length < pieceBytes) continue
          yield row
          row = ''
        }
        yield `${row}]}`
        comma = ','
      }
    }
    yield ']'
  }
  if (stats !== undefined) yield `,"stats":${JSON.stringify(stats)}`
  yield '}'
  yield notes('warnings', result.warnings)
  yield notes('infos', result.infos)
  yield '}'
}

const notes = (name: string, list: readonly string[] | undefined): string =>
  list === undefined || list.length === 0 ? '' : `,"${name}":${JSON.stringify(list)}`

/** At most `limit` rows, with the warning that goes with it; 0 = all. */
export function limited(result: QueryResult, limit: number): QueryResult {
  const rows = result.type === 'vector' ? result.samples : result.type === 'matrix' ? result.series : []
  if (limit === 0 || rows.length <= limit) return result
  const warnings = [...(result.warnings ?? []), truncated]
  if (result.type === 'vector') return { ...result, samples: result.samples.slice(0, limit), warnings }
  return result.type === 'matrix' ? { ...result, series: result.series.slice(0, limit), warnings } : result
}

/** How many points a result holds in memory. */
export function pointsOf(result: QueryResult): number {
  if (result.type === 'vector') return result.samples.length
  return result.type === 'matrix' ? result.series.reduce((sum, { times }) => sum + times.length, 0) : 1
}

/** Series of one range have the same times at mostly the same places: each is written once. */
function timeTexts(): (index: number, ms: number) => string {
  const known: number[] = []
  const texts: string[] = []
  return (index, ms) => {
    if (known[index] === ms) return texts[index]!
    known[index] = ms
    texts[index] = seconds(ms)
    return texts[index]
  }
}

/** Unix seconds with as many of three decimals as there are. */
const seconds = (ms: number): string => String(ms / 1000)

/** Go's shortest form; an exponent below 1e-6 and from 1e21 on, with two digits at least. */
export function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (Object.is(value, -0)) return '-0'
  const text = String(value)
  const size = Math.abs(value)
  return size < 1e21 && (size >= 1e-6 || size === 0) ? text : text.replace(/e([+-])(\d)$/, 'e$10$2')
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
