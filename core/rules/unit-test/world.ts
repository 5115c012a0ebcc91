// What a unit test of rules runs in: a store of its own that takes the input series up to a moment, and questions to it. Subqueries without a step
// use the interval of the evaluation, and series that end are a no, as upstream: a test says all that there is.

import { errorText } from '../../base/errors.ts'
import { type Node, walk } from '../../promql/ast.ts'
import { matcherTest } from '../../promql/matchers.ts'
import { parseQuery } from '../../promql/parser.ts'
import { defaultLimits, instantQuery } from '../../promql/query.ts'
import { parseLabelSet, parseValues, type ScriptSample } from '../../promql/series-notation.ts'
import { keyOf, labelValue } from '../../promql/vector.ts'
import { type Head, openHead } from '../../series/head.ts'
import type { Labels } from '../../series/seam.ts'
import type { EvaluationDeps } from '../group.ts'
import type { RuleQuery, VectorSample } from '../query.ts'
import { resultSamples } from '../query-result.ts'
import type { InputSeries, UnitTest } from './test-file.ts'

export type World = {
  readonly head: Head
  /** Takes the samples up to `time`, this included. */
  fill(time: number): void
  /** How far it was filled. */
  readonly filledTo: number
  readonly query: RuleQuery
  readonly deps: EvaluationDeps
  /** Does the query read a series of native histograms? Nobody here keeps those. */
  readsNative(expr: string): boolean
}
export class SeriesFault extends Error {
  readonly input: InputSeries
  constructor(input: InputSeries, cause: unknown) {
    super(`series ${JSON.stringify(input.series)}: ${errorText(cause)}`)
    this.input = input
  }
}

type Row = { readonly ref: number; readonly samples: readonly ScriptSample[] }

const maxSeries = 1_000_000

/** Throws a `SeriesFault` for input that is none. */
export function openWorld(test: UnitTest, evaluationMs: number): World {
  const head = openHead({ maxSeries, retentionMs: Number.POSITIVE_INFINITY })
  const rows = new Map<string, Row>()
  const native: Labels[] = []
  for (const input of test.series) {
    try {
      const labels = parseLabelSet(input.series)
      if (/\{\{/.test(input.values)) native.push(labels)
      else {
        const ref = head.series(labels)
        if (typeof ref === 'string') throw new Error('a series needs a name and labels that are not empty')
        // Of series with the same labels the last one counts.
        rows.set(keyOf(labels), { ref, samples: parseValues(input.values) })
      }
    } catch (error) {
      throw new SeriesFault(input, error)
    }
  }
  const longest = [...rows.values()].reduce((most, { samples }) => Math.max(most, samples.length), 0)
  let taken = 0
  let filledTo = test.startMs
  const limits = { ...defaultLimits, defaultStepMs: evaluationMs }
  const parsed = new Map<string, Node>()
  const query = (expr: string, time: number): readonly VectorSample[] => {
    const node = parsed.get(expr) ?? parseQuery(expr)
    parsed.set(expr, node)
    return resultSamples(instantQuery(head, node, time, limits))
  }
  return {
    head,
    get filledTo() {
      return filledTo
    },
    fill(time) {
      filledTo = time
      for (; taken < longest && test.startMs + taken * test.intervalMs <= time; taken++) {
        for (const { ref, samples } of rows.values()) {
          const sample = samples[taken]
          if (sample !== undefined) head.append(ref, test.startMs + taken * test.intervalMs, sample.value, sample.stale)
        }
      }
    },
    query,
    deps: {
      query,
      has: () => true,
      write(labels, time, value, stale) {
        const ref = head.series(labels)
        return typeof ref === 'string' ? ref : head.append(ref, time, value, stale)
      },
      externalLabels: test.externalLabels,
      externalUrl: test.externalUrl,
    },
    readsNative(expr) {
      if (native.length === 0) return false
      let found = false
      walk(parseQuery(expr), (node) => {
        if (node.kind !== 'selector' || found) return
        const tests = node.matchers.map((matcher) => ({ label: matcher.name, matches: matcherTest(matcher) }))
        found = native.some((labels) => tests.every(({ label, matches }) => matches(labelValue(labels, label))))
      })
      return found
    },
  }
}
