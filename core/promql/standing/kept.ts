// Windows kept from one moment to the next, for ranges that reach behind the store's rings: each moment takes over what is new and lets go of what
// is too old, so that no chunk is decoded twice. Samples of a series lie side by side. Moments go forward; one that goes back begins anew.

import type { BulkReader, Run } from '../../series/seam.ts'

/** Bytes that the windows of one part may take; larger ones are read from the store each time. */
const maxBytes = 64 * 2 ** 20

export class KeptWindows {
  times = new Float64Array(0)
  values = new Float64Array(0)
  /** First index of each row's window, and one past its last. */
  lo = new Int32Array(0)
  hi = new Int32Array(0)
  /** Time of the newest value below the one before it. */
  fell = new Float64Array(0)
  protected newest = new Float64Array(0)
  /** Samples that had come in behind newer ones, of each row and of all. */
  protected inserted = new Uint32Array(0)
  private insertions = 0
  private capacity = 0
  private end = Number.NEGATIVE_INFINITY
  protected readonly bulk: BulkReader
  private readonly refs: Uint32Array
  protected readonly found: Run

  constructor(bulk: BulkReader, refs: Uint32Array) {
    this.bulk = bulk
    this.refs = refs
    const none = new Float64Array(0)
    this.found = { times: none, values: none, base: 0, mask: 0, from: 0, count: 0 }
  }

  /** Moves all windows to (start, end]; false: they would take too much room. */
  move(start: number, end: number): boolean {
    if (end < this.end || this.capacity === 0) this.reset(Math.max(64, this.capacity))
    this.end = end
    this.renewInserted()
    while (!this.advance(start, end)) {
      if (this.refs.length * this.capacity * 2 * 16 > maxBytes) return false
      this.reset(this.capacity * 2)
    }
    return true
  }

  private reset(capacity: number): void {
    const { length } = this.refs
    if (capacity !== this.capacity) {
      this.capacity = capacity
      this.times = new Float64Array(length * capacity)
      this.values = new Float64Array(length * capacity)
    }
    this.lo = Int32Array.from({ length }, (_, row) => row * capacity)
    this.hi = this.lo.slice()
    this.fell = new Float64Array(length).fill(Number.NEGATIVE_INFINITY)
    this.newest = new Float64Array(length).fill(Number.NEGATIVE_INFINITY)
    this.inserted = Uint32Array.from(this.refs, (ref) => this.bulk.insertionsOf(ref))
    this.insertions = this.bulk.insertions
  }

  /** Rows that a sample came into behind newer ones begin anew. */
  private renewInserted(): void {
    const { bulk, refs, inserted } = this
    if (bulk.insertions === this.insertions) return
    this.insertions = bulk.insertions
    for (let row = 0; row < refs.length; row++) {
      const count = bulk.insertionsOf(refs[row]!)
      if (count === inserted[row]) continue
      inserted[row] = count
      this.lo[row] = row * this.capacity
      this.hi[row] = row * this.capacity
      this.fell[row] = Number.NEGATIVE_INFINITY
      this.newest[row] = Number.NEGATIVE_INFINITY
    }
  }

  /** False where a window does not fit. */
  private advance(start: number, end: number): boolean {
    const { refs, bulk, found, times, values, lo, hi, newest, fell, capacity } = this
    for (let row = 0; row < refs.length; row++) {
      const since = newest[row]!
      bulk.run(refs[row]!, since > start ? since : start, end, found)
      const { count, base, mask, from } = found
      let first = lo[row]!
      let next = hi[row]!
      while (first < next && times[first]! <= start) first++
      if (next + count > (row + 1) * capacity) {
        const begin = row * capacity
        if (next - first + count > capacity) return false
        times.copyWithin(begin, first, next)
        values.copyWithin(begin, first, next)
        next = begin + next - first
        first = begin
      }
      for (let i = 0; i < count; i++) {
        const at = base + ((from + i) & mask)
        const value = found.values[at]!
        const time = found.times[at]!
        if (next > first && value < values[next - 1]!) fell[row] = time
        times[next] = time
        values[next++] = value
      }
      if (next > first) newest[row] = times[next - 1]!
      lo[row] = first
      hi[row] = next
    }
    return true
  }
}
