// Prometheus durations: `1h30m`, units in falling order, each at most once, `ms` to `y`. Strict, since a lenient reader of `5` or `1.5h`
// would accept rule files that Prometheus refuses.

import { InferwardError } from './errors.ts'

const units = [
  ['y', 365 * 86_400_000],
  ['w', 7 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const
const pattern = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/

/** Milliseconds, or undefined when the text is no duration. `0` alone is allowed. */
export function tryParseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const match = pattern.exec(text)
  if (text === '' || match === null) return undefined
  let total = 0
  units.forEach(([, ms], index) => {
    const digits = match[index + 1]
    if (digits !== undefined) total += Number(digits) * ms
  })
  return Number.isSafeInteger(total) ? total : undefined
}

export function parseDuration(text: string): number {
  const ms = tryParseDuration(text)
  if (ms !== undefined) return ms
  throw new InferwardError({
    code: 'duration.invalid',
    message: `not a valid duration: "${text}"`,
    hint: 'Write a number and a unit, largest unit first, for example 30s, 5m, 1h30m or 500ms.',
  })
}

/** The shortest exact form, as Prometheus prints it. */
export function formatDuration(ms: number): string {
  let rest = Math.abs(Math.round(ms))
  if (rest === 0) return '0s'
  let out = ms < 0 ? '-' : ''
  for (const [unit, size] of units) {
    // Weeks and years only when they divide exactly, as upstream does, else `8d` would print as `1w1d`.
    if ((unit === 'y' || unit === 'w') && rest % size !== 0) continue
    const count = Math.floor(rest / size)
    if (count === 0) continue
    out += `${count}${unit}`
    rest -= count * size
  }
  return out
}
