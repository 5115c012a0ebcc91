// One query with all the samples it reads, as a message, and what is made of it: the same on a thread of its own and in place.

import { errorText, InferwardError, isInferwardError } from '../../core/base/errors.ts'
import { instantQuery, type QueryLimits, rangeQuery } from '../../core/promql/query.ts'
import { columnQuerier, type Extract } from '../../core/series/column-querier.ts'
import { type PackedResult, packResult } from './packed-result.ts'

export type QueryTask = {
  readonly query: string
  readonly range: { readonly start: number; readonly end: number; readonly stepMs: number } | null
  /** For an instant query, milliseconds. */
  readonly time: number
  readonly limits: QueryLimits
  readonly timeoutMs: number
  readonly data: Extract
}

export type QueryOutcome =
  | { readonly ok: true; readonly result: PackedResult }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly retryable: boolean }

export function work(task: QueryTask, monotonic: () => number): QueryOutcome {
  const until = monotonic() + task.timeoutMs
  const aborted = (): boolean => monotonic() > until
  try {
    const querier = columnQuerier(task.data)
    const result =
      task.range === null
        ? instantQuery(querier, task.query, task.time, task.limits, aborted)
        : rangeQuery(querier, task.query, task.range, task.limits, aborted)
    return { ok: true, result: packResult(result) }
  } catch (error) {
    const known = isInferwardError(error) ? error : null
    return {
      ok: false,
      code: known?.code ?? 'promql.internal',
      message: errorText(error),
      retryable: known?.retryable ?? false,
    }
  }
}

/** Throws what the query failed with. */
export function resultOf(outcome: QueryOutcome): PackedResult {
  if (outcome.ok) return outcome.result
  const { code, message, retryable } = outcome
  throw new InferwardError({ code, message, retryable })
}

/** Buffers that go along instead of being copied. */
export const buffersOf = ({ data }: QueryTask): ArrayBuffer[] =>
  [data.times, data.values, data.stale, data.offsets, data.labels.pairs, data.labels.starts].map(
    (column) => column.buffer as ArrayBuffer,
  )
