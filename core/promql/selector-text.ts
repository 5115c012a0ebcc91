// A selector from its matchers, as any server of the API reads it.

import type { Matcher } from '../series/seam.ts'

/** Quoted names only where they are needed. */
export function selectorText(matchers: readonly Matcher[]): string {
  const parts = matchers.map(({ name, op, value }) => {
    const label = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : JSON.stringify(name)
    return `${label}${op}${JSON.stringify(value)}`
  })
  return `{${parts.join(',')}}`
}
