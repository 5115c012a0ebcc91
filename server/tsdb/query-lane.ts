// Where heavy queries are worked out: a fixed number of threads, each with one query at a time, the rest in order behind them. A thread that does
// not answer long after its query's time is ended and replaced; its query has timed out.

import { Worker } from 'node:worker_threads'
import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import { buffersOf, type QueryOutcome, type QueryTask, work } from './query-task.ts'

export type LaneStats = {
  readonly threads: number
  readonly running: number
  readonly waiting: number
  readonly replaced: number
}

export type QueryLane = {
  /** Resolves when every thread is warm. */
  start(): Promise<void>
  run(task: QueryTask): Promise<QueryOutcome>
  stop(): Promise<void>
  stats(): LaneStats
}

/** How long after a query's own time its thread may still be about to answer. */
const graceMs = 2000
const timedOut: QueryOutcome = {
  ok: false,
  code: 'promql.timeout',
  message: 'query timed out in expression evaluation',
  retryable: true,
}

/** On the caller's thread: for tests, and where threads are not wanted. */
export function inlineLane(clock: Clock): QueryLane {
  return {
    start: async () => {},
    run: async (task) => work(task, () => clock.monotonic()),
    stop: async () => {},
    stats: () => ({ threads: 0, running: 0, waiting: 0, replaced: 0 }),
  }
}

/** A lane that is made when it is first asked for: most stores never need it. */
export function lazyLane(make: () => QueryLane): QueryLane {
  let made: { readonly lane: QueryLane; readonly started: Promise<void> } | null = null
  return {
    start: async () => {},
    async run(task) {
      if (made === null) {
        const lane = make()
        made = { lane, started: lane.start() }
      }
      await made.started
      return made.lane.run(task)
    },
    stop: async () => made?.lane.stop(),
    stats: () => made?.lane.stats() ?? { threads: 0, running: 0, waiting: 0, replaced: 0 },
  }
}

type Job = { readonly task: QueryTask; readonly done: (outcome: QueryOutcome) => void }
type Thread = { worker: Worker; job: Job | null; timer: Disposable | null; warm: Promise<void> }

export function threadLane(deps: {
  readonly clock: Clock
  readonly log: Log
  /** Compiled entry of the thread. */
  readonly program: string
  readonly threads: number
}): QueryLane {
  const waiting: Job[] = []
  const threads: Thread[] = []
  let replaced = 0
  let stopped = false

  const finish = (thread: Thread, outcome: QueryOutcome): void => {
    const { job } = thread
    thread.timer?.[Symbol.dispose]()
    thread.timer = null
    thread.job = null
    job?.done(outcome)
    next(thread)
  }
  const next = (thread: Thread): void => {
    const job = thread.job === null ? waiting.shift() : undefined
    if (job === undefined) return
    thread.job = job
    thread.timer = deps.clock.timer(job.task.timeoutMs + graceMs, () => replace(thread, timedOut, 'no answer'))
    try {
      thread.worker.postMessage({ id: 0, task: job.task }, buffersOf(job.task))
    } catch (error) {
      finish(thread, { ok: false, code: 'promql.internal', message: errorText(error), retryable: false })
    }
  }
  const replace = (thread: Thread, outcome: QueryOutcome, why: string): void => {
    if (stopped) return
    deps.log.warn('query thread replaced', { why })
    replaced++
    const old = thread.worker
    thread.worker = spawn(thread)
    old.removeAllListeners()
    old.on('error', () => {}) // it was given up; what it still says is nobody's business
    void old.terminate()
    finish(thread, outcome)
  }
  const spawn = (thread: Thread): Worker => {
    const worker = new Worker(deps.program)
    worker.unref()
    thread.warm = new Promise((resolve) => {
      worker.on('message', (message: { ready?: true; outcome?: QueryOutcome }) => {
        if (message.ready) resolve()
        if (message.outcome !== undefined) finish(thread, message.outcome)
      })
      worker.once('exit', () => resolve())
    })
    worker.on('error', (error) => {
      const message = `query thread ended: ${errorText(error)}`
      replace(thread, { ok: false, code: 'promql.internal', message, retryable: false }, message)
    })
    return worker
  }

  return {
    async start() {
      for (let count = 0; count < deps.threads; count++) {
        const thread = { job: null, timer: null, warm: Promise.resolve() } as unknown as Thread
        thread.worker = spawn(thread)
        threads.push(thread)
      }
      await Promise.all(threads.map((thread) => thread.warm))
    },
    run: (task) =>
      new Promise((done) => {
        waiting.push({ task, done })
        const free = threads.find((thread) => thread.job === null)
        if (free !== undefined) next(free)
      }),
    async stop() {
      stopped = true
      const stopping: QueryOutcome = {
        ok: false,
        code: 'promql.stopping',
        message: 'the server stops',
        retryable: true,
      }
      for (const job of waiting.splice(0)) job.done(stopping)
      for (const thread of threads) {
        thread.timer?.[Symbol.dispose]()
        thread.job?.done(stopping)
        await thread.worker.terminate()
      }
    },
    stats: () => ({
      threads: threads.length,
      running: threads.filter((thread) => thread.job !== null).length,
      waiting: waiting.length,
      replaced,
    }),
  }
}
