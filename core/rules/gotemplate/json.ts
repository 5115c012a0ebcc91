// toJson: what Go's encoding/json makes of a value, keys of maps in order, characters that matter to HTML escaped.

import { fault } from './function.ts'
import { formatTime } from './time-layout.ts'
import { instantOf, isTime } from './time-value.ts'
import {
  entryOf,
  isFunction,
  isList,
  isMap,
  isNamed,
  isStruct,
  keysOf,
  type Scope,
  typeOf,
  type Value,
  wrap,
} from './value.ts'

const deepest = 100

export function toJson(scope: Scope, value: Value): string {
  const pieces: string[] = []
  let length = 0
  const write = (text: string): void => {
    pieces.push(text)
    length += text.length
    scope.budget.spend(1)
    if (length > scope.budget.limits.value) scope.budget.size(length)
  }
  const list = <T>(open: string, items: readonly T[], close: string, one: (item: T) => void): void => {
    write(open)
    items.forEach((item, index) => {
      if (index > 0) write(',')
      one(item)
    })
    write(close)
  }
  const encode = (one: Value, depth: number): void => {
    if (depth > deepest) throw fault(`json: values nested more than ${deepest} deep`)
    if (one === undefined || one === null) write('null')
    else if (typeof one === 'string') write(jsonText(one))
    else if (typeof one === 'number') {
      if (!Number.isFinite(one)) throw fault(`json: unsupported value: ${one > 0 ? '+Inf' : one < 0 ? '-Inf' : 'NaN'}`)
      write(Object.is(one, -0) ? '-0' : String(one))
    } else if (typeof one !== 'object') write(String(one))
    else if (isNamed(one)) write(String(one.value))
    else if (isTime(one)) write(jsonText(formatTime(instantOf(one), '2006-01-02T15:04:05.999999999Z07:00')))
    else if (isList(one)) list('[', one.items, ']', (item) => encode(wrap(item), depth + 1))
    else if (isMap(one)) {
      list('{', keysOf(one), '}', (key) => {
        write(`${jsonText(key)}:`)
        encode(entryOf(one, key), depth + 1)
      })
    } else if (isStruct(one)) {
      list('{', Object.keys(one.fields), '}', (name) => {
        write(`${jsonText(Object.hasOwn(one.json, name) ? one.json[name]! : name)}:`)
        encode(wrap(one.fields[name]), depth + 1)
      })
    } else if (isFunction(one)) throw fault(`json: unsupported type: ${typeOf(one)}`)
  }
  encode(value, 0)
  return pieces.join('')
}

const jsonText = (text: string): string =>
  JSON.stringify(text)
    .replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(/\\ud[89a-f][0-9a-f]{2}/g, '\\ufffd')
