// Compensated summation in Neumaier's form: the error of long sums stays at one rounding.

export class KahanSum {
  private sum = 0
  private compensation = 0

  add(value: number): void {
    const next = this.sum + value
    // Infinities have no meaningful error, and would turn it into NaN.
    if (!Number.isFinite(next)) this.compensation = 0
    else if (Math.abs(this.sum) >= Math.abs(value)) this.compensation += this.sum - next + value
    else this.compensation += value - next + this.sum
    this.sum = next
  }

  get value(): number {
    return Number.isFinite(this.sum) ? this.sum + this.compensation : this.sum
  }

  over(count: number): number {
    return Number.isFinite(this.sum) ? this.sum / count + this.compensation / count : this.sum
  }
}
