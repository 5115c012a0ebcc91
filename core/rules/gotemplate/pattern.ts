// Regular expressions inside templates: RE2 syntax, linear time, bounded in length; the work of a match is charged to the render it runs in.
// Replacements follow Go: `$1`, `$name` take as many letters, digits and underscores as there are.

import { RE2JS } from 're2js'
import { tooMuch } from './budget.ts'
import { fault } from './function.ts'
import type { Scope } from './value.ts'

const maxLength = 2000
const kept = 200
const compiled = new Map<string, RE2JS>()

/** Steps for reading a pattern; each unlike the last would otherwise be read anew for the price of one. */
const compileCost = 3000

function compile(scope: Scope, pattern: string, prefix: (words: string) => string): RE2JS {
  const known = compiled.get(pattern)
  if (known !== undefined) return known
  if (pattern.length > maxLength) throw fault(prefix(`pattern is longer than ${maxLength} characters`))
  scope.budget.spend(compileCost)
  let regex: RE2JS
  try {
    regex = RE2JS.compile(pattern)
  } catch (error) {
    throw fault(prefix(error instanceof Error ? error.message : String(error)))
  }
  scope.budget.spend(regex.programSize())
  if (compiled.size >= kept) compiled.clear()
  compiled.set(pattern, regex)
  return regex
}

const charge = (scope: Scope, regex: RE2JS, text: string): void =>
  scope.budget.spend(1 + ((regex.programSize() * (text.length + 1)) >> 6))

export function matches(scope: Scope, pattern: string, text: string): boolean {
  const regex = compile(scope, pattern, (words) => words)
  charge(scope, regex, text)
  return regex.matcher(text).find()
}

export function replaceAll(scope: Scope, pattern: string, replacement: string, text: string): string {
  const regex = compile(scope, pattern, (words) => `regexp: Compile(\`${pattern}\`): ${words}`)
  charge(scope, regex, text)
  const { value } = scope.budget.limits
  const pieces = replacementOf(replacement)
  const names = regex.namedGroups()
  const matcher = regex.matcher(text)
  let out = ''
  let copied = 0
  let lastEnd = -1
  while (matcher.find()) {
    const [start, end] = [matcher.start(), matcher.end()]
    out += text.slice(copied, start)
    copied = end
    // An empty match right behind the last one is none.
    if (!(start === end && start === lastEnd)) {
      for (const piece of pieces) {
        const group = typeof piece === 'string' ? undefined : numberOf(piece.group, names)
        if (typeof piece === 'string') out += piece
        else if (group !== undefined && group <= regex.groupCount()) out += matcher.group(group) ?? ''
      }
    }
    lastEnd = end
    scope.budget.spend(1)
    if (out.length > value) throw tooMuch(`a value of more than ${value} characters`)
  }
  return out + text.slice(copied)
}

type Piece = string | { readonly group: string }

function replacementOf(text: string): readonly Piece[] {
  const pieces: Piece[] = []
  for (const [piece, braced, bare] of text.matchAll(/\$\$|\$\{([\p{L}\p{Nd}_]+)\}|\$([\p{L}\p{Nd}_]+)|\$|[^$]+/gu)) {
    const group = braced ?? bare
    if (group !== undefined) pieces.push({ group })
    else pieces.push(piece === '$$' ? '$' : piece)
  }
  return pieces
}

function numberOf(group: string, names: Readonly<Record<string, number>>): number | undefined {
  if (/^\d{1,6}$/.test(group)) return Number(group)
  return Object.hasOwn(names, group) ? names[group] : undefined
}
