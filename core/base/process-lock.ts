// One program per folder. The lock file names the holder by pid and start time, so that a lock left by a crash, or a pid that is somebody
// else's by now, holds nobody up.

import { InferwardError } from './errors.ts'
import type { FileLayer } from './file-layer.ts'

export type ProcessIdentity = { readonly pid: number; readonly startTime: string }

/** Throws `lock.held` when a living process holds the lock. Release by removing the file. */
export function takeLock(options: {
  readonly files: FileLayer
  readonly path: string
  readonly self: ProcessIdentity
  /** Start time of a living process, null when there is none. */
  readonly startOf: (pid: number) => string | null
  readonly what: string
}): { release(): void } {
  const { files, path, self } = options
  if (files.exists(path)) {
    const [pid, startTime] = new TextDecoder().decode(files.readFile(path)).trim().split(' ')
    const holder = Number(pid)
    if (Number.isInteger(holder) && holder !== self.pid && options.startOf(holder) === startTime) {
      throw new InferwardError({
        code: 'lock.held',
        message: `${options.what} already runs on this folder as pid ${holder}`,
        hint: `Stop it first (kill ${holder}), or name another folder with --data.`,
      })
    }
  }
  const words = `${self.pid} ${self.startTime}\n`
  files.writeAtomic(path, new TextEncoder().encode(words))
  return {
    release() {
      if (files.exists(path) && new TextDecoder().decode(files.readFile(path)) === words) files.remove(path)
    },
  }
}
