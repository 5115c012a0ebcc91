// Label matchers as Alertmanager's users write them: `severity="critical"`, `{a=~"x|y", "名称"!=z}`. The UTF-8 grammar is tried first; what only
// the classic grammar reads, or reads otherwise, is taken as the classic one says, so that no existing file changes its meaning.

import { RE2JS } from 're2js'
import { parseClassic } from './matcher-classic.ts'
import { type LabelSet, type MatcherText, matchersText, type Parsed } from './matcher-text.ts'
import { parseUtf8 } from './matcher-utf8.ts'

export type Matcher = MatcherText & {
  /** A label that is missing counts as empty. */
  readonly matches: (labels: LabelSet) => boolean
}

/** Regular expressions are anchored at both ends. */
export function matcher(text: MatcherText): Parsed<Matcher> {
  const { name, op, value } = text
  const own = (labels: LabelSet): string => (Object.hasOwn(labels, name) ? (labels[name] ?? '') : '')
  if (op === '=' || op === '!=') {
    const equal = op === '='
    return { ok: true, value: { ...text, matches: (labels) => (own(labels) === value) === equal } }
  }
  try {
    const pattern = RE2JS.compile(`^(?:${value})$`)
    const wanted = op === '=~'
    return { ok: true, value: { ...text, matches: (labels) => pattern.matches(own(labels)) === wanted } }
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    return { ok: false, fault: `not a regular expression: ${JSON.stringify(value)} (${words})` }
  }
}

/** One or more matchers, separated by commas, with or without braces; `{}` holds none and matches everything. */
export function parseMatchers(input: string): Parsed<readonly Matcher[]> {
  const modern = compile(parseUtf8(input))
  const classic = compile(parseClassic(input))
  if (!modern.ok) return classic.ok ? classic : modern
  return classic.ok && matchersText(classic.value) !== matchersText(modern.value) ? classic : modern
}

function compile(parsed: Parsed<readonly MatcherText[]>): Parsed<readonly Matcher[]> {
  if (!parsed.ok) return parsed
  const out: Matcher[] = []
  for (const text of parsed.value) {
    const made = matcher(text)
    if (!made.ok) return made
    out.push(made.value)
  }
  return { ok: true, value: out }
}
