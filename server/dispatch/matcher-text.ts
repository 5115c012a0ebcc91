// Matchers and label sets as plain data and as text. The text is part of group keys, which outlive restarts: its form never changes, and it is
// the form of Alertmanager's keys.

export type MatcherOp = '=' | '!=' | '=~' | '!~'
export type MatcherText = { readonly name: string; readonly op: MatcherOp; readonly value: string }
export type LabelSet = Readonly<Record<string, string>>
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: string }

/** Characters that a name must be quoted for. */
const reserved = /[\s{}!=~,\\"'`]/u

/** `{a="b",c=~"d"}`: sorted and escaped. */
export function matchersText(matchers: readonly MatcherText[]): string {
  return `{${[...matchers].sort(byNameValueOp).map(matcherText).join(',')}}`
}

export function matcherText(one: MatcherText): string {
  if (reserved.test(one.name)) return `${quote(one.name)}${one.op}${quote(one.value)}`
  const value = one.value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
  return `${one.name}${one.op}"${value}"`
}

/** `{a="b", c="d"}`, sorted by name. */
export function labelsText(labels: LabelSet): string {
  const names = Object.keys(labels).sort(compare)
  return `{${names.map((name) => `${name}=${quote(labels[name] ?? '')}`).join(', ')}}`
}

function quote(text: string): string {
  const named: Readonly<Record<string, string>> = {
    '"': '\\"',
    '\\': '\\\\',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\b': '\\b',
    '\f': '\\f',
    '\v': '\\v',
    '\u0007': '\\a',
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped here
  const escaped = text.replace(/["\\\u0000-\u001f\u007f]/g, (character) => {
    return named[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
  return `"${escaped}"`
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const byNameValueOp = (a: MatcherText, b: MatcherText): number =>
  compare(a.name, b.name) || compare(a.value, b.value) || compare(a.op, b.op)
