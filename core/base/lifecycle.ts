// What is started is stopped, in reverse order, once, within a limit. A part that failed to start takes down those before it.

import type { Clock } from './clock.ts'
import { errorText } from './errors.ts'
import type { Log } from './log.ts'

/** A room as its program sees it. Constructors do no I/O; `start` does; `stop` is idempotent. */
export type Room = {
  readonly name: string
  start(signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

export type Lifecycle = {
  /** Starts rooms in order; on the first failure stops those already started and rethrows. */
  start(rooms: readonly Room[]): Promise<void>
  /** Stops everything in reverse, each within `stopMs`; resolves always, names what overran. */
  stop(): Promise<void>
  readonly signal: AbortSignal
}

export function lifecycle(deps: { readonly clock: Clock; readonly log: Log; readonly stopMs: number }): Lifecycle {
  const started: Room[] = []
  const abort = new AbortController()
  let stopping: Promise<void> | undefined

  const stopOne = async (room: Room): Promise<void> => {
    const timeout = new AbortController()
    const late = deps.clock.sleep(deps.stopMs, timeout.signal).then(() => 'late' as const)
    try {
      if ((await Promise.race([room.stop(), late])) === 'late')
        deps.log.warn('room did not stop in time', { room: room.name })
    } catch (error) {
      deps.log.error('room failed to stop', { room: room.name, error: errorText(error) })
    } finally {
      timeout.abort()
    }
  }
  const stopAll = async (): Promise<void> => {
    abort.abort()
    for (let room = started.pop(); room !== undefined; room = started.pop()) await stopOne(room)
  }

  return {
    signal: abort.signal,
    async start(rooms) {
      for (const room of rooms) {
        // Asked to stop while it was starting: what comes next is not begun.
        if (abort.signal.aborted) return
        try {
          await room.start(abort.signal)
        } catch (error) {
          await stopOne(room)
          await stopAll()
          throw error
        }
        if (abort.signal.aborted) return stopOne(room)
        started.push(room)
        deps.log.debug('room started', { room: room.name })
      }
    },
    stop: () => (stopping ??= stopAll()),
  }
}
