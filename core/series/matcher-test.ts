// A matcher as a question about one value. Regular expressions are anchored and run in linear time; the commonest kinds (a list of plain words,
// a plain prefix, anything) are answered without one.

import { RE2JS } from 're2js'
import type { Matcher } from './seam.ts'

export function matcherTest(matcher: Matcher): (value: string) => boolean {
  const { op, value } = matcher
  if (op === '=') return (text) => text === value
  if (op === '!=') return (text) => text !== value
  const matches = regexTest(value)
  return op === '=~' ? matches : (text) => !matches(text)
}

function regexTest(pattern: string): (value: string) => boolean {
  if (pattern === '.*') return () => true
  if (pattern === '.+') return (value) => value !== ''
  if (/^[\w /:,@=%#&<>~"'-]*(?:\|[\w /:,@=%#&<>~"'-]*)*$/.test(pattern)) {
    const words = new Set(pattern.split('|'))
    return (value) => words.has(value)
  }
  const front = /^([\w /:,@=%#&<>~"'-]+)\.([*+])$/.exec(pattern)
  if (front !== null) {
    const [, text = '', more] = front
    const least = text.length + (more === '+' ? 1 : 0)
    return (value) => value.startsWith(text) && value.length >= least
  }
  // As upstream: `.` matches a line feed too.
  const compiled = RE2JS.compile(`(?s:${pattern})`)
  return (value) => compiled.matches(value)
}
