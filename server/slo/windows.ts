// Windows and factors of multi-window, multi-burn-rate alerting, as the SRE workbook (chapter 5, table 5-8) gives them for 30 days. For other
// windows the alert windows shrink or grow alike and the factors stay, so that each still stands for the same share of the budget.

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

export type Burn = {
  readonly longMs: number
  /** Ends the alert soon after the burn ended. */
  readonly shortMs: number
  /** How many times as fast as the whole window allows. */
  readonly factor: number
  readonly severity: 'critical' | 'warning'
}

const workbook: readonly Burn[] = [
  { longMs: hour, shortMs: 5 * minute, factor: 14.4, severity: 'critical' },
  { longMs: 6 * hour, shortMs: 30 * minute, factor: 6, severity: 'critical' },
  { longMs: day, shortMs: 2 * hour, factor: 3, severity: 'warning' },
  { longMs: 3 * day, shortMs: 6 * hour, factor: 1, severity: 'warning' },
]
/** Below this a rate rests on too few samples. */
const shortest = 2 * minute

export function burns(windowMs: number): readonly Burn[] {
  const scale = windowMs / (30 * day)
  const scaled = (ms: number): number => Math.max(shortest, Math.round((ms * scale) / minute) * minute)
  return workbook.map((one) => ({ ...one, longMs: scaled(one.longMs), shortMs: scaled(one.shortMs) }))
}
