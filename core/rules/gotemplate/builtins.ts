// The functions that Go's templates always have. `and` and `or` are the evaluator's, since they do not look at arguments they do not need.

import { equal, less, lessOrEqual } from './compare.ts'
import { htmlEscape, scriptEscape } from './escape.ts'
import { assignable, define, defineScoped, type FunctionSet, fault } from './function.ts'
import { printed, sprint, sprintf, sprintln } from './print.ts'
import { byteLength, byteSlice, encode, queryEscape } from './utf8.ts'
import {
  entryOf,
  intOf,
  isFunction,
  isList,
  isMap,
  kindOf,
  list,
  type Scope,
  sizeOf,
  truth,
  typeOf,
  type Value,
  wrap,
} from './value.ts'

function position(index: Value, end: number): number {
  const kind = kindOf(index)
  if (kind === 'invalid' || kind === 'nil') throw fault('cannot index slice/array with nil')
  if (kind !== 'int') throw fault(`cannot index slice/array with type ${typeOf(index)}`)
  const at = intOf(index as bigint)
  if (at < 0n || at > BigInt(end)) throw fault(`index out of range: ${at}`)
  return Number(at)
}

function index(item: Value, ...indexes: readonly Value[]): Value {
  if (item === undefined || item === null) throw fault('index of untyped nil')
  let current: Value = item
  for (const at of indexes) {
    if (current === undefined || current === null) throw fault('index of nil pointer')
    if (typeof current === 'string') {
      const bytes = encode(current)
      const byte = bytes[position(at, bytes.length)]
      if (byte === undefined) throw fault('reflect: string index out of range')
      current = BigInt(byte)
    } else if (isList(current)) {
      const { items } = current as { readonly items: readonly unknown[] }
      const place = position(at, items.length)
      if (place === items.length) throw fault('reflect: slice index out of range')
      current = wrap(items[place])
    } else if (isMap(current)) {
      if (at === undefined || at === null) throw fault('value is nil; should be of type string')
      if (typeof at !== 'string') throw fault(`value has type ${typeOf(at)}; should be string`)
      const entry: Value = entryOf(current, at)
      current = entry === undefined ? (current as { readonly zero: Value }).zero : entry
    } else throw fault(`can't index item of type ${typeOf(current)}`)
  }
  return current
}

function slice(item: Value, ...indexes: readonly Value[]): Value {
  if (item === undefined || item === null) throw fault('slice of untyped nil')
  if (indexes.length > 3) throw fault(`too many slice indexes: ${indexes.length}`)
  const text = typeof item === 'string'
  if (text && indexes.length === 3) throw fault('cannot 3-index slice a string')
  if (!text && !isList(item)) throw fault(`can't slice item of type ${typeOf(item)}`)
  const length = text ? byteLength(item) : item.items.length
  const at = indexes.map((one) => position(one, length))
  const [from = 0, to = length, end = length] = at
  if (from > to) throw fault(`invalid slice index: ${from} > ${to}`)
  if (to > end) throw fault(`invalid slice index: ${to} > ${end}`)
  return text ? byteSlice(item, from, to) : list(item.type, item.items.slice(from, to), item.methods)
}

function length(item: Value): bigint {
  if (item === undefined) throw fault('reflect: call of reflect.Value.Type on zero Value')
  if (item === null) throw fault('len of nil pointer')
  if (typeof item === 'string') return BigInt(byteLength(item))
  if (isList(item)) return BigInt(item.items.length)
  if (isMap(item)) return BigInt(sizeOf(item))
  throw fault(`len of type ${typeOf(item)}`)
}

function call(scope: Scope, name: string, callee: Value, ...args: readonly Value[]): Value {
  if (callee === undefined || callee === null) throw fault('call of nil')
  if (!isFunction(callee)) throw fault(`non-function ${name} of type ${typeOf(callee)}`)
  const { parameters, variadic } = callee
  const least = variadic ? parameters.length - 1 : parameters.length
  if (variadic ? args.length < least : args.length !== least)
    throw fault(`wrong number of args for ${name}: got ${args.length} want ${variadic ? 'at least ' : ''}${least}`)
  args.forEach((arg, at) => {
    const type = parameters[Math.min(at, parameters.length - 1)]!
    if (type !== 'any' && type !== 'value' && !assignable(typeOf(arg), type))
      throw fault(`arg ${at}: value has type ${typeOf(arg)}; should be ${type}`)
  })
  return callee.call(args, scope)
}

/** Arguments as one text, the way an action prints a value. */
function textOf(scope: Scope, args: readonly Value[]): string {
  const [first] = args
  return args.length === 1 && typeof first === 'string' ? first : sprint(args.map(printed), scope.budget.limits.value)
}

export const builtins: FunctionSet = {
  call: {
    parameters: ['value', 'value'],
    variadic: true,
    call: ([name, callee, ...args], scope) => call(scope, name as string, callee, ...args),
  },
  html: defineScoped(['any...'], (scope, ...args) => htmlEscape(textOf(scope, args))),
  index: define(['value', 'value...'], index),
  js: defineScoped(['any...'], (scope, ...args) => scriptEscape(textOf(scope, args))),
  len: define(['value'], length),
  not: define(['value'], (value) => !truth(value)),
  print: defineScoped(['any...'], (scope, ...args) => sprint(args, scope.budget.limits.value)),
  printf: defineScoped(['string', 'any...'], (scope, form, ...args) => sprintf(form, args, scope.budget.limits.value)),
  println: defineScoped(['any...'], (scope, ...args) => sprintln(args, scope.budget.limits.value)),
  slice: define(['value', 'value...'], slice),
  urlquery: defineScoped(['any...'], (scope, ...args) => queryEscape(textOf(scope, args))),
  eq: define(['value', 'value...'], (first, ...others) => equal(first, others)),
  ne: define(['value', 'value'], (a, b) => !equal(a, [b])),
  lt: define(['value', 'value'], less),
  le: define(['value', 'value'], lessOrEqual),
  gt: define(['value', 'value'], (a, b) => !lessOrEqual(a, b)),
  ge: define(['value', 'value'], (a, b) => !less(a, b)),
}

/** Names that a template may use whatever its function set. */
export const isBuiltin = (name: string): boolean => name === 'and' || name === 'or' || Object.hasOwn(builtins, name)
