// A Clock that stands still until it is told to move. Timers fire in time order, equal times in the order they were set; between two
// timers pending promises get their turn, so a loop of awaits behaves as it would in real time.

import type { Clock } from './clock.ts'

type Timer = { readonly at: number; readonly order: number; readonly callback: () => void }

export type VirtualClock = Clock & {
  /** Moves wall and monotonic time forward by `ms`, firing every timer that falls due. */
  advance(ms: number): Promise<void>
  /** Moves the wall clock only, as an operator or NTP would. */
  jump(ms: number): void
  /** Number of timers waiting. */
  readonly pending: number
}

export function virtualClock(start = Date.UTC(2026, 0, 1)): VirtualClock {
  let elapsed = 0
  let offset = start
  let order = 0
  const timers = new Set<Timer>()

  const add = (ms: number, callback: () => void): Timer => {
    const timer = { at: elapsed + Math.max(0, ms), order: order++, callback }
    timers.add(timer)
    return timer
  }
  const next = (limit: number): Timer | undefined => {
    let best: Timer | undefined
    for (const timer of timers) {
      if (timer.at > limit) continue
      if (best === undefined || timer.at < best.at || (timer.at === best.at && timer.order < best.order)) best = timer
    }
    return best
  }

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const done = () => {
          timers.delete(timer)
          signal?.removeEventListener('abort', done)
          resolve()
        }
        const timer = add(ms, done)
        signal?.addEventListener('abort', done, { once: true })
      }),
    timer: (ms, callback) => {
      const timer = add(ms, callback)
      return { [Symbol.dispose]: () => void timers.delete(timer) }
    },
    async advance(ms) {
      const until = elapsed + ms
      await settle()
      for (let timer = next(until); timer !== undefined; timer = next(until)) {
        timers.delete(timer)
        elapsed = Math.max(elapsed, timer.at)
        timer.callback()
        await settle()
      }
      elapsed = until
      await settle()
    },
    jump: (ms) => {
      offset += ms
    },
    get pending() {
      return timers.size
    },
  }
}

/** Lets chains of promises run out; setImmediate comes after every microtask and after finished I/O callbacks. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
