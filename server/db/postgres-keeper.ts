// Keeps the embedded PostgreSQL running: one that is gone (killed, out of memory) is started again on the same folder and socket, so that the
// pool finds it under its old address. Invariant: at most one start under way, none once asked to stop.

import { steadyDelay } from '../../core/base/backoff.ts'
import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import type { EmbeddedPostgres } from './embedded-postgres.ts'

const lookMs = 500
const retry = { baseMs: 500, capMs: 10_000 }

export type PostgresKeeper = {
  /** False from when it is seen to be gone until it takes connections again. */
  alive(): boolean
  /** Ends the keeping; the cluster itself goes on unless `cluster` is true. */
  stop(cluster: boolean): Promise<void>
}

export function keepPostgres(deps: {
  readonly first: EmbeddedPostgres
  readonly start: () => Promise<EmbeddedPostgres>
  readonly clock: Clock
  readonly log: Log
}): PostgresKeeper {
  const { clock, log } = deps
  let held = deps.first
  let failures = 0
  let stopping = false
  let restart: Promise<void> | null = null
  let timer: Disposable

  const again = async (): Promise<void> => {
    try {
      held = await deps.start()
      failures = 0
    } catch (error) {
      failures++
      log.error('PostgreSQL cannot be started again', { error: errorText(error), attempts: failures })
    }
  }
  const look = (): void => {
    const gone = !held.alive()
    if (gone && failures === 0) log.error('PostgreSQL is gone, starting it again', { pid: held.pid })
    restart = gone ? again() : null
    Promise.resolve(restart).then(() => later(failures === 0 ? lookMs : steadyDelay(retry, failures - 1)))
  }
  const later = (ms: number): void => {
    if (!stopping) timer = clock.timer(ms, look)
  }
  later(lookMs)

  return {
    alive: () => held.alive(),
    async stop(cluster) {
      stopping = true
      timer[Symbol.dispose]()
      await restart
      if (cluster) await held.stop()
    },
  }
}
