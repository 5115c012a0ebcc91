// An alert as the rooms behind the rules see it: one labelled condition with a life from firing to resolved. Its identity is the
// fingerprint of its labels; rule hash and time are not part of it, so an alert survives an edited rule and a restart.

export type Alert = {
  readonly fingerprint: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** When it began to fire, milliseconds. */
  readonly startsAt: number
  /** When it ended; null while it fires. */
  readonly endsAt: number | null
  /** Last evaluation or post that confirmed it. */
  readonly updatedAt: number
  readonly generatorUrl: string
  /** `rules`, or the name of the poster. */
  readonly source: string
}

export function isResolved(alert: Alert, now: number): boolean {
  return alert.endsAt !== null && alert.endsAt <= now
}

/** What the alert store tells its readers, after the change is durable. */
export type AlertListener = (alerts: readonly Alert[]) => void

/** Port of the rooms behind: dispatch reads alerts through this. */
export type AlertSource = {
  /** Firing alerts, and resolved ones that a reader may not have seen yet. */
  current(): readonly Alert[]
  subscribe(listener: AlertListener): Disposable
}
