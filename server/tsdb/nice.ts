// Threads that work behind everything else of this process.

import { readlinkSync } from 'node:fs'
import * as os from 'node:os'

const niceness = 10

/** Of the calling thread; where that is not Linux, or not allowed, it stays an equal of the others. */
export function stepBehind(): void {
  try {
    os.setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), niceness)
  } catch {
    // As said.
  }
}
