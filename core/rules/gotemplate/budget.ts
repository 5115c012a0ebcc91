// What one render may use up. A template is text from outside: it may loop, recurse, double a string forty times. Everything it does is
// charged here, so that it ends in bounded time and memory whatever it says.

import { InferwardError } from '../../base/errors.ts'

export type Limits = {
  /** Characters of the whole output. */
  readonly output: number
  /** Characters of one value made on the way, items of one list. */
  readonly value: number
  /** Nodes walked, weighed by the size of what functions return. */
  readonly steps: number
  /** Templates and control structures inside one another. */
  readonly depth: number
}

export const defaultLimits: Limits = { output: 64 * 1024, value: 256 * 1024, steps: 200_000, depth: 400 }

export type Budget = {
  readonly limits: Limits
  /** Throws `template.too_much` when nothing is left. */
  spend(steps: number): void
  /** Throws when a value of that size may not be made; charges for it otherwise. */
  size(length: number): void
}

export function openBudget(limits: Limits): Budget {
  let left = limits.steps
  const spend = (steps: number): void => {
    left -= steps
    if (left < 0) throw tooMuch(`more than ${limits.steps} steps`)
  }
  return {
    limits,
    spend,
    size(length) {
      if (length > limits.value) throw tooMuch(`a value of more than ${limits.value} characters`)
      spend(length >> 6)
    },
  }
}

export function tooMuch(what: string): InferwardError {
  return new InferwardError({
    code: 'template.too_much',
    message: `template takes ${what}`,
    hint: 'Shorten what it ranges over, or end its recursion.',
  })
}
