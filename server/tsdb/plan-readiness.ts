// Plans of rules made ready before a tick asks them: at the load of rules, and again soon after series came or went. Numbering the rows of a large plan
// takes longer than a tick may be late, so it is done in turns, and never for more than a part of the time.

import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import type { Turnstile } from './turns.ts'

export type Readiness = {
  /** These are the queries from now on; resolves when they are ready. */
  wanted(queries: readonly string[]): Promise<void>
  /** Series came or went. */
  changed(): void
  stop(): Promise<void>
}

/** Series come in bodies: what one brought is waited for. */
const settleMs = 20
/** Making ready takes at most one part in so many of the time. */
const share = 5
/** How far before the present plans are tried: a tick that is about to come must not be behind that. */
const behindMs = 1000

export function readiness(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly turns: Turnstile
  readonly prepare: (queries: Iterable<string>, time: number, pause: () => Promise<void>) => Promise<void>
}): Readiness {
  const { clock } = deps
  let queries: readonly string[] = []
  let running: Promise<void> = Promise.resolve()
  let timer: Disposable | null = null
  let again = false
  let notBefore = 0
  let stopped = false

  const run = async (): Promise<void> => {
    const begun = clock.monotonic()
    again = false
    const of = queries
    try {
      await deps.prepare(live(of), Math.floor(clock.now()) - behindMs, deps.turns.job())
    } catch (error) {
      deps.log.warn('plans of rules were not made ready', { error: errorText(error) })
    }
    const end = clock.monotonic()
    notBefore = end + (end - begun) * (share - 1)
  }
  /** As long as they are wanted. */
  function* live(of: readonly string[]): Generator<string> {
    for (const query of of) {
      if (stopped || of !== queries) return
      yield query
    }
  }
  const later = (): void => {
    timer = clock.timer(Math.max(settleMs, notBefore - clock.monotonic()), () => {
      running = run().then(() => {
        timer = null
        if (again && !stopped) later()
      })
    })
  }

  return {
    async wanted(list) {
      queries = [...new Set(list)]
      await run()
    },
    changed() {
      again = true
      if (timer === null && !stopped && queries.length > 0) later()
    },
    async stop() {
      stopped = true
      timer?.[Symbol.dispose]()
      await running
    },
  }
}
