// Bytes that many unfinished things hold together, under one bound. What is oldest goes when there is no more room: an honest sender is done long
// before, one that holds back its last byte is not.
//
// Invariant: after `add` returns, the sum is at most `max`.

export type Holding = {
  /** More bytes are held. This very holding may be the one that has to go. */
  add(bytes: number): void
  /** Finished or given up: holds nothing any more. Idempotent. */
  end(): void
}

export type SharedBytes = {
  /** `drop` is called, once and with the holding ended, when it has to go. */
  begin(drop: () => void): Holding
  readonly held: number
  readonly dropped: number
}

export function openSharedBytes(max: number): SharedBytes {
  type Entry = { bytes: number; readonly drop: () => void }
  const entries = new Set<Entry>()
  let held = 0
  let dropped = 0
  const end = (entry: Entry): boolean => {
    if (!entries.delete(entry)) return false
    held -= entry.bytes
    return true
  }
  return {
    begin(drop) {
      const entry: Entry = { bytes: 0, drop }
      entries.add(entry)
      return {
        add(bytes) {
          if (!entries.has(entry)) return
          entry.bytes += bytes
          held += bytes
          while (held > max) {
            const [oldest] = entries
            end(oldest!)
            dropped++
            oldest!.drop()
          }
        },
        end: () => void end(entry),
      }
    },
    get held() {
      return held
    },
    get dropped() {
      return dropped
    },
  }
}
