// How fast a robot may be called: 20 messages in any minute; the next one is refused, and for DingTalk everything for ten minutes after.

export type Pace = { /** True when this call is within the limit. */ take(now: number): boolean }

/** `windowMs`: in which span the number holds; a minute unless told. */
export function robotPace(options: {
  readonly perMinute: number
  readonly blockMs: number
  readonly windowMs?: number
}): Pace {
  const windowMs = options.windowMs ?? 60_000
  let taken: number[] = []
  let blockedUntil = Number.NEGATIVE_INFINITY
  return {
    take(now) {
      if (now < blockedUntil) return false
      taken = taken.filter((at) => now - at < windowMs)
      if (taken.length >= options.perMinute) {
        blockedUntil = now + options.blockMs
        return false
      }
      taken.push(now)
      return true
    },
  }
}
