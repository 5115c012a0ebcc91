// A template's tree at work. Follows Go's order of evaluation and its words for what goes wrong, since people compare messages. Whatever the
// template says, it ends: every step is charged to the budget, and what is nested too deeply is an error and not an overflow.

import { InferwardError, isInferwardError } from '../../base/errors.ts'
import { type Budget, type Limits, openBudget, tooMuch } from './budget.ts'
import { builtins } from './builtins.ts'
import { assignable, CallFault, type FunctionSet, fault, nillable, typeName } from './function.ts'
import {
  type Block,
  type Branch,
  type Command,
  type Node,
  type Operand,
  type Pipeline,
  type Statement,
  show,
  type TemplateCall,
} from './node.ts'
import type { Definition, Definitions } from './parse.ts'
import { positionOf } from './position.ts'
import { printed, sprint } from './print.ts'
import { goQuote } from './quote.ts'
import {
  entryOf,
  intOf,
  isList,
  isMap,
  isStruct,
  keysOf,
  kindOf,
  methodOf,
  type ParameterType,
  type Scope,
  type Signature,
  truth,
  typeOf,
  type Value,
  wrap,
} from './value.ts'

export type MissingKey = 'zero' | 'default' | 'error'
export type RunOptions = {
  readonly definitions: Definitions
  readonly functions: FunctionSet
  readonly missingKey: MissingKey
  readonly limits: Limits
  readonly scope: Omit<Scope, 'budget' | 'render'>
}

/** Renders one of the definitions; throws an InferwardError, `template.failed` or `template.too_much`. What was written before an error is
 * handed to `partial`. */
export function run(name: string, data: Value, options: RunOptions, partial?: (text: string) => void): string {
  const machine = new Machine(options)
  try {
    const definition = options.definitions.get(name)
    if (definition === undefined) throw failed(`template: no template ${goQuote(name)}`)
    machine.render(definition, data)
    return machine.output()
  } catch (error) {
    partial?.(machine.output())
    if (error instanceof RangeError) throw tooMuch('more nesting than can be followed')
    throw error
  }
}

function failed(message: string, cause?: unknown): InferwardError {
  return new InferwardError({ code: 'template.failed', message, ...(cause === undefined ? {} : { cause }) })
}

/** No value came through the pipe. */
const absent = Symbol('absent')
type Final = Value | typeof absent
type Jump = 'break' | 'continue' | undefined
type Variable = { readonly name: string; value: Value }

class Machine {
  private readonly options: RunOptions
  private readonly budget: Budget
  private readonly scope: Scope
  private pieces: string[] = []
  private length = 0
  private variables: Variable[] = []
  private definition: Definition | undefined
  private node: Node | undefined
  private depth = 0

  constructor(options: RunOptions) {
    this.options = options
    this.budget = openBudget(options.limits)
    this.scope = {
      ...options.scope,
      budget: this.budget,
      render: (name, data) => this.renderNamed(name, data),
    }
  }

  output(): string {
    return this.pieces.join('')
  }

  render(definition: Definition, data: Value): void {
    const outer = { variables: this.variables, definition: this.definition }
    this.variables = [{ name: '$', value: data }]
    this.definition = definition
    this.inside(() => this.block(definition.body, data))
    this.variables = outer.variables
    this.definition = outer.definition
  }

  /** For functions that render: their text is a value, not output. */
  private renderNamed(name: string, data: Value): string {
    const definition = this.options.definitions.get(name)
    if (definition === undefined) throw fault(`template: no template ${goQuote(name)} associated with this one`)
    const outer = { pieces: this.pieces, length: this.length, node: this.node }
    this.pieces = []
    this.length = 0
    this.render(definition, data)
    const text = this.output()
    Object.assign(this, outer)
    return text
  }

  private write(text: string): void {
    const room = this.options.limits.output - this.length
    this.pieces.push(text.length > room ? text.slice(0, room) : text)
    this.length += text.length
    if (text.length > room) throw tooMuch(`more than ${this.options.limits.output} characters of output`)
    this.budget.spend(1 + (text.length >> 6))
  }

  private inside<T>(work: () => T): T {
    if (++this.depth > this.options.limits.depth)
      throw this.error(`exceeded maximum template depth (${this.options.limits.depth})`)
    const result = work()
    this.depth--
    return result
  }

