// What has gone wrong with an engine: every fault counted by its cause, and the causes of the outage that still lasts, so that rules need not
// guess from a counter which fault is why it is down now. Invariant: an outage is over only by proof, or because a person stopped the engine.

import { type FaultCause, faultCauses } from '../../core/event/event.ts'

export type Exits = {
  /** Of this agent's life; every cause has its number. */
  readonly counts: Readonly<Record<FaultCause, number>>
  /** Causes of the present outage; none when there is none. */
  readonly outage: ReadonlySet<FaultCause>
  add(cause: FaultCause): void
  over(): void
}

export function exitCounts(): Exits {
  const counts = Object.fromEntries(faultCauses.map((cause) => [cause, 0])) as Record<FaultCause, number>
  const outage = new Set<FaultCause>()
  return {
    counts,
    outage,
    add(cause) {
      counts[cause]++
      outage.add(cause)
    },
    over: () => outage.clear(),
  }
}
