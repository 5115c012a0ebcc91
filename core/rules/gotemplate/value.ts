// What a template computes with. JavaScript's own values stand for Go's: bigint is int, number is float64, null is a nil interface, undefined
// is no value at all; what has a Go type name of its own carries a brand that no data from outside can forge. Only own properties of plain
// objects are ever seen: nothing of a prototype, no getter of a class, no function that was not declared here.

import type { Budget } from './budget.ts'

const brand = Symbol('gotemplate')

export type Value = undefined | null | boolean | bigint | number | string | GoValue
export type GoValue = GoList | GoMap | GoStruct | GoNamed | GoFunction

/** What functions may ask of the render they run in. */
export type Scope = {
  readonly budget: Budget
  /** The moment that is now for this render, milliseconds; absent where the caller has none. */
  readonly nowMs: number | undefined
  readonly externalUrl: string
  readonly query: ((expression: string) => readonly QuerySample[]) | undefined
  readonly routeLabels: Readonly<Record<string, string>>
  /** Renders a named template of the same set. */
  readonly render: (name: string, data: Value) => string
}
export type QuerySample = { readonly labels: Readonly<Record<string, string>>; readonly value: number }

/** `any` is Go's interface{}; `value` a built-in's parameter that takes nothing at all as well. Others are Go type names. */
export type ParameterType = 'any' | 'value' | (string & {})
export type Signature = {
  readonly parameters: readonly ParameterType[]
  /** The last parameter takes any number of values. */
  readonly variadic: boolean
}
export type Method = Signature & { readonly call: (receiver: never, args: readonly Value[], scope: Scope) => Value }
export type Methods = Readonly<Record<string, Method>>

export type GoList = {
  readonly [brand]: 'list'
  readonly type: string
  readonly items: readonly unknown[]
  readonly methods: Methods
}
export type GoMap = {
  readonly [brand]: 'map'
  readonly type: string
  readonly entries: Readonly<Record<string, unknown>>
  /** What a key that is not there reads as. */
  readonly zero: Value
  readonly methods: Methods
}
export type GoStruct = {
  readonly [brand]: 'struct'
  /** With a leading `*` for a pointer. */
  readonly type: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly methods: Methods
  /** Names of fields in JSON where they differ. */
  readonly json: Readonly<Record<string, string>>
}
/** A whole number with a name of its own: a duration, a month, a weekday. */
export type GoNamed = {
  readonly [brand]: 'named'
  readonly type: string
  readonly value: bigint
  readonly methods: Methods
}
export type GoFunction = Signature & {
  readonly [brand]: 'function'
  readonly type: string
  readonly call: (args: readonly Value[], scope: Scope) => Value
}

const none: Methods = Object.freeze({})

export const list = (type: string, items: readonly unknown[], methods: Methods = none): GoList => ({
  [brand]: 'list',
  type,
  items,
  methods,
})

export const map = (
  type: string,
  entries: Readonly<Record<string, unknown>>,
  zero: Value,
  methods: Methods = none,
): GoMap => ({ [brand]: 'map', type, entries, zero, methods })

/** A map[string]string, as labels are. */
export const stringMap = (entries: Readonly<Record<string, string>>): GoMap => map('map[string]string', entries, '')

export const struct = (
  type: string,
  fields: Readonly<Record<string, unknown>>,
  methods: Methods = none,
  json: Readonly<Record<string, string>> = {},
): GoStruct => ({ [brand]: 'struct', type, fields, methods, json })

/** What a pointer points to. */
export const pointedTo = (value: GoStruct): GoStruct =>
  value.type.startsWith('*') ? { ...value, type: value.type.slice(1) } : value

export const named = (type: string, value: bigint, methods: Methods): GoNamed => ({
  [brand]: 'named',
  type,
  value: BigInt.asIntN(64, value),
  methods,
})

export const goFunction = (type: string, signature: Signature, call: GoFunction['call']): GoFunction => ({
  [brand]: 'function',
  type,
  ...signature,
  call,
})

