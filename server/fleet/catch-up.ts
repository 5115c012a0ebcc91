// May the rules be judged yet? A server that was away hears first what it missed: while a host it knew is not back, or still sends what it
// had gathered, its silence would look like recovery. Pure; bounded by a grace, since a host may never come back.

export type CatchUp = {
  /** Hosts that were there when the server was last up. */
  readonly expected: readonly string[]
  readonly connected: readonly string[]
  /** Connected, and still sending what they held when they connected. */
  readonly behind: readonly string[]
  /** Milliseconds since the server began to listen. */
  readonly elapsedMs: number
}

/** Longest wait for hosts that do not come, and for those that came and are still behind. */
export const absentGraceMs = 15_000
export const behindGraceMs = 120_000

export function caughtUp({ expected, connected, behind, elapsedMs }: CatchUp): boolean {
  if (behind.length > 0 && elapsedMs < behindGraceMs) return false
  return elapsedMs >= absentGraceMs || expected.every((host) => connected.includes(host))
}
