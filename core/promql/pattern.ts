// Regular expressions of a query: RE2 syntax, always against the whole value, `.` takes newlines as well. Bounded in length, since the time
// of a match grows with it.

import { RE2JS, RE2JSException } from 're2js'

const maxLength = 10_000

/** Throws an Error whose message says what is wrong with the pattern. */
export function compilePattern(pattern: string): RE2JS {
  if (pattern.length > maxLength) throw new Error(`regular expression is longer than ${maxLength} characters`)
  try {
    return RE2JS.compile(`(?s:${pattern})`)
  } catch (error) {
    if (error instanceof RE2JSException || error instanceof Error) throw new Error(error.message, { cause: error })
    throw error
  }
}
