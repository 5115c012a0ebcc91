// Exponential back-off with full jitter, applied after the cap: jitter added before the cap vanishes at the cap and lets a fleet
// return as one herd.

export type Backoff = { readonly baseMs: number; readonly capMs: number }

/** Delay before attempt `attempt` (0 = the first retry), uniform in [0, min(cap, base · 2^attempt)]. `random` is in [0, 1). */
export function backoffDelay(backoff: Backoff, attempt: number, random: () => number): number {
  const ceiling = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt, 30))
  return random() * ceiling
}

/** The same ladder without jitter, for supervising one child: base, 2·base, … cap. */
export function steadyDelay(backoff: Backoff, attempt: number): number {
  return Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt, 30))
}
