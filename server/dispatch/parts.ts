// A message whose alerts do not all fit, in numbered parts: at most three, and more only while what must be told is not yet named. Pure.
// Invariant: the parts name different alerts, and the last one counts what none of them names.

import { most } from './digest.ts'
import { mustBeNamed, namedFirst } from './must-tell.ts'
import type { Notification } from './notification.ts'

const usualParts = 3
/** Past it a person reads no more, and the list on the server says all. */
const maxParts = 20

/** Null: it fits, it is a part already, or nothing would be gained. `shown`: how many alerts, from the first, the channel can name. */
export function parts(
  notification: Notification,
  shown: (notification: Notification) => number,
): readonly Notification[] | null {
  const { alerts, truncated } = notification
  if (alerts.length < 2 || notification.part !== undefined || shown(notification) >= alerts.length) return null
  const out: Notification[] = []
  let rest = namedFirst(alerts)
  while (rest.length > 0) {
    const number = out.length + 1
    const usual = number < usualParts || rest.some(mustBeNamed)
    if (number > maxParts || (number > usualParts && !usual)) break
    const last = number >= usualParts || number === maxParts
    // The widest numbers, so that the title of the finished part is not longer than the one that was measured.
    const part = (count: number): Notification => ({
      ...notification,
      alerts: rest.slice(0, count),
      truncated: last ? rest.length - count + truncated : 0,
      part: { number: maxParts, of: maxParts },
    })
    const count = most(rest.length, (n) => shown(part(n)) >= n)
    if (count === 0) break
    out.push(part(count))
    rest = rest.slice(count)
  }
  if (out.length < 2) return null
  return out.map((one, index) => {
    const last = index === out.length - 1
    return {
      ...one,
      id: `${notification.id}.${String(index + 1).padStart(2, '0')}`,
      truncated: last ? rest.length + truncated : 0,
      part: { number: index + 1, of: out.length },
    }
  })
}
