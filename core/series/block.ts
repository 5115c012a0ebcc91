// Where the newest samples of series lie: rings of plain numbers, a thousand series to an allocation. The sample store writes them, bulk reading
// reads them.

export const ringSize = 32
export const seriesPerBlock = 1024

/** Rings of 1 024 series in one allocation each. */
export type Block = {
  readonly times: Float64Array
  readonly values: Float64Array
  /** One bit for each place of a ring. */
  readonly stale: Uint32Array
  /** Samples ever appended, and how many of them lie in chunks. */
  readonly counts: Float64Array
  readonly sealed: Float64Array
  /** Address of the newest chunk, 0 = none. */
  readonly newest: Uint32Array
  /** The newest sample that lies below the one before it, by its place among all samples ever appended; 0 = none. */
  readonly fell: Uint32Array
  /** Samples that came in behind newer ones. */
  readonly inserted: Uint32Array
}

export function newBlock(): Block {
  return {
    times: numbers(ringSize * seriesPerBlock),
    values: numbers(ringSize * seriesPerBlock),
    stale: words(),
    counts: numbers(seriesPerBlock),
    sealed: numbers(seriesPerBlock),
    newest: words(),
    fell: words(),
    inserted: words(),
  }
}

function numbers(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(8 * length))
}

function words(): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(4 * seriesPerBlock))
}
