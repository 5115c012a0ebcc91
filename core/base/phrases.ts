// Sentences that a program writes in English, and their twins. Events travel and are kept in one language; whoever shows one to a person finds its
// twin here by its form. Invariant: what is not in the book is not guessed at.

/**
 * English with places in it, and the twin that takes them by number. `%n` a number, `%w` one word, `%q` anything in double quotes, `%t` a text of any
 * kind, which is looked up in its turn.
 */
export type Phrase = readonly [english: string, twin: string]

const places: Readonly<Record<string, string>> = { n: '-?[\\d.]+', w: '\\S+', q: '"[^"]*"', t: '[\\s\\S]+' }

/** Answers the twin of a sentence, or null when the book has none. */
export function phraseBook(phrases: readonly Phrase[]): (text: string) => string | null {
  const pages = phrases.map(([english, twin]) => {
    const kinds = [...english.matchAll(/%([nwqt])/g)].map(([, kind]) => kind!)
    const source = english
      .split(/%[nwqt]/)
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .reduce((made, part, index) => `${made}(${places[kinds[index - 1]!]})${part}`)
    return { pattern: new RegExp(`^${source}$`), kinds, twin }
  })
  const look = (text: string, depth: number): string | null => {
    if (depth > 4 || text.length > 5000) return null
    for (const { pattern, kinds, twin } of pages) {
      const found = pattern.exec(text)
      if (found === null) continue
      return twin.replace(/%(\d)/g, (_all, digit: string) => {
        const part = found[Number(digit)] ?? ''
        return kinds[Number(digit) - 1] === 't' ? (look(part, depth + 1) ?? part) : part
      })
    }
    return null
  }
  return (text) => look(text, 0)
}
