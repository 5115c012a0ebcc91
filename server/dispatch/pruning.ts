// Forgets what nobody needs any more, once an hour: settled messages, recovered groups, and messages whose channel is gone.

import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import type { Outbox } from './outbox-port.ts'

const everyMs = 3_600_000
/** As Alertmanager keeps its log: five days, and never shorter than two repeats. */
const settledMs = 120 * 3_600_000
/** A group that fires touches its log at every repeat; one untouched for this long has no route any more. */
const staleMs = 30 * 86_400_000
const unsentMs = 24 * 3_600_000

export function startPruning(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly outbox: Outbox
  readonly longestIntervalMs: () => number
  readonly channels: () => readonly string[]
  /** Told what waits, exactly, after each round. */
  readonly onWaiting: (rows: ReadonlyMap<string, number>) => void
}): Disposable {
  const { clock, log, outbox } = deps
  let ended = false
  const round = async (): Promise<void> => {
    const now = clock.now()
    const twice = 2 * deps.longestIntervalMs()
    try {
      const lost = await outbox.prune({
        now,
        settledBefore: now - Math.max(settledMs, twice),
        staleBefore: now - Math.max(staleMs, twice),
        unsentBefore: now - unsentMs,
        channels: deps.channels(),
      })
      if (lost > 0) log.error('notifications given up: their channel is no longer configured', { count: lost })
      deps.onWaiting(await outbox.waiting())
    } catch (error) {
      log.warn('outbox could not be pruned', { error: errorText(error) })
    }
    if (!ended) timer = clock.timer(everyMs, () => void round())
  }
  let timer = clock.timer(everyMs, () => void round())
  return {
    [Symbol.dispose]() {
      ended = true
      timer[Symbol.dispose]()
    },
  }
}
