// One fdatasync for everybody who waits. A sync that is already running does not count for bytes appended after it began; those wait for
// the next one, which starts at once.

export type GroupCommit = {
  /** Resolves when everything written before this call is durable; rejects when the sync failed. */
  commit(): Promise<void>
  /** Resolves when no sync is running or due. */
  settled(): Promise<void>
  readonly syncs: number
}

export function groupCommit(sync: () => Promise<void>): GroupCommit {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  let syncs = 0

  const start = (): Promise<void> => {
    syncs++
    const current = sync().finally(() => {
      if (running === current) running = undefined
    })
    running = current
    return current
  }

  return {
    commit() {
      if (running === undefined) return start()
      next ??= running
        .catch(() => {}) // its own waiters hear of it; the next sync is a new attempt
        .then(() => {
          next = undefined
          return start()
        })
      return next
    },
    async settled() {
      while (running !== undefined || next !== undefined) await Promise.allSettled([running, next])
    },
    get syncs() {
      return syncs
    },
  }
}
