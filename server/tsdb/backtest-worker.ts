// The thread of one backtest: it asks the store through its parent, which answers on the query lane, and works rules out behind everything else.

import { readlinkSync } from 'node:fs'
import * as os from 'node:os'
import { parentPort } from 'node:worker_threads'
import { InferwardError } from '../../core/base/errors.ts'
import type { MatrixSeries } from '../../core/promql/query.ts'
import { backtest, faultOf, type Question, type Said, type Told } from './backtest-run.ts'

const niceness = 15
try {
  os.setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), niceness)
} catch {
  // Not Linux, or not allowed: the thread is an equal of the others then.
}

const say = (said: Said): void => parentPort?.postMessage(said)
const waiting = new Map<number, { done: (series: readonly MatrixSeries[]) => void; failed: (error: unknown) => void }>()
let asked = 0

function ask(question: Question): Promise<readonly MatrixSeries[]> {
  const id = asked++
  say({ ask: id, question })
  return new Promise((done, failed) => waiting.set(id, { done, failed }))
}

parentPort?.on('message', (told: Told) => {
  if ('answer' in told) {
    const one = waiting.get(told.answer)
    waiting.delete(told.answer)
    if ('fault' in told) one?.failed(new InferwardError(told.fault))
    else one?.done(told.series)
    return
  }
  const source = {
    range: (expr: string, start: number, end: number, stepMs: number) =>
      ask({ kind: 'range', expr, start, end, stepMs }),
    raw: (selector: string, from: number, to: number) => ask({ kind: 'raw', selector, from, to }),
  }
  backtest(
    told.request,
    source,
    (progress) => say({ progress }),
    () => false,
  ).then(
    (result) => say({ result }),
    (error: unknown) => say({ fault: faultOf(error) }),
  )
})
say({ ready: true })
