// What a rule makes of a query's answer: samples of one instant, or a fault.

import { InferwardError } from '../base/errors.ts'
import type { QueryResult } from '../promql/query.ts'
import type { VectorSample } from './query.ts'

/** A scalar is one sample without labels. Throws `rules.result_type` for what is neither. */
export function resultSamples(result: QueryResult): readonly VectorSample[] {
  if (result.type === 'vector') return result.samples
  if (result.type === 'scalar') return [{ labels: [], value: result.value }]
  throw new InferwardError({ code: 'rules.result_type', message: 'rule result is not a vector or scalar' })
}
