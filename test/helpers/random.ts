// Seeded random numbers for tests: the same seed gives the same run on every machine, so a printed seed reproduces a failure.

export type Random = {
  /** Uniform in [0, 1). */
  readonly uniform: () => number
  /** Whole number in [low, high]. */
  readonly integer: (low: number, high: number) => number
  /** Standard normal. */
  readonly normal: () => number
  readonly pick: <T>(items: readonly T[]) => T
}

export function random(seed: number): Random {
  let state = seed >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const integer = (low: number, high: number): number => low + Math.floor(uniform() * (high - low + 1))
  return {
    uniform,
    integer,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    pick: (items) => items[integer(0, items.length - 1)]!,
  }
}
