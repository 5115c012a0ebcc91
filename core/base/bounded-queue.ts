// A first-in first-out queue with a limit in items. What passes the limit is refused and counted, never dropped in silence.

export type BoundedQueue<T> = {
  /** False when full; the refusal is counted. */
  push(item: T): boolean
  shift(): T | undefined
  readonly length: number
  readonly capacity: number
  readonly refused: number
}

export function boundedQueue<T>(capacity: number): BoundedQueue<T> {
  let items: (T | undefined)[] = []
  let head = 0
  let refused = 0
  return {
    push(item) {
      if (items.length - head >= capacity) {
        refused++
        return false
      }
      items.push(item)
      return true
    },
    shift() {
      if (head >= items.length) return undefined
      const item = items[head]
      items[head++] = undefined
      // Compact when half is spent: amortised constant time, and memory follows the live length.
      if (head > 1024 && head * 2 > items.length) {
        items = items.slice(head)
        head = 0
      }
      return item
    },
    get length() {
      return items.length - head
    },
    capacity,
    get refused() {
      return refused
    },
  }
}
