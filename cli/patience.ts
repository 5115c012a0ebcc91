// What takes longer than a moment is said, so that nobody takes waiting for hanging.

import type { Clock } from '../core/base/clock.ts'

const momentMs = 1000

/** Waits for the work; `tell` is called once if it is not done within a moment. */
export async function patiently<T>(clock: Pick<Clock, 'timer'>, tell: () => void, work: Promise<T>): Promise<T> {
  const late = clock.timer(momentMs, tell)
  try {
    return await work
  } finally {
    late[Symbol.dispose]()
  }
}
