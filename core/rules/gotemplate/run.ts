// A template's tree at work. Follows Go's order of evaluation and its words for what goes wrong, since people compare messages. Whatever the
// template says, it ends: every step is charged to the budget, and what is nested too deeply is an error and not an overflow.

import { tooMuch } from './budget.ts'
import { Evaluator } from './evaluate.ts'
import { CallFault, fault } from './function.ts'
import { escapedForUrl, withoutEscaping } from './html-functions.ts'
import { HtmlWriter, trusted } from './html-writer.ts'
import { type Block, type Branch, type Pipeline, type Statement, show, type TemplateCall } from './node.ts'
import type { Definition } from './parse.ts'
import { printed, sprint } from './print.ts'
import { goQuote } from './quote.ts'
import { failed, type RunOptions, State } from './state.ts'
import { entryOf, intOf, isList, isMap, keysOf, kindOf, truth, typeOf, type Value, wrap } from './value.ts'

/** Renders one of the definitions; throws an InferwardError, `template.failed` or `template.too_much`. What was written before an error is
 * handed to `partial`. */
export function run(name: string, data: Value, options: RunOptions, partial?: (text: string) => void): string {
  const machine = new Machine(options)
  try {
    const definition = options.definitions.get(name)
    if (definition === undefined) throw failed(`template: no template ${goQuote(name)}`)
    machine.render(definition, data)
    machine.end()
    return machine.output()
  } catch (error) {
    partial?.(machine.output())
    if (error instanceof RangeError) throw tooMuch('more nesting than can be followed')
    throw error
  }
}

type Jump = 'break' | 'continue' | undefined

class Machine {
  private readonly state: State
  private readonly evaluator: Evaluator
  private pieces: string[] = []
  private length = 0
  private html: HtmlWriter | null

  constructor(options: RunOptions) {
    this.state = new State(options)
    this.html = options.html === true ? new HtmlWriter() : null
    this.evaluator = new Evaluator(this.state, {
      ...options.scope,
      budget: this.state.budget,
      render: (name, data) => this.renderNamed(name, data),
    })
  }

  output(): string {
    return this.pieces.join('')
  }

  end(): void {
    this.htmlFault(() => this.html?.end())
  }

  render(definition: Definition, data: Value): void {
    const outer = { variables: this.state.variables, definition: this.state.definition }
    this.state.variables = [{ name: '$', value: data }]
    this.state.definition = definition
    this.state.inside(() => this.block(definition.body, data))
    this.state.variables = outer.variables
    this.state.definition = outer.definition
  }

  /** For functions that render: their text is a value, not output. */
  private renderNamed(name: string, data: Value): string {
    const definition = this.state.options.definitions.get(name)
    if (definition === undefined) throw fault(`template: no template ${goQuote(name)} associated with this one`)
    const { pieces, length, html } = this
    const { node } = this.state
    this.pieces = []
    this.length = 0
    this.html = html === null ? null : new HtmlWriter()
    try {
      this.render(definition, data)
      this.end()
      return this.output()
    } finally {
      this.pieces = pieces
      this.length = length
      this.html = html
      this.state.node = node
    }
  }

  private write(text: string): void {
    const room = this.state.options.limits.output - this.length
    this.pieces.push(text.length > room ? text.slice(0, room) : text)
    this.length += text.length
    if (text.length > room) throw tooMuch(`more than ${this.state.options.limits.output} characters of output`)
    this.state.budget.spend(1 + (text.length >> 6))
  }

  private block(block: Block, dot: Value): Jump {
    for (const statement of block) {
      const jump = this.statement(statement, dot)
      if (jump !== undefined) return jump
    }
    return undefined
  }

