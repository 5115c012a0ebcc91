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

/** Counts may differ by this share of their sum without meaning anything. */
const tolerance = 1e-12

/** Where counts fell from one bucket to the next, and by how much at most. */
export type Fallen = { readonly minBucket: number; readonly maxBucket: number; readonly maxDiff: number }

type Counted = { readonly upper: number; count: number }

/** In order of their bounds, equal bounds merged; null where there is no +Inf bucket. */
function ordered(given: readonly Bucket[]): Counted[] | null {
  const buckets: Counted[] = []
  for (const { upper, count } of given.toSorted((a, b) => (a.upper < b.upper ? -1 : a.upper > b.upper ? 1 : 0))) {
    const last = buckets.at(-1)
    if (last !== undefined && last.upper === upper) last.count += count
    else buckets.push({ upper, count })
  }
  return buckets.at(-1)?.upper === Number.POSITIVE_INFINITY ? buckets : null
}

/** Scrapes of one histogram are not atomic: a later bucket may lag behind an earlier one, and is lifted. Small differences are evened out. */
function lift(uppers: Float64Array, counts: Float64Array, length: number): Fallen | null {
  let fallen: { minBucket: number; maxBucket: number; maxDiff: number } | null = null
  let before = counts[0]!
  for (let at = 1; at < length; at++) {
    const count = counts[at]!
    if (count === before) continue
    if (Math.abs(count - before) / Math.min(Math.abs(count) + Math.abs(before), Number.MAX_VALUE) < tolerance) {
      counts[at] = before
    } else if (count < before) {
      counts[at] = before
      fallen ??= { minBucket: Number.POSITIVE_INFINITY, maxBucket: Number.NEGATIVE_INFINITY, maxDiff: 0 }
      fallen.minBucket = Math.min(fallen.minBucket, uppers[at]!)
      fallen.maxBucket = Math.max(fallen.maxBucket, uppers[at]!)
      fallen.maxDiff = Math.max(fallen.maxDiff, before - count)
    } else before = count
  }
  return fallen
}

export type HistogramQuantile = { readonly value: number; readonly fallen: Fallen | null }

/** Source of the rules: Prometheus' documentation of histogram_quantile(). `fallen` where the counts had to be lifted. */
export function histogramQuantile(q: number, given: readonly Bucket[]): HistogramQuantile {
  const buckets = ordered(given)
  const uppers = Float64Array.from(buckets ?? [], ({ upper }) => upper)
  return quantileOfCounts(
    q,
    uppers,
    Float64Array.from(buckets ?? [], ({ count }) => count),
    uppers.length,
  )
}

const plain = (value: number): HistogramQuantile => ({ value, fallen: null })

/** The same for the first `length` bounds, which rise, and their counts, which are changed where they have to be lifted. */
export function quantileOfCounts(
  q: number,
  uppers: Float64Array,
  counts: Float64Array,
  length: number,
): HistogramQuantile {
  if (Number.isNaN(q)) return plain(Number.NaN)
  if (q < 0) return plain(Number.NEGATIVE_INFINITY)
  if (q > 1) return plain(Number.POSITIVE_INFINITY)
  if (length === 0 || uppers[length - 1] !== Number.POSITIVE_INFINITY) return plain(Number.NaN)
  const fallen = lift(uppers, counts, length)
  return { value: quantileIn(q, uppers, counts, length), fallen }
}

function quantileIn(q: number, uppers: Float64Array, counts: Float64Array, length: number): number {
  const total = counts[length - 1]!
  if (length < 2 || total === 0) return Number.NaN
  let rank = q * total
  let found = 0
  while (found < length - 1 && !(counts[found]! >= rank)) found++
  if (found === length - 1) return uppers[length - 2]!
  const upper = uppers[found]!
  if (found === 0 && upper <= 0) return upper
  let lower = 0
  let inside = counts[found]!
  if (found > 0) {
    lower = uppers[found - 1]!
    inside -= counts[found - 1]!
    rank -= counts[found - 1]!
  }
  return lower + (upper - lower) * (rank / inside)
}

/** Share of observations in (lower, upper]; source as above. */
export function histogramFraction(lower: number, upper: number, given: readonly Bucket[]): number {
  const buckets = ordered(given)
  if (buckets === null || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN
  const total = buckets.at(-1)!.count
  if (total === 0) return Number.NaN
  if (lower >= upper) return 0
  const below = (bound: number): number => {
    let [from, under] = [buckets[0]!.upper > 0 ? 0 : Number.NEGATIVE_INFINITY, 0]
    for (const bucket of buckets) {
      if (from >= bound) return Math.min(under, total)
      if (bucket.upper > bound) {
        // Nothing is known of where observations lie in a bucket without an end.
        const share = from === Number.NEGATIVE_INFINITY ? 1 : (bound - from) / (bucket.upper - from)
        return Math.min(under + (bucket.count - under) * share, total)
      }
      from = bucket.upper
      under = bucket.count
    }
    return total
  }
  return (below(upper) - below(lower)) / total
}
