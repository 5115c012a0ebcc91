// `title` of both function sets: the first cased letter of each word as a title letter. Prometheus leaves the other letters as they are,
// Alertmanager lowers them. A word ends at what is neither letter, digit, mark nor line below; one point, colon or apostrophe does not end it,
// so that `x.y` is a word, and two do.

const joins = /^['.:·\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a]$/u
/** Scripts without spaces between words: each of their letters stands for itself. */
const alone = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]$/u
const inner = /^[\p{L}\p{Nd}\p{M}\p{Pc}\p{Cf}]$/u
const cased = /^[\p{Lu}\p{Ll}\p{Lt}]$/u
const digraphs: Readonly<Record<string, string>> = { Ǆ: 'ǅ', ǆ: 'ǅ', Ǉ: 'ǈ', ǉ: 'ǈ', Ǌ: 'ǋ', ǌ: 'ǋ', Ǳ: 'ǲ', ǳ: 'ǲ' }

export function title(text: string, lowerRest: boolean): string {
  let out = ''
  let inWord = false
  let afterJoin = false
  for (const char of text) {
    const join = joins.test(char)
    if (afterJoin && join) inWord = false
    if (cased.test(char)) {
      if (!inWord) out += titleLetter(char)
      else out += lowerRest ? char.toLowerCase() : char
      inWord = true
    } else {
      out += char
      if (!join && (alone.test(char) || !inner.test(char))) inWord = false
    }
    afterJoin = join
  }
  return out
}

function titleLetter(char: string): string {
  if (Object.hasOwn(digraphs, char)) return digraphs[char]!
  const [first = '', ...rest] = char.toUpperCase()
  return first + rest.join('').toLowerCase()
}
