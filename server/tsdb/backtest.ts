// Backtests of rules over what the store holds: one at a time, on a thread of its own, its questions on the query lane like anybody's. It is given up when
// nobody waits for it any more, and after a time of its own.

import { Worker } from 'node:worker_threads'
import type { Clock } from '../../core/base/clock.ts'
import { errorText, InferwardError } from '../../core/base/errors.ts'
import type { BacktestResult } from '../../core/rules/backtest/source.ts'
import {
  answerFrom,
  type BacktestRequest,
  backtest,
  faultOf,
  type Question,
  type Said,
  type Told,
} from './backtest-run.ts'
import type { StoreClient } from './store-client.ts'

export type Backtests = {
  /** Throws `backtest.busy` while another one runs, `rules.invalid`, `backtest.too_large`, `backtest.aborted`, `backtest.timeout`. */
  run(request: BacktestRequest, progress: (part: number) => void, signal: AbortSignal): Promise<BacktestResult>
  stats(): { readonly runs: number; readonly failures: number; readonly running: number }
}
/** Runs one: with answers to its questions, until the signal. */
export type BacktestRunner = (
  request: BacktestRequest,
  answer: (question: Question) => ReturnType<typeof answerFrom>,
  progress: (part: number) => void,
  signal: AbortSignal,
) => Promise<BacktestResult>

const longestMs = 10 * 60_000

export function openBacktests(deps: {
  readonly clock: Clock
  readonly store: StoreClient
  readonly runner: BacktestRunner
}): Backtests {
  const { clock, store, runner } = deps
  let [runs, failures, running] = [0, 0, 0]
  return {
    async run(request, progress, signal) {
      if (running > 0) {
        throw new InferwardError({
          code: 'backtest.busy',
          message: 'another backtest is running',
          hint: 'Wait until it has ended, or end it.',
          retryable: true,
        })
      }
      running++
      runs++
      const ending = new AbortController()
      const late = clock.timer(longestMs, () =>
        ending.abort(
          new InferwardError({
            code: 'backtest.timeout',
            message: 'the backtest took longer than 10 minutes',
            hint: 'Take a shorter time or fewer rules.',
          }),
        ),
      )
      const gone = (): void =>
        ending.abort(new InferwardError({ code: 'backtest.aborted', message: 'nobody waits for the backtest' }))
      signal.addEventListener('abort', gone, { once: true })
      try {
        return await runner(request, (question) => answerFrom(store, question), progress, ending.signal)
      } catch (error) {
        failures++
        throw error
      } finally {
        running--
        late[Symbol.dispose]()
        signal.removeEventListener('abort', gone)
      }
    },
    stats: () => ({ runs, failures, running }),
  }
}

/** On the caller's thread: for tests, and where threads are not wanted. */
export const inlineRunner: BacktestRunner = (request, answer, progress, signal) =>
  backtest(
    request,
    {
      range: (expr, start, end, stepMs) => answer({ kind: 'range', expr, start, end, stepMs }),
      raw: (selector, from, to) => answer({ kind: 'raw', selector, from, to }),
    },
    progress,
    () => signal.aborted,
  )

/** `program`: compiled entry of the thread. */
export function threadRunner(program: string): BacktestRunner {
  return (request, answer, progress, signal) =>
    new Promise((resolve, reject) => {
      const worker = new Worker(program)
      worker.unref()
      const end = (act: () => void): void => {
        signal.removeEventListener('abort', given)
        worker.removeAllListeners()
        worker.on('error', () => {}) // it was ended; what it still says is nobody's business
        void worker.terminate()
        act()
      }
      const given = (): void => end(() => reject(signal.reason))
      const tell = (told: Told): void => worker.postMessage(told)
      signal.addEventListener('abort', given, { once: true })
      worker.on('message', (said: Said) => {
        if ('ready' in said) tell({ request })
        else if ('progress' in said) progress(said.progress)
        else if ('result' in said) end(() => resolve(said.result))
        else if ('fault' in said) end(() => reject(new InferwardError(said.fault)))
        else {
          answer(said.question).then(
            (series) => tell({ answer: said.ask, series }),
            (error: unknown) => tell({ answer: said.ask, fault: faultOf(error) }),
          )
        }
      })
      worker.on('error', (error) =>
        end(() =>
          reject(
            new InferwardError({
              code: 'backtest.failed',
              message: `the backtest's thread ended: ${errorText(error)}`,
              cause: error,
            }),
          ),
        ),
      )
      worker.on('exit', () =>
        end(() => reject(new InferwardError({ code: 'backtest.failed', message: "the backtest's thread ended" }))),
      )
    })
}
