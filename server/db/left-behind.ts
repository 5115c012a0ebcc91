// The processes of a PostgreSQL whose main process was killed: each works in the folder of its cluster, and leaves some time later. Two
// generations must never meet there, so a start waits for them.

import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import type { Clock } from '../../core/base/clock.ts'

const waitMs = 10_000

/** Resolves when nothing of PostgreSQL works in the folder any more, or with the pids that do not leave. */
export async function untilAlone(cluster: string, clock: Clock): Promise<readonly string[]> {
  const until = clock.monotonic() + waitMs
  for (;;) {
    const left = workingIn(realpathSync(cluster))
    if (left.length === 0 || clock.monotonic() > until) return left
    await clock.sleep(50)
  }
}

function workingIn(folder: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      if (!/^\d+$/.test(pid) || readlinkSync(`/proc/${pid}/cwd`) !== folder) return false
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'postgres'
    } catch {
      return false // gone, a zombie, or somebody else's
    }
  })
}
