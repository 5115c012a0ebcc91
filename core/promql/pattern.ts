// Regular expressions of a query: RE2 syntax, always against the whole value, `.` takes newlines as well. Bounded in length, since the time
// of a match grows with it.

import { RE2JS } from 're2js'

const maxLength = 10_000

/** Throws an Error whose message says what is wrong with the pattern. */
export function compilePattern(pattern: string): RE2JS {
  if (pattern.length > maxLength) throw new Error(`regular expression is longer than ${maxLength} characters`)
  try {
    // First by itself, so that a fault is told of the pattern as it was written.
    RE2JS.compile(pattern)
    return RE2JS.compile(`(?s:${pattern})`)
  } catch (error) {
    throw new Error(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
