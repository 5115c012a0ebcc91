// A sorted list of series references that grows and shrinks in place.

export class Posting {
  private refs = new Uint32Array(2)
  length = 0
  /** The index's generation at the last change. */
  stamp = 0

  /** The list itself; entries from `length` on mean nothing. Valid until the next change. */
  get data(): Uint32Array {
    return this.refs
  }

  add(ref: number): void {
    if (this.length === this.refs.length) {
      const larger = new Uint32Array(Math.ceil(this.length * 1.5))
      larger.set(this.refs)
      this.refs = larger
    }
    let at = this.length
    // New series take rising references as a rule; one that was used before has its place in the middle.
    if (at > 0 && this.refs[at - 1]! > ref) {
      at = this.place(ref)
      this.refs.copyWithin(at + 1, at, this.length)
    }
    this.refs[at] = ref
    this.length++
  }

  remove(ref: number): void {
    const at = this.place(ref)
    if (this.refs[at] !== ref || at >= this.length) return
    this.refs.copyWithin(at, at + 1, this.length)
    this.length--
  }

  /** Index of the first entry that is not below `ref`. */
  private place(ref: number): number {
    let [low, high] = [0, this.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.refs[middle]! < ref) low = middle + 1
      else high = middle
    }
    return low
  }
}
