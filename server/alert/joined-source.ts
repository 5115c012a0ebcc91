// Two sources of alerts as one: what our rules say and what others post. Alerts with the same labels are one alert to a reader, which fires while
// it does in either.

import { type Alert, type AlertSource, isResolved } from './alert.ts'

export type FindableSource = AlertSource & { find(fingerprint: string): Alert | null }

export function joinSources(first: FindableSource, second: FindableSource, now: () => number): FindableSource {
  const joined = (alert: Alert, other: Alert | null): Alert => {
    if (other === null) return alert
    const updatedAt = Math.max(alert.updatedAt, other.updatedAt)
    return { ...(goesBefore(other, alert, now()) ? other : alert), updatedAt }
  }
  return {
    find(fingerprint) {
      const [one, two] = [first.find(fingerprint), second.find(fingerprint)]
      return one === null ? two : joined(one, two)
    },
    current() {
      const mine = first.current().map((alert) => joined(alert, second.find(alert.fingerprint)))
      return [...mine, ...second.current().filter((alert) => first.find(alert.fingerprint) === null)]
    },
    subscribe(listener) {
      const one = first.subscribe((alerts) =>
        listener(alerts.map((alert) => joined(alert, second.find(alert.fingerprint)))),
      )
      const two = second.subscribe((alerts) =>
        listener(alerts.map((alert) => joined(alert, first.find(alert.fingerprint)))),
      )
      return {
        [Symbol.dispose]() {
          one[Symbol.dispose]()
          two[Symbol.dispose]()
        },
      }
    },
  }
}

/** Firing before resolved; of firing ones the one that began first, of resolved ones the one that ended last. */
function goesBefore(a: Alert, b: Alert, now: number): boolean {
  const [aEnded, bEnded] = [isResolved(a, now), isResolved(b, now)]
  if (aEnded !== bEnded) return bEnded
  return aEnded ? (a.endsAt ?? 0) > (b.endsAt ?? 0) : a.startsAt < b.startsAt
}
