// eq ne lt le gt ge, with Go's strictness: an int is not compared with a float, nothing but numbers and texts has an order.

import { fault } from './function.ts'
import { sprintf } from './print.ts'
import { byBytes, type GoNamed, intOf, isStruct, kindOf, typeOf, type Value } from './value.ts'

type Basic = 'bool' | 'int' | 'float' | 'string' | undefined

function basic(value: Value): Basic {
  const kind = kindOf(value)
  return kind === 'bool' || kind === 'int' || kind === 'float' || kind === 'string' ? kind : undefined
}

const isNothing = (value: Value): boolean => value === undefined || value === null

export function equal(first: Value, others: readonly Value[]): boolean {
  if (others.length === 0) throw fault('missing argument for comparison')
  return others.some((other) => same(first, other))
}

function same(a: Value, b: Value): boolean {
  const kind = basic(a)
  if (kind !== basic(b)) {
    if (isNothing(a) || isNothing(b)) return false
    throw incompatible(a, b)
  }
  if (kind === 'int') return intOf(a as bigint | GoNamed) === intOf(b as bigint | GoNamed)
  if (kind !== undefined) return a === b
  if (isNothing(a) || isNothing(b)) return isNothing(a) && isNothing(b)
  if (kindOf(a) !== kindOf(b)) {
    throw fault(`non-comparable types ${shown(a)}: ${typeOf(a)}, ${typeOf(b)}: ${shown(b, '%v')}`)
  }
  if (!isStruct(b)) throw fault(`non-comparable type ${shown(b)}: ${typeOf(b)}`)
  return a === b
}

export function less(a: Value, b: Value): boolean {
  const kind = basic(a)
  if (kind === undefined || basic(b) === undefined) throw unordered()
  if (kind !== basic(b)) throw incompatible(a, b)
  if (kind === 'bool') throw unordered()
  if (kind === 'int') return intOf(a as bigint | GoNamed) < intOf(b as bigint | GoNamed)
  if (kind === 'string') return byBytes(a as string, b as string) < 0
  return (a as number) < (b as number)
}

export const lessOrEqual = (a: Value, b: Value): boolean => less(a, b) || equal(a, [b])

const unordered = () => fault('invalid type for comparison')
const incompatible = (a: Value, b: Value) => fault(`incompatible types for comparison: ${typeOf(a)} and ${typeOf(b)}`)
const shown = (value: Value, form = '%s'): string => sprintf(form, [value], 4096)
