// The classic grammar of matchers: ASCII names, values with or without double quotes, in which only `\"`, `\\` and `\n` are escapes and any other
// backslash stands for itself. Lenient about braces, as the program it comes from is.

import type { MatcherOp, MatcherText, Parsed } from './matcher-text.ts'

export function parseClassic(input: string): Parsed<readonly MatcherText[]> {
  const out: MatcherText[] = []
  for (const part of split(input.replace(/^\{/, '').replace(/\}$/, ''))) {
    const one = parseOne(part)
    if (!one.ok) return one
    out.push(one.value)
  }
  return { ok: true, value: out }
}

/** At commas outside quotes; an empty last part is no part. */
function split(text: string): readonly string[] {
  const out: string[] = []
  let inside = false
  let escaped = false
  let token = ''
  for (const character of text) {
    if (character === ',' && !inside) {
      out.push(token)
      token = ''
      continue
    }
    if (character === '"') {
      if (!escaped) inside = !inside
      escaped = false
    } else escaped = character === '\\' && !escaped
    token += character
  }
  if (token.trim() !== '') out.push(token.trim())
  return out
}

const form = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*$/s

function parseOne(text: string): Parsed<MatcherText> {
  const found = form.exec(text)
  if (found === null)
    return { ok: false, fault: `not a matcher: ${JSON.stringify(text)} (write name="value", !=, =~ or !~)` }
  const [, name, op, raw] = found as unknown as [string, string, MatcherOp, string]
  const quoted = raw.startsWith('"')
  const body = quoted ? raw.slice(1) : raw
  const unescaped = { ok: false, fault: `a double quote is missing or not escaped: ${raw}` } as const
  let value = ''
  let open = quoted
  for (let at = 0; at < body.length; at++) {
    const character = body[at]!
    if (character === '\\' && at < body.length - 1) {
      const next = body[++at]!
      value += next === 'n' ? '\n' : next === '"' || next === '\\' ? next : `\\${next}`
    } else if (character === '"') {
      if (!open || at < body.length - 1) return unescaped
      open = false
    } else value += character
  }
  return open ? unescaped : { ok: true, value: { name, op, value } }
}
