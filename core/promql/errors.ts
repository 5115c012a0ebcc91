// Faults of a query, in the two kinds that Prometheus tells apart: what cannot be read (`bad_data`) and what cannot be worked out
// (`execution`). A parse error carries the line and column of the text it is about.

import { InferwardError } from '../base/errors.ts'

/** `line:column` of an offset, both counted from 1; an empty text has no places. */
export function placeOf(text: string, offset: number): string {
  if (text === '') return 'unknown position'
  const before = text.slice(0, offset)
  return `${before.split('\n').length}:${offset - (before.lastIndexOf('\n') + 1) + 1}`
}

/** `whole`: the message carries its place already. */
export function parseError(text: string, offset: number, message: string, whole = false): InferwardError {
  return new InferwardError({
    code: 'promql.parse',
    message: whole ? message : `${placeOf(text, offset)}: parse error: ${message}`,
  })
}

export function executionError(message: string): InferwardError {
  return new InferwardError({ code: 'promql.execution', message })
}

/** The caller's clock ran out; another attempt may do. */
export function timeoutError(): InferwardError {
  return new InferwardError({
    code: 'promql.timeout',
    message: 'query timed out in expression evaluation',
    retryable: true,
  })
}