export type Kind = 'invalid' | 'nil' | 'bool' | 'int' | 'float' | 'string' | 'list' | 'map' | 'struct' | 'function'

export function kindOf(value: Value): Kind {
  switch (typeof value) {
    case 'undefined':
      return 'invalid'
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'number':
      return 'float'
    case 'string':
      return 'string'
    default:
      if (value === null) return 'nil'
      return value[brand] === 'named' ? 'int' : value[brand]
  }
}

/** Go's name of the value's type. */
export function typeOf(value: Value): string {
  switch (typeof value) {
    case 'undefined':
      return '<nil>'
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'number':
      return 'float64'
    case 'string':
      return 'string'
    default:
      return value === null ? 'interface {}' : value.type
  }
}

/** Data from outside as a value: arrays are []interface {}, plain objects map[string]interface {}; what is neither is nil. */
export function wrap(plain: unknown): Value {
  switch (typeof plain) {
    case 'boolean':
    case 'number':
    case 'string':
      return plain
    case 'bigint':
      return BigInt.asIntN(64, plain) === plain ? plain : BigInt.asUintN(64, plain)
    case 'object': {
      if (plain === null) return null
      if (brand in plain) return plain as GoValue
      if (Array.isArray(plain)) return list('[]interface {}', plain)
      const prototype: unknown = Object.getPrototypeOf(plain)
      if (prototype !== null && prototype !== Object.prototype) return null
      return map('map[string]interface {}', plain as Readonly<Record<string, unknown>>, null)
    }
    default:
      return null
  }
}

export const isList = (value: Value): value is GoList => kindOf(value) === 'list'
export const isMap = (value: Value): value is GoMap => kindOf(value) === 'map'
export const isStruct = (value: Value): value is GoStruct => kindOf(value) === 'struct'
export const isFunction = (value: Value): value is GoFunction => kindOf(value) === 'function'
export const isNamed = (value: Value): value is GoNamed =>
  typeof value === 'object' && value !== null && value[brand] === 'named'

/** The number behind an int kind. */
export const intOf = (value: bigint | GoNamed): bigint => (typeof value === 'bigint' ? value : value.value)

/** Is it something that is not the zero of its type. */
export function truth(value: Value): boolean {
  switch (typeof value) {
    case 'boolean':
      return value
    case 'bigint':
      return value !== 0n
    case 'number':
      return value !== 0
    case 'string':
      return value !== ''
    case 'undefined':
      return false
    default:
      if (value === null) return false
      if (isNamed(value)) return value.value !== 0n
      if (isList(value)) return value.items.length > 0
      if (isMap(value)) return sizeOf(value) > 0
      return true
  }
}

export function sizeOf(value: GoMap): number {
  let size = 0
  for (const name in value.entries) if (Object.hasOwn(value.entries, name)) size++
  return size
}

/** Keys in the order of their bytes, as Go ranges over and prints maps. */
export const keysOf = (value: GoMap): string[] => Object.keys(value.entries).sort(byBytes)

export const entryOf = (value: GoMap, key: string): Value | undefined =>
  Object.hasOwn(value.entries, key) ? wrap(value.entries[key]) : undefined

export function methodOf(value: Value, name: string): Method | undefined {
  if (typeof value !== 'object' || value === null || isFunction(value)) return undefined
  return Object.hasOwn(value.methods, name) ? value.methods[name] : undefined
}

/** UTF-16 order differs from that of UTF-8 where surrogates meet characters from U+E000 on. */
export function byBytes(a: string, b: string): number {
  for (let index = 0; index < a.length && index < b.length; index++) {
    const [x, y] = [a.charCodeAt(index), b.charCodeAt(index)]
    if (x !== y) return (x >= 0xd800 && x < 0xe000) === (y >= 0xd800 && y < 0xe000) ? x - y : rank(x) - rank(y)
  }
  return a.length - b.length
}

const rank = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit)
