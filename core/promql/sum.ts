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

  /** Past the largest number, or fed with an infinity. */
  get overflowed(): boolean {
    return this.sum === Number.POSITIVE_INFINITY || this.sum === Number.NEGATIVE_INFINITY
  }

  get finite(): boolean {
    return Number.isFinite(this.sum)
  }

  get value(): number {
    return Number.isFinite(this.sum) ? this.sum + this.compensation : this.sum
  }

  over(count: number): number {
    return Number.isFinite(this.sum) ? this.sum / count + this.compensation / count : this.sum
  }
}

/** Mean of values[lo, hi): by the sum while that stays finite, else by a running mean, which need not overflow where the sum does. */
export function meanOf(values: Float64Array, lo: number, hi: number): number {
  const total = new KahanSum()
  for (let index = lo; index < hi; index++) total.add(values[index]!)
  // What has passed the largest number never comes back: a sum that is finite at the end was so all the way.
  return total.finite ? total.over(hi - lo) : carefulMean(values, lo, hi)
}

function carefulMean(values: Float64Array, lo: number, hi: number): number {
  const sum = new KahanSum()
  for (let index = lo; index < hi; index++) {
    const before = sum.over(index - lo)
    sum.add(values[index]!)
    if (sum.overflowed) return runningMean(values, lo, index, hi, before)
  }
  return sum.over(hi - lo)
}

/** Goes on from the mean of values[lo, from). */
function runningMean(values: Float64Array, lo: number, from: number, hi: number, start: number): number {
  let mean = from === lo ? 0 : start
  let compensation = 0
  for (let index = from; index < hi; index++) {
    const count = index - lo + 1
    const share = values[index]! / count
    const old = mean * ((count - 1) / count)
    const next = old + share
    compensation *= (count - 1) / count
    if (!Number.isFinite(next)) compensation = 0
    else compensation += Math.abs(old) >= Math.abs(share) ? old - next + share : share - next + old
    mean = next
  }
  return mean + compensation
}
