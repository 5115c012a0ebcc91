// Time as a dependency. Decisions take `now`; loops take a Clock. Wall time is for people and records, monotonic time for deadlines:
// the wall clock may jump by an hour, a deadline must not.

export type Clock = {
  /** Wall time, milliseconds since the Unix epoch. */
  now(): number
  /** Milliseconds that never go back; origin unspecified. */
  monotonic(): number
  /** Resolves after `ms`, or at once (without throwing) when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls back once after `ms`; dispose to cancel. The timer does not keep the process alive. */
  timer(ms: number, callback: () => void): Disposable
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const done = () => {
        clearTimeout(handle)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const handle = setTimeout(done, Math.max(0, ms))
      signal?.addEventListener('abort', done, { once: true })
    }),
  timer: (ms, callback) => {
    const handle = setTimeout(callback, Math.max(0, ms))
    handle.unref()
    return { [Symbol.dispose]: () => clearTimeout(handle) }
  },
}
