// Texts of label names and values, each kept once under a number and counted: a text that no series uses any more goes, so that series which
// come and go leave nothing behind.

export type Symbols = {
  /** The text's number, with one more use. */
  take(text: string): number
  /** One use less; the number is free again after the last. */
  release(id: number): void
  /** -1: no series uses this text. */
  find(text: string): number
  text(id: number): string
  readonly size: number
}

export function openSymbols(): Symbols {
  const ids = new Map<string, number>()
  const texts: string[] = []
  const uses: number[] = []
  const free: number[] = []
  return {
    take(text) {
      let id = ids.get(text)
      if (id === undefined) {
        id = free.pop() ?? texts.length
        texts[id] = text
        uses[id] = 0
        ids.set(text, id)
      }
      uses[id]!++
      return id
    },
    release(id) {
      if (--uses[id]! > 0) return
      ids.delete(texts[id]!)
      texts[id] = ''
      free.push(id)
    },
    find: (text) => ids.get(text) ?? -1,
    text: (id) => texts[id]!,
    get size() {
      return ids.size
    },
  }
}
