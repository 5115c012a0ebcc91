// A backtest as it goes between threads: the rule files and the stretch of time, questions to the store, progress, the result. The same on a thread of its
// own and in place.

import { errorText, isInferwardError } from '../../core/base/errors.ts'
import { parseExpression } from '../../core/promql/expression.ts'
import type { MatrixSeries } from '../../core/promql/query.ts'
import { runBacktest } from '../../core/rules/backtest/backtest.ts'
import type { BacktestResult, BacktestSource } from '../../core/rules/backtest/source.ts'
import { parseRuleFile } from '../../core/rules/rule-file.ts'
import type { RuleText, StoreClient } from './store-client.ts'

export type BacktestRequest = {
  readonly files: readonly RuleText[]
  /** Milliseconds. */
  readonly from: number
  readonly to: number
  readonly defaultIntervalMs: number
  readonly externalLabels: Readonly<Record<string, string>>
}
export type Fault = {
  readonly code: string
  readonly message: string
  readonly hint?: string
  readonly retryable: boolean
}
export type Question =
  | {
      readonly kind: 'range'
      readonly expr: string
      readonly start: number
      readonly end: number
      readonly stepMs: number
    }
  | { readonly kind: 'raw'; readonly selector: string; readonly from: number; readonly to: number }
/** From the thread. */
export type Said =
  | { readonly ready: true }
  | { readonly ask: number; readonly question: Question }
  | { readonly progress: number }
  | { readonly result: BacktestResult }
  | { readonly fault: Fault }
/** To the thread. */
export type Told =
  | { readonly request: BacktestRequest }
  | { readonly answer: number; readonly series: readonly MatrixSeries[] }
  | { readonly answer: number; readonly fault: Fault }

/** Longest one question may take. */
const questionMs = 30_000

/** Throws `rules.invalid` and what `runBacktest` does. */
export async function backtest(
  request: BacktestRequest,
  source: BacktestSource,
  progress: (part: number) => void,
  aborted: () => boolean,
): Promise<BacktestResult> {
  const { files, ...rest } = request
  const groups = files.flatMap(({ file, text }) => parseRuleFile(file, text, parseExpression))
  return runBacktest({ ...rest, groups, source, progress, aborted })
}

export async function answerFrom(store: StoreClient, question: Question): Promise<readonly MatrixSeries[]> {
  const common = { timeoutMs: questionMs, lookbackMs: null }
  const result =
    question.kind === 'range'
      ? await store.queryRange({ ...common, query: question.expr, ...timesOf(question) })
      : await store.query({
          ...common,
          query: `${question.selector}[${Math.max(1, question.to - question.from)}ms]`,
          time: question.to,
        })
  return result.type === 'matrix' ? result.series : []
}

const timesOf = ({ start, end, stepMs }: Extract<Question, { kind: 'range' }>) => ({ start, end, stepMs })

export function faultOf(error: unknown): Fault {
  if (!isInferwardError(error)) return { code: 'backtest.failed', message: errorText(error), retryable: false }
  const { code, hint, retryable } = error
  return { code, message: error.message, ...(hint === undefined ? {} : { hint }), retryable }
}
