// Memory that pages are gathered in, used again and again: a fresh piece for every page would have the collector of garbage walk over the whole
// store every other second. Who takes a piece gives it back, once.

export type PageMemory = {
  /** At least so many bytes, whatever stands in them. */
  take(bytes: number): Uint8Array
  give(piece: Uint8Array): void
}

const leastBytes = 64 << 10
/** Larger pieces are rare, and go back to the system at once. */
const keptBytes = 4 << 20
const keptPieces = 16

export function openPageMemory(): PageMemory {
  /** The largest last. */
  const free: Uint8Array[] = []
  return {
    take(bytes) {
      const last = free.at(-1)
      if (last !== undefined && last.length >= bytes) return free.pop()!
      return new Uint8Array(Math.max(leastBytes, 2 ** Math.ceil(Math.log2(bytes))))
    },
    give(piece) {
      if (piece.length > keptBytes) return
      free.push(piece)
      free.sort((a, b) => a.length - b.length)
      if (free.length > keptPieces) free.shift()
    },
  }
}
