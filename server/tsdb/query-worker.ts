// The thread that works queries out. It runs behind everything else of this process, and begins by warming up: the first evaluation of a fresh
// thread takes a hundred times as long as the next.

import { parentPort } from 'node:worker_threads'
import { packLabels } from '../../core/series/column-querier.ts'
import { stepBehind } from './nice.ts'
import { buffersOfResult } from './packed-result.ts'
import { type QueryTask, work } from './query-task.ts'

stepBehind()

const minute = 60_000
const series = 50
const samples = 120
const data: QueryTask['data'] = {
  selections: [{ key: '[["__name__","=","warm"]]', refs: Uint32Array.from({ length: series }, (_, i) => i) }],
  labels: packLabels(
    Array.from({ length: series }, (_, i) => [
      ['__name__', 'warm'],
      ['le', String(i)],
    ]),
  ),
  offsets: Float64Array.from({ length: series + 1 }, (_, i) => i * samples),
  times: Float64Array.from({ length: series * samples }, (_, i) => (i % samples) * 15_000),
  values: Float64Array.from({ length: series * samples }, (_, i) => i),
  stale: new Uint8Array(series * samples),
}
for (const query of ['sum by (le) (rate(warm[5m]))', 'histogram_quantile(0.9, warm)', 'warm > 10 and warm < 1e9']) {
  for (let turn = 0; turn < 20; turn++) {
    const range = { start: 5 * minute, end: 25 * minute, stepMs: minute }
    const limits = { lookbackMs: 5 * minute, defaultStepMs: minute, maxSamples: 1e7 }
    work({ query, range, time: 0, limits, timeoutMs: 10_000, data }, () => performance.now())
  }
}

parentPort?.on('message', ({ id, task }: { id: number; task: QueryTask }) => {
  const outcome = work(task, () => performance.now())
  parentPort?.postMessage({ id, outcome }, outcome.ok ? buffersOfResult(outcome.result) : [])
})
parentPort?.postMessage({ ready: true })
