// `title` of both function sets: the first letter of each word in upper case, by the word borders of Unicode as far as they show in labels and
// host names. Prometheus leaves the other letters as they are, Alertmanager lowers them.

const inner = /^[\p{L}\p{N}\p{M}_]$/u
/** Joins two letters into one word when it stands between them. */
const joins = /^['’.:·]$/u

export function title(text: string, lowerRest: boolean): string {
  const chars = [...text]
  let out = ''
  let inWord = false
  let cased = false
  for (const [index, char] of chars.entries()) {
    if (inner.test(char)) {
      if (!inWord) cased = false
      inWord = true
      if (cased || !/^\p{L}$/u.test(char)) out += lowerRest ? char.toLowerCase() : char
      else {
        out += titleCase(char)
        cased = true
      }
    } else {
      inWord =
        inWord &&
        joins.test(char) &&
        /^[\p{L}]$/u.test(chars[index - 1] ?? '') &&
        /^\p{L}$/u.test(chars[index + 1] ?? '')
      out += char
    }
  }
  return out
}

const titleCase = (char: string): string => {
  const upper = char.toUpperCase()
  return [...upper].length === 1 ? upper : upper[0] + upper.slice(1).toLowerCase()
}
