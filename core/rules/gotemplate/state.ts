// Where a render stands: what it may still use up, which node it is at, which variables it has. Errors say it all.

import { InferwardError } from '../../base/errors.ts'
import { type Budget, type Limits, openBudget } from './budget.ts'
import type { FunctionSet } from './function.ts'
import { type Node, show } from './node.ts'
import type { Definition, Definitions } from './parse.ts'
import { positionOf } from './position.ts'
import { goQuote } from './quote.ts'
import type { Scope, Value } from './value.ts'

export type MissingKey = 'zero' | 'default' | 'error'
export type RunOptions = {
  readonly definitions: Definitions
  readonly functions: FunctionSet
  readonly missingKey: MissingKey
  /** The output is a page of HTML: values are escaped for the place where they stand. */
  readonly html?: boolean
  readonly limits: Limits
  readonly scope: Omit<Scope, 'budget' | 'render'>
}

export type Variable = { readonly name: string; value: Value }

export class State {
  readonly options: RunOptions
  readonly budget: Budget
  variables: Variable[] = []
  definition: Definition | undefined
  node: Node | undefined
  private depth = 0

  constructor(options: RunOptions) {
    this.options = options
    this.budget = openBudget(options.limits)
  }

  inside<T>(work: () => T): T {
    if (++this.depth > this.options.limits.depth)
      throw this.error(`exceeded maximum template depth (${this.options.limits.depth})`)
    const result = work()
    this.depth--
    return result
  }

  assign(name: string, value: Value): void {
    this.variable(name).value = value
  }

  variable(name: string): Variable {
    for (let index = this.variables.length - 1; index >= 0; index--) {
      const variable = this.variables[index]!
      if (variable.name === name) return variable
    }
    throw this.error(`undefined variable: ${name}`)
  }

  error(words: string, cause?: unknown): InferwardError {
    const { definition, node } = this
    if (definition === undefined) return failed(`template: ${words}`, cause)
    const { source } = definition
    const name = goQuote(definition.name)
    if (node === undefined) return failed(`template: ${source.file ?? source.name}: ${words}`, cause)
    return failed(`template: ${positionOf(source, node.at)}: executing ${name} at <${show(node)}>: ${words}`, cause)
  }
}

export function failed(message: string, cause?: unknown): InferwardError {
  return new InferwardError({ code: 'template.failed', message, ...(cause === undefined ? {} : { cause }) })
}
