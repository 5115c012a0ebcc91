// An answer as rules take it: a vector, or a scalar as one sample without labels.

import { InferwardError } from '../../core/base/errors.ts'
import type { QueryResult } from '../../core/promql/query.ts'
import type { VectorSample } from '../../core/rules/query.ts'

/** Throws `rules.result_type`. */
export function ruleSamples(result: QueryResult): readonly VectorSample[] {
  if (result.type === 'vector') return result.samples
  if (result.type === 'scalar') return [{ labels: [], value: result.value }]
  throw new InferwardError({
    code: 'rules.result_type',
    message: `rule result is a ${result.type}, not a vector or scalar`,
  })
}
