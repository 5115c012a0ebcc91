// When a group is evaluated: on a grid of its interval, shifted by a hash of its name and file so that groups do not all run at once. The same group has
// the same times after every restart.

import { fingerprint } from './labels.ts'
import type { RuleGroup } from './rule.ts'

/** Groups this quick run on the full second: spreading them gains nothing and makes their times hard to read. */
const unshiftedMs = 5000

/** The last time on the group's grid at or before `now`, milliseconds. */
export function gridTime(now: number, { file, name }: Pick<RuleGroup, 'file' | 'name'>, intervalMs: number): number {
  const hash = (): number => Number(BigInt(`0x${fingerprint({ file, name })}`) % BigInt(intervalMs))
  const offset = intervalMs <= unshiftedMs ? 0 : hash()
  return Math.floor((now - offset) / intervalMs) * intervalMs + offset
}
