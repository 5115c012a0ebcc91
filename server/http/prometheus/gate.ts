// How many queries are at work at once. A place is held until the answer is written, since until then its result is in memory; whoever finds
// all places taken waits in a queue of bounded length, no longer than its own timeout. What is turned away is counted.

import type { Response } from 'express'
import type { Clock } from '../../../core/base/clock.ts'
import { InferwardError } from '../../../core/base/errors.ts'

export type GateStats = {
  readonly running: number
  readonly waiting: number
  readonly queries: number
  /** The queue was full, or other answers held too many points. */
  readonly refused: number
  /** The timeout passed in the queue. */
  readonly late: number
}
export type Place = {
  readonly queuedMs: number
  /** Says how many points the answer holds; throws when it and the other answers under way are too many. */
  hold(points: number): void
}
export type QueryGate = {
  run(timeoutMs: number, response: Response, work: (place: Place) => Promise<void>): Promise<void>
  stats(): GateStats
}

type Waiting = { readonly call: (error: InferwardError | null) => void }

export function openQueryGate(options: {
  readonly clock: Clock
  readonly concurrency: number
  readonly queue: number
  /** Points that all answers under way may hold together; a single one may always have as many as a query may. */
  readonly points: number
}): QueryGate {
  const { clock } = options
  const waiting = new Set<Waiting>()
  let running = 0
  let queries = 0
  let refused = 0
  let late = 0
  let held = 0

  const busy = (message: string): InferwardError => {
    refused++
    return new InferwardError({ code: 'prometheus.unavailable', message, hint: 'Ask again later.', retryable: true })
  }
  /** Resolves with a place; the caller gives it back. */
  const enter = async (timeoutMs: number, response: Response): Promise<void> => {
    if (running < options.concurrency) return void running++
    if (waiting.size >= options.queue) throw busy('too many queries are waiting already')
    await new Promise<void>((resolve, reject) => {
      const call = (error: InferwardError | null): void => {
        waiting.delete(entry)
        timer[Symbol.dispose]()
        response.off('close', gone)
        if (error === null) resolve()
        else reject(error)
      }
      const entry: Waiting = { call }
      const expired = (message: string) => new InferwardError({ code: 'promql.timeout', message, retryable: true })
      const timer = clock.timer(Math.max(0, timeoutMs), () => {
        late++
        call(expired('query timed out in query queue'))
      })
      const gone = (): void => call(expired('the client left while its query was waiting'))
      response.once('close', gone)
      waiting.add(entry)
    })
  }
  const leave = (): void => {
    const [next] = waiting
    // The place goes from hand to hand: `running` stays as it is.
    if (next === undefined) running--
    else next.call(null)
  }

  return {
    async run(timeoutMs, response, work) {
      const since = clock.monotonic()
      await enter(timeoutMs, response)
      queries++
      let mine = 0
      try {
        await work({
          queuedMs: clock.monotonic() - since,
          hold(points) {
            if (held > 0 && held + points > options.points)
              throw busy('answers to other queries fill the memory that is set aside for answers')
            held += points
            mine += points
          },
        })
      } finally {
        held -= mine
        leave()
      }
    },
    stats: () => ({ running, waiting: waiting.size, queries, refused, late }),
  }
}
