// Pipelines at work: commands, paths, calls and their arguments, in Go's order of evaluation and with its words for what goes wrong.

import { isInferwardError } from '../../base/errors.ts'
import { builtins } from './builtins.ts'
import { assignable, CallFault, nillable, typeName } from './function.ts'
import { type Command, type Node, type Operand, type Pipeline, show } from './node.ts'
import { goQuote } from './quote.ts'
import type { State } from './state.ts'
import {
  isList,
  isMap,
  isStruct,
  methodOf,
  type ParameterType,
  type Scope,
  type Signature,
  sizeOf,
  truth,
  typeOf,
  type Value,
  wrap,
} from './value.ts'

/** No value came through the pipe. */
const absent = Symbol('absent')
/** Times are structs, and what is done with them looks into tables of zones. */
const structCost = 40
type Final = Value | typeof absent

export class Evaluator {
  private readonly state: State
  private readonly scope: Scope

  constructor(state: State, scope: Scope) {
    this.state = state
    this.scope = scope
  }

  pipeline(pipeline: Pipeline, dot: Value): Value {
    this.state.budget.spend(1)
    this.state.node = pipeline
    let value: Final = absent
    for (const command of pipeline.commands) {
      value = this.command(command, dot, value)
      if (value === null) value = undefined
    }
    const result = value as Value
    for (const name of pipeline.variables) {
      if (pipeline.assigns) this.state.assign(name, result)
      else this.state.variables.push({ name, value: result })
    }
    return result
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
        return this.state.inside(() => this.pipeline(first, dot))
    }
    this.state.node = first
    this.noArguments(words, final)
    if (first.kind === 'nil') throw this.state.error('nil is not a command')
    return first.kind === 'dot' ? dot : this.constant(first)
  }

  private noArguments(words: readonly Operand[], final: Final): void {
    if (words.length > 1 || final !== absent)
      throw this.state.error(`can't give argument to non-function ${show(words[0]!)}`)
  }

  private constant(operand: Operand): Value {
    this.state.node = operand
    if (operand.kind === 'bool') return operand.value
    if (operand.kind === 'string') return operand.text
    if (operand.kind !== 'number') throw this.state.error(`can't evaluate command ${goQuote(show(operand))}`)
    if (operand.number.ideal === 'overflow') throw this.state.error(`${operand.number.text} overflows int`)
    return operand.number.ideal === 'int' ? operand.number.int : operand.number.float
  }

  /** `.a.b`, `$x.a`, `(…).a`: the last name takes the arguments if it is a method. */
  private path(
    node: Operand & { readonly kind: 'field' | 'chain' | 'variable' },
    dot: Value,
    args: readonly Operand[],
    final: Final,
  ): Value {
    this.state.node = node
    let value: Value
    let names = node.names
    if (node.kind === 'variable') {
      value = this.state.variable(names[0]!).value
      names = names.slice(1)
      if (names.length === 0) {
        if (args.length > 0 || final !== absent)
          throw this.state.error(`can't give argument to non-function ${show(node)}`)
        return value
      }
    } else if (node.kind === 'chain') {
      if (node.of.kind === 'nil') throw this.state.error(`indirection through explicit nil in ${show(node)}`)
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
    this.state.budget.spend(1)
    if (receiver === undefined) {
      if (this.state.options.missingKey === 'error')
        throw this.state.error(`nil data; no entry for key ${goQuote(name)}`)
      return undefined
    }
    if (receiver === null) throw this.state.error(`nil pointer evaluating interface {}.${name}`)
    const method = methodOf(receiver, name)
    if (method !== undefined) {
      this.charge(receiver)
      const given = this.arguments(name, method, dot, args, final)
      return this.guarded(name, node, () => method.call(receiver as never, given, this.scope))
    }
    const has = args.length > 0 || final !== absent
    if (isStruct(receiver) && Object.hasOwn(receiver.fields, name)) {
      if (has) throw this.state.error(`${name} has arguments but cannot be invoked as function`)
      return wrap(receiver.fields[name])
    }
    if (isMap(receiver)) {
      if (has) throw this.state.error(`${name} is not a method but has arguments`)
      if (Object.hasOwn(receiver.entries, name)) return wrap(receiver.entries[name])
      if (this.state.options.missingKey === 'error') throw this.state.error(`map has no entry for key ${goQuote(name)}`)
      return this.state.options.missingKey === 'default' ? undefined : receiver.zero
    }
    throw this.state.error(`can't evaluate field ${name} in type ${typeOf(receiver)}`)
  }

  private named(name: string, node: Operand, whole: Node, dot: Value, args: readonly Operand[], final: Final): Value {
    this.state.node = node
    const { functions } = this.state.options
    const own = Object.hasOwn(functions, name) ? functions[name] : undefined
    if (own === undefined && (name === 'and' || name === 'or')) return this.logic(name, dot, args, final)
    const callee = own ?? (Object.hasOwn(builtins, name) ? builtins[name] : undefined)
    if (callee === undefined) throw this.state.error(`${goQuote(name)} is not a defined function`)
    const given = this.arguments(name, callee, dot, args, final)
    if (own === undefined && name === 'call') {
      const calleeName = args[0] === undefined ? 'nil' : show(args[0])
      return this.guarded(name, whole, () => callee.call([calleeName, ...given], this.scope))
    }
    return this.guarded(name, whole, () => callee.call(given, this.scope))
  }

  private logic(name: 'and' | 'or', dot: Value, args: readonly Operand[], final: Final): Value {
    if (args.length + (final === absent ? 0 : 1) === 0)
      throw this.state.error(`wrong number of args for ${name}: want at least 1 got 0`)
    let value: Value
    for (const arg of args) {
      value = this.argument(arg, 'value', dot)
      if (truth(value) === (name === 'or')) return value
    }
    return final === absent ? value : final
  }

  private guarded(name: string, node: Node, call: () => Value): Value {
    this.state.budget.spend(1)
    try {
      const value = call()
      if (typeof value === 'string') this.state.budget.size(value.length)
      else if (isList(value)) this.state.budget.size(value.items.length)
      return value
    } catch (error) {
      const foreign = isInferwardError(error) && !error.code.startsWith('template.')
      if (!(error instanceof CallFault) && !foreign) throw error
      this.state.node = node
      throw this.state.error(`error calling ${name}: ${error.message}`, foreign ? error : undefined)
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
      throw this.state.error(`wrong number of args for ${name}: want at least ${fixed} got ${args.length}`)
    if (!variadic && count !== fixed)
      throw this.state.error(`wrong number of args for ${name}: want ${fixed} got ${count}`)
    const typeAt = (index: number): ParameterType => parameters[Math.min(index, parameters.length - 1)]!
    const given = args.map((arg, index) => this.argument(arg, typeAt(index), dot))
    if (final !== absent) given.push(this.checked(final, typeAt(args.length)))
    for (const one of given) this.charge(one)
    return given
  }

  /** Looking at much costs as much as making it, however short the answer. */
  private charge(given: Value): void {
    const { budget } = this.state
    if (typeof given === 'string') budget.spend(given.length >> 3)
    else if (isList(given)) budget.spend(given.items.length >> 4)
    else if (isMap(given)) budget.spend(sizeOf(given))
    else if (isStruct(given)) budget.spend(structCost)
  }

  private argument(node: Operand, type: ParameterType, dot: Value): Value {
    this.state.budget.spend(1)
    this.state.node = node
    switch (node.kind) {
      case 'dot':
        return this.checked(dot, type)
      case 'nil':
        if (nillable(type)) return type === 'value' ? undefined : null
        throw this.state.error(`cannot assign nil to ${typeName(type)}`)
      case 'field':
      case 'variable':
      case 'chain':
        return this.checked(this.path(node, dot, [], absent), type)
      case 'pipeline':
        return this.checked(
          this.state.inside(() => this.pipeline(node, dot)),
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
        throw this.state.error(`expected string; found ${show(node)}`)
      case 'bool':
        if (node.kind === 'bool') return node.value
        throw this.state.error(`expected bool; found ${show(node)}`)
      case 'float64':
        if (node.kind === 'number') return node.number.float
        throw this.state.error(`expected float; found ${show(node)}`)
      case 'int':
      case 'time.Duration':
        if (node.kind === 'number' && node.number.int !== undefined) return node.number.int
        throw this.state.error(`expected integer; found ${show(node)}`)
    }
    throw this.state.error(`can't handle ${show(node)} for arg of type ${typeName(type)}`)
  }

  /** The value where one of this type is wanted. */
  private checked(value: Value, type: ParameterType): Value {
    if (value === undefined) {
      if (nillable(type)) return type === 'value' ? undefined : null
      throw this.state.error(`invalid value; expected ${typeName(type)}`)
    }
    if (type === 'any' || type === 'value' || assignable(typeOf(value), type)) return value
    throw this.state.error(`wrong type for value; expected ${typeName(type)}; got ${typeOf(value)}`)
  }
}