  private statement(statement: Statement, dot: Value): Jump {
    this.state.budget.spend(1)
    this.state.node = statement
    switch (statement.kind) {
      case 'text':
        this.write(this.html === null ? statement.text : this.html.literal(statement.text))
        return undefined
      case 'action': {
        const pipeline = this.html === null ? statement.pipeline : withoutEscaping(statement.pipeline)
        const value = this.evaluator.pipeline(pipeline, dot)
        if (statement.pipeline.variables.length === 0) {
          this.state.node = statement
          this.print(statement, this.html !== null && escapedForUrl(pipeline) ? trusted('url', String(value)) : value)
        }
        return undefined
      }
      case 'break':
      case 'continue':
        return statement.kind
      case 'template':
        this.call(statement, dot)
        return undefined
      default: {
        const mark = this.state.variables.length
        const jump = this.state.inside(() =>
          statement.kind === 'range' ? this.range(statement, dot) : this.choose(statement, dot),
        )
        this.state.variables.length = mark
        return jump
      }
    }
  }

  private print(statement: Statement, value: Value): void {
    if (kindOf(value) === 'function') throw this.state.error(`can't print ${show(statement)} of type ${typeOf(value)}`)
    const limit = this.state.options.limits.output
    const { html } = this
    if (html !== null) this.write(this.htmlFault(() => html.value(value, limit)))
    else this.write(typeof value === 'string' ? value : sprint([printed(value)], limit))
  }

  private htmlFault<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof CallFault)) throw error
      throw this.state.error(error.message)
    }
  }

  private choose(branch: Branch, dot: Value): Jump {
    const value = this.evaluator.pipeline(branch.pipeline, dot)
    if (truth(value)) return this.block(branch.body, branch.kind === 'with' ? value : dot)
    return branch.otherwise === null ? undefined : this.block(branch.otherwise, dot)
  }

  private range(branch: Branch, dot: Value): Jump {
    const { pipeline } = branch
    const value = this.evaluator.pipeline(pipeline, dot)
    const mark = this.state.variables.length
    const count = pipeline.variables.length
    const once = (index: Value, item: Value): Jump => {
      this.state.budget.spend(1)
      if (count > 0) this.bind(pipeline, count === 1 ? [item] : [index, item])
      const jump = this.block(branch.body, item)
      this.state.variables.length = mark
      return jump
    }
    const elements = this.elements(value, count)
    let any = false
    for (const [index, item] of elements) {
      any = true
      if (once(index, item) === 'break') break
    }
    if (any || branch.otherwise === null) return undefined
    return this.block(branch.otherwise, dot)
  }

  private *elements(value: Value, variables: number): Iterable<readonly [Value, Value]> {
    const kind = kindOf(value)
    if (kind === 'invalid' || kind === 'nil') return
    if (kind === 'int') {
      if (variables > 1) throw this.state.error(`can't use ${shownValue(value)} to iterate over more than one variable`)
      const end = intOf(value as bigint)
      for (let at = 0n; at < end; at++) yield [undefined, at]
    } else if (isList(value)) {
      for (let at = 0; at < value.items.length; at++) yield [BigInt(at), wrap(value.items[at])]
    } else if (isMap(value)) {
      const keys = keysOf(value)
      this.state.budget.spend(keys.length)
      for (const key of keys) yield [key, entryOf(value, key)]
    } else throw this.state.error(`range can't iterate over ${shownValue(value)}`)
  }

  /** The variables of a range for this turn: declared ones lie on top of the stack. */
  private bind(pipeline: Pipeline, values: readonly Value[]): void {
    values.forEach((value, index) => {
      if (pipeline.assigns) this.state.assign(pipeline.variables[index]!, value)
      else this.state.variables[this.state.variables.length - values.length + index]!.value = value
    })
  }

  private call(call: TemplateCall, dot: Value): void {
    const definition = this.state.options.definitions.get(call.name)
    if (definition === undefined) throw this.state.error(`template ${goQuote(call.name)} not defined`)
    this.render(definition, call.pipeline === null ? undefined : this.evaluator.pipeline(call.pipeline, dot))
  }
}

/** A value in an error: short. */
function shownValue(value: Value): string {
  const text = sprint([value], 4096)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
