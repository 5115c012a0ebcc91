// Quantiles of plain values and of classic histogram buckets.

/** Linear interpolation between closest ranks; sorts its argument. -Inf below 0, +Inf above 1. */
export function quantileOf(q: number, values: Float64Array): number {
  if (values.length === 0 || Number.isNaN(q)) return Number.NaN
  if (q < 0) return Number.NEGATIVE_INFINITY
  if (q > 1) return Number.POSITIVE_INFINITY
  // NaN sorts first, as upstream has it.
  values.sort((a, b) => (Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : Number.isNaN(b) ? 1 : a - b))
  const rank = q * (values.length - 1)
  const lower = Math.max(0, Math.floor(rank))
  const upper = Math.min(values.length - 1, lower + 1)
  const weight = rank - Math.floor(rank)
  return values[lower]! * (1 - weight) + values[upper]! * weight
}

export type Bucket = { readonly upper: number; readonly count: number }

/** Buckets in order of their bounds, equal bounds merged, counts made rising: `null` where there is no +Inf bucket or too few. */
function prepare(given: readonly Bucket[]): { upper: number; count: number }[] | null {
  const buckets: { upper: number; count: number }[] = []
  for (const { upper, count } of given.toSorted((a, b) => a.upper - b.upper)) {
    const last = buckets.at(-1)
    if (last !== undefined && last.upper === upper) last.count += count
    else buckets.push({ upper, count })
  }
  if (buckets.length < 2 || buckets.at(-1)?.upper !== Number.POSITIVE_INFINITY) return null
  let highest = buckets[0]!.count
  for (const bucket of buckets) {
    // Scrapes of one histogram are not atomic: a later bucket may lag behind an earlier one.
    if (bucket.count < highest) bucket.count = highest
    highest = bucket.count
  }
  return buckets
}

/** Source of the rules: Prometheus' documentation of histogram_quantile(). */
export function histogramQuantile(q: number, given: readonly Bucket[]): number {
  if (Number.isNaN(q)) return Number.NaN
  if (q < 0) return Number.NEGATIVE_INFINITY
  if (q > 1) return Number.POSITIVE_INFINITY
  const buckets = prepare(given)
  if (buckets === null) return Number.NaN
  const total = buckets.at(-1)!.count
  if (total === 0 || Number.isNaN(total)) return Number.NaN
  let rank = q * total
  const found = buckets.slice(0, -1).findIndex((bucket) => bucket.count >= rank)
  if (found < 0) return buckets.at(-2)!.upper
  const upper = buckets[found]!.upper
  if (found === 0 && upper <= 0) return upper
  let lower = 0
  let inside = buckets[found]!.count
  if (found > 0) {
    lower = buckets[found - 1]!.upper
    inside -= buckets[found - 1]!.count
    rank -= buckets[found - 1]!.count
  }
  return lower + (upper - lower) * (rank / inside)
}

/** Share of observations in (lower, upper]; source as above. */
export function histogramFraction(lower: number, upper: number, given: readonly Bucket[]): number {
  const buckets = prepare(given)
  if (buckets === null || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN
  const total = buckets.at(-1)!.count
  if (total === 0 || Number.isNaN(total)) return Number.NaN
  if (lower >= upper) return 0
  const below = (bound: number): number => {
    let [from, under] = [buckets[0]!.upper > 0 ? 0 : Number.NEGATIVE_INFINITY, 0]
    for (const bucket of buckets) {
      if (bound < bucket.upper) {
        if (bound <= from) return under
        // Nothing is known of where observations lie in a bucket without an end.
        if (!Number.isFinite(from)) return bound === from ? under : bucket.count
        if (!Number.isFinite(bucket.upper)) return under
        return under + ((bucket.count - under) * (bound - from)) / (bucket.upper - from)
      }
      from = bucket.upper
      under = bucket.count
    }
    return total
  }
  return (below(upper) - below(lower)) / total
}
