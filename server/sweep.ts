// What the server does every few seconds whatever else happens, one round after another. A round that fails is told; the next one comes.

import type { Clock } from '../core/base/clock.ts'
import { errorText } from '../core/base/errors.ts'
import type { Log } from '../core/base/log.ts'

const sweepMs = 5000

export type Sweep = { start(): void; stop(): void }

/** Duties in their order. Each is tried, whatever became of those before it. */
export function openSweep(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly duties: Readonly<Record<string, () => Promise<void>>>
}): Sweep {
  const { clock, log } = deps
  let timer: Disposable | null = null
  let stopped = false
  const round = async (): Promise<void> => {
    for (const [duty, work] of Object.entries(deps.duties)) {
      await work().catch((error: unknown) => log.error('sweep failed', { duty, error: errorText(error) }))
    }
  }
  const later = (): void => {
    timer = clock.timer(sweepMs, () => {
      void round().finally(() => {
        if (!stopped) later()
      })
    })
  }
  return {
    start: later,
    stop() {
      stopped = true
      timer?.[Symbol.dispose]()
    },
  }
}
