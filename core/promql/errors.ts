// Faults of a query, in the two kinds that Prometheus tells apart: what cannot be read (`bad_data`) and what cannot be worked out
// (`execution`). A parse error carries the line and column of the text it is about.

import { InferwardError } from '../base/errors.ts'

export function parseError(text: string, offset: number, message: string): InferwardError {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  const column = offset - (before.lastIndexOf('\n') + 1) + 1
  return new InferwardError({ code: 'promql.parse', message: `${line}:${column}: parse error: ${message}` })
}

export function executionError(message: string): InferwardError {
  return new InferwardError({ code: 'promql.execution', message })
}
