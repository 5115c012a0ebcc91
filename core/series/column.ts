// A column of numbers that grows in place.

type Numbers = Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>

export class Column<T extends Numbers> {
  private data: T
  length = 0

  constructor(data: T) {
    this.data = data
  }
  push(value: number): void {
    if (this.length === this.data.length) {
      const larger = new (this.data.constructor as new (length: number) => T)(Math.max(64, this.length * 2))
      larger.set(this.data)
      this.data = larger
    }
    this.data[this.length++] = value
  }
  /** What was pushed; valid until the next push. */
  get values(): T {
    return this.data.subarray(0, this.length) as T
  }
}