  private block(block: Block, dot: Value): Jump {
    for (const statement of block) {
      const jump = this.statement(statement, dot)
      if (jump !== undefined) return jump
    }
    return undefined
  }

  private statement(statement: Statement, dot: Value): Jump {
    this.budget.spend(1)
    this.node = statement
    switch (statement.kind) {
      case 'text':
        this.write(statement.text)
        return undefined
      case 'action': {
        const value = this.pipeline(statement.pipeline, dot)
        if (statement.pipeline.variables.length === 0) {
          this.node = statement
          this.print(statement, value)
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
        const mark = this.variables.length
        const jump = this.inside(() =>
          statement.kind === 'range' ? this.range(statement, dot) : this.choose(statement, dot),
        )
        this.variables.length = mark
        return jump
      }
    }
  }

  private print(statement: Statement, value: Value): void {
    if (kindOf(value) === 'function') throw this.error(`can't print ${show(statement)} of type ${typeOf(value)}`)
    this.write(typeof value === 'string' ? value : sprint([printed(value)], this.options.limits.output))
  }

  private choose(branch: Branch, dot: Value): Jump {
    const value = this.pipeline(branch.pipeline, dot)
    if (truth(value)) return this.block(branch.body, branch.kind === 'with' ? value : dot)
    return branch.otherwise === null ? undefined : this.block(branch.otherwise, dot)
  }

  private range(branch: Branch, dot: Value): Jump {
    const { pipeline } = branch
    const value = this.pipeline(pipeline, dot)
    const mark = this.variables.length
    const count = pipeline.variables.length
    const once = (index: Value, item: Value): Jump => {
      this.budget.spend(1)
      if (count > 0) this.bind(pipeline, count === 1 ? [item] : [index, item])
      const jump = this.block(branch.body, item)
      this.variables.length = mark
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
      if (variables > 1) throw this.error(`can't use ${shownValue(value)} to iterate over more than one variable`)
      const end = intOf(value as bigint)
      for (let at = 0n; at < end; at++) yield [undefined, at]
    } else if (isList(value)) {
      for (let at = 0; at < value.items.length; at++) yield [BigInt(at), wrap(value.items[at])]
    } else if (isMap(value)) {
      const keys = keysOf(value)
      this.budget.spend(keys.length)
      for (const key of keys) yield [key, entryOf(value, key)]
    } else throw this.error(`range can't iterate over ${shownValue(value)}`)
  }

  /** The variables of a range for this turn: declared ones lie on top of the stack. */
  private bind(pipeline: Pipeline, values: readonly Value[]): void {
    values.forEach((value, index) => {
      if (pipeline.assigns) this.assign(pipeline.variables[index]!, value)
      else this.variables[this.variables.length - values.length + index]!.value = value
    })
  }

  private call(call: TemplateCall, dot: Value): void {
    const definition = this.options.definitions.get(call.name)
    if (definition === undefined) throw this.error(`template ${goQuote(call.name)} not defined`)
    this.render(definition, call.pipeline === null ? undefined : this.pipeline(call.pipeline, dot))
  }

  private pipeline(pipeline: Pipeline, dot: Value): Value {
    this.budget.spend(1)
    this.node = pipeline
    let value: Final = absent
    for (const command of pipeline.commands) {
      value = this.command(command, dot, value)
      if (value === null) value = undefined
    }
    const result = value as Value
    for (const name of pipeline.variables) {
      if (pipeline.assigns) this.assign(name, result)
      else this.variables.push({ name, value: result })
    }
    return result
  }

  private assign(name: string, value: Value): void {
    this.variable(name).value = value
  }

  private variable(name: string): Variable {
    for (let index = this.variables.length - 1; index >= 0; index--) {
      const variable = this.variables[index]!
      if (variable.name === name) return variable
    }
    throw this.error(`undefined variable: ${name}`)
  }

  private command(command: Command, dot: Value, final: Final): Value {
    const { words } = command
    const first = words[0]!
    const args = words.slice(1)
    switch (first.kind) {
      case 'field':
      case 'chain':
      case 'variable':
        return this.path(first, dot, args, final)
      case 'identifier':
        return this.named(first.name, first, command, dot, args, final)
      case 'pipeline':
        this.noArguments(words, final)
        return this.inside(() => this.pipeline(first, dot))
    }
    this.node = first
    this.noArguments(words, final)
    if (first.kind === 'nil') throw this.error('nil is not a command')
    return first.kind === 'dot' ? dot : this.constant(first)
  }

  private noArguments(words: readonly Operand[], final: Final): void {
    if (words.length > 1 || final !== absent) throw this.error(`can't give argument to non-function ${show(words[0]!)}`)
  }

  private constant(operand: Operand): Value {
    this.node = operand
    if (operand.kind === 'bool') return operand.value
    if (operand.kind === 'string') return operand.text
    if (operand.kind !== 'number') throw this.error(`can't evaluate command ${goQuote(show(operand))}`)
    if (operand.number.ideal === 'overflow') throw this.error(`${operand.number.text} overflows int`)
    return operand.number.ideal === 'int' ? operand.number.int : operand.number.float
  }

  /** `.a.b`, `$x.a`, `(…).a`: the last name takes the arguments if it is a method. */
  private path(
    node: Operand & { readonly kind: 'field' | 'chain' | 'variable' },
    dot: Value,
    args: readonly Operand[],
    final: Final,
  ): Value {
    this.node = node
    let value: Value
    let names = node.names
    if (node.kind === 'variable') {
      value = this.variable(names[0]!).value
      names = names.slice(1)
      if (names.length === 0) {
        if (args.length > 0 || final !== absent) throw this.error(`can't give argument to non-function ${show(node)}`)
        return value
      }
    } else if (node.kind === 'chain') {
      if (node.of.kind === 'nil') throw this.error(`indirection through explicit nil in ${show(node)}`)
      value = this.argument(node.of, 'any', dot)
      if (value === null) value = undefined
    } else value = dot
    names.forEach((name, index) => {
      const last = index === names.length - 1
      value = this.field(value, name, node, dot, last ? args : [], last ? final : absent)
    })
    return value
  }

  private field(receiver: Value, name: string, node: Node, dot: Value, args: readonly Operand[], final: Final): Value {
    this.budget.spend(1)
    if (receiver === undefined) {
      if (this.options.missingKey === 'error') throw this.error(`nil data; no entry for key ${goQuote(name)}`)
      return undefined
    }
    if (receiver === null) throw this.error(`nil pointer evaluating interface {}.${name}`)
    const method = methodOf(receiver, name)
    if (method !== undefined) {
      const given = this.arguments(name, method, dot, args, final)
      return this.guarded(name, node, () => method.call(receiver as never, given, this.scope))
    }
    const has = args.length > 0 || final !== absent
    if (isStruct(receiver) && Object.hasOwn(receiver.fields, name)) {
      if (has) throw this.error(`${name} has arguments but cannot be invoked as function`)
      return wrap(receiver.fields[name])
    }
    if (isMap(receiver)) {
      if (has) throw this.error(`${name} is not a method but has arguments`)
      if (Object.hasOwn(receiver.entries, name)) return wrap(receiver.entries[name])
      if (this.options.missingKey === 'error') throw this.error(`map has no entry for key ${goQuote(name)}`)
      return this.options.missingKey === 'default' ? undefined : receiver.zero
    }
    throw this.error(`can't evaluate field ${name} in type ${typeOf(receiver)}`)
  }

  private named(name: string, node: Operand, whole: Node, dot: Value, args: readonly Operand[], final: Final): Value {
    this.node = node
    const { functions } = this.options
    const own = Object.hasOwn(functions, name) ? functions[name] : undefined
    if (own === undefined && (name === 'and' || name === 'or')) return this.logic(name, dot, args, final)
    const callee = own ?? (Object.hasOwn(builtins, name) ? builtins[name] : undefined)
    if (callee === undefined) throw this.error(`${goQuote(name)} is not a defined function`)
    const given = this.arguments(name, callee, dot, args, final)
    if (own === undefined && name === 'call') {
      const calleeName = args[0] === undefined ? 'nil' : show(args[0])
      return this.guarded(name, whole, () => callee.call([calleeName, ...given], this.scope))
    }
    return this.guarded(name, whole, () => callee.call(given, this.scope))
  }

  private logic(name: 'and' | 'or', dot: Value, args: readonly Operand[], final: Final): Value {
    if (args.length + (final === absent ? 0 : 1) === 0)
      throw this.error(`wrong number of args for ${name}: want at least 1 got 0`)
    let value: Value
    for (const arg of args) {
      value = this.argument(arg, 'value', dot)
      if (truth(value) === (name === 'or')) return value
    }
    return final === absent ? value : final
  }

  private guarded(name: string, node: Node, call: () => Value): Value {
    this.budget.spend(1)
    try {
      const value = call()
      if (typeof value === 'string') this.budget.size(value.length)
      else if (isList(value)) this.budget.size(value.items.length)
      return value
    } catch (error) {
      const foreign = isInferwardError(error) && !error.code.startsWith('template.')
      if (!(error instanceof CallFault) && !foreign) throw error
      this.node = node
      throw this.error(`error calling ${name}: ${error.message}`, foreign ? error : undefined)
    }
  }

  private arguments(
    name: string,
    callee: Signature,
    dot: Value,
    args: readonly Operand[],
    final: Final,
  ): readonly Value[] {
    const { parameters, variadic } = callee
    const count = args.length + (final === absent ? 0 : 1)
    const fixed = variadic ? parameters.length - 1 : parameters.length
    if (variadic && count < fixed)
      throw this.error(`wrong number of args for ${name}: want at least ${fixed} got ${args.length}`)
    if (!variadic && count !== fixed) throw this.error(`wrong number of args for ${name}: want ${fixed} got ${count}`)
    const typeAt = (index: number): ParameterType => parameters[Math.min(index, parameters.length - 1)]!
    const given = args.map((arg, index) => this.argument(arg, typeAt(index), dot))
    if (final !== absent) given.push(this.checked(final, typeAt(args.length)))
    return given
  }

  private argument(node: Operand, type: ParameterType, dot: Value): Value {
    this.budget.spend(1)
    this.node = node
    switch (node.kind) {
      case 'dot':
        return this.checked(dot, type)
      case 'nil':
        if (nillable(type)) return type === 'value' ? undefined : null
        throw this.error(`cannot assign nil to ${typeName(type)}`)
      case 'field':
      case 'variable':
      case 'chain':
        return this.checked(this.path(node, dot, [], absent), type)
      case 'pipeline':
        return this.checked(
          this.inside(() => this.pipeline(node, dot)),
          type,
        )
      case 'identifier':
        return this.checked(this.named(node.name, node, node, dot, [], absent), type)
    }
    switch (type) {
      case 'any':
      case 'value':
        return this.constant(node)
      case 'string':
        if (node.kind === 'string') return node.text
        throw this.error(`expected string; found ${show(node)}`)
      case 'bool':
        if (node.kind === 'bool') return node.value
        throw this.error(`expected bool; found ${show(node)}`)
      case 'float64':
        if (node.kind === 'number') return node.number.float
        throw this.error(`expected float; found ${show(node)}`)
      case 'int':
      case 'time.Duration':
        if (node.kind === 'number' && node.number.int !== undefined) return node.number.int
        throw this.error(`expected integer; found ${show(node)}`)
    }
    throw this.error(`can't handle ${show(node)} for arg of type ${typeName(type)}`)
  }

  /** The value where one of this type is wanted. */
  private checked(value: Value, type: ParameterType): Value {
    if (value === undefined) {
      if (nillable(type)) return type === 'value' ? undefined : null
      throw this.error(`invalid value; expected ${typeName(type)}`)
    }
    if (type === 'any' || type === 'value' || assignable(typeOf(value), type)) return value
    throw this.error(`wrong type for value; expected ${typeName(type)}; got ${typeOf(value)}`)
  }

  private error(words: string, cause?: unknown): InferwardError {
    const { definition, node } = this
    if (definition === undefined) return failed(`template: ${words}`, cause)
    const { source } = definition
    const name = goQuote(definition.name)
    if (node === undefined) return failed(`template: ${source.name}: ${words}`, cause)
    return failed(`template: ${positionOf(source, node.at)}: executing ${name} at <${show(node)}>: ${words}`, cause)
  }
}

/** A value in an error: short. */
function shownValue(value: Value): string {
  const text = sprint([value], 4096)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
