// What Alertmanager adds to Go's templates for notifications. `now` and `since` go by the moment that who renders gives.

import { humanizeDuration } from '../humanize.ts'
import { base64Decode, base64Encode } from './base64.ts'
import { toFloat } from './convert.ts'
import { define, defineScoped, type FunctionSet, fault } from './function.ts'
import { toJson } from './json.ts'
import { matches, replaceAll } from './pattern.ts'
import { formatTime } from './time-layout.ts'
import { parseTime } from './time-parse.ts'
import { duration, instantOf, time, timeFromMs, zeroNanoseconds } from './time-value.ts'
import { utc, zoneNamed } from './time-zone.ts'
import { title } from './title.ts'
import { decode, encode, lower, upper } from './utf8.ts'
import { type GoList, type GoStruct, list, map, type Scope, type Value } from './value.ts'

const nowOf = (scope: Scope): GoStruct => {
  if (scope.nowMs === undefined) throw fault('no time was given to this template')
  return timeFromMs(scope.nowMs)
}

function inZone(name: string, moment: GoStruct): Value {
  const zone = zoneNamed(name)
  if (zone === undefined) throw fault(`unknown time zone ${name}`)
  return time({ ...instantOf(moment), zone })
}

/** Go's url.QueryUnescape. */
function queryUnescape(text: string): string {
  const wrong = /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(text)
  if (wrong !== null) throw fault(`invalid URL escape ${JSON.stringify(wrong[0])}`)
  const bytes: number[] = []
  const source = encode(text.replaceAll('+', ' '))
  for (let at = 0; at < source.length; at++) {
    if (source[at] !== 0x25) bytes.push(source[at]!)
    else {
      bytes.push(Number.parseInt(String.fromCharCode(source[at + 1]!, source[at + 2]!), 16))
      at += 2
    }
  }
  return decode(Uint8Array.from(bytes))
}

function dict(...values: readonly Value[]): Value {
  if (values.length % 2 !== 0) throw fault('dict requires an even number of arguments')
  const entries: [string, Value][] = []
  for (let at = 0; at < values.length; at += 2) {
    const key = values[at]
    if (typeof key !== 'string') throw fault('dict keys must be strings')
    entries.push([key, values[at + 1]])
  }
  return map('map[string]interface {}', Object.fromEntries(entries), null)
}

/** From both ends, each once: a pattern that ends in `$` would look at a run of spaces again from each of them. */
function trimSpace(text: string): string {
  const space = /[\s\u0085]/
  let from = 0
  let to = text.length
  while (from < to && space.test(text[from]!)) from++
  while (to > from && space.test(text[to - 1]!)) to--
  return text.slice(from, to)
}

const anything = '[]interface {}'

export const alertmanagerFunctions: FunctionSet = {
  toUpper: define(['string'], upper),
  toLower: define(['string'], lower),
  title: define(['string'], (text: string) => title(text, true)),
  trimSpace: define(['string'], trimSpace),
  join: define(['string', '[]string'], (separator: string, texts: GoList | null) => texts?.items.join(separator) ?? ''),
  match: defineScoped(['string', 'string'], matches),
  safeHtml: define(['string'], (text: string) => text),
  safeUrl: define(['string'], (text: string) => text),
  urlUnescape: define(['string'], queryUnescape),
  reReplaceAll: defineScoped(['string', 'string', 'string'], replaceAll),
  stringSlice: define(['string...'], (...texts: string[]) => list('[]string', texts)),
  routeLabels: defineScoped(['string'], (scope, name: string) =>
    Object.hasOwn(scope.routeLabels, name) ? scope.routeLabels[name]! : '',
  ),
  date: define(['string', 'time.Time'], (layout: string, moment: Value) => formatTime(instantOf(moment), layout)),
  tz: define(['string', 'time.Time'], inZone),
  now: defineScoped([], nowOf),
  since: defineScoped(['time.Time'], (scope, moment: Value) =>
    duration(instantOf(nowOf(scope)).nanoseconds - instantOf(moment).nanoseconds),
  ),
  humanizeDuration: define(['any'], (value: Value) => humanizeDuration(toFloat(value))),
  toDate: define(['string', 'string'], (layout: string, text: string) => {
    const found = parseTime(layout, text)
    return time('fault' in found ? { nanoseconds: zeroNanoseconds, zone: utc } : found)
  }),
  mustToDate: define(['string', 'string'], (layout: string, text: string) => {
    const found = parseTime(layout, text)
    if ('fault' in found) throw fault(found.fault)
    return time(found)
  }),
  toJson: defineScoped(['any'], toJson),
  base64encode: define(['string'], base64Encode),
  base64decode: define(['string'], base64Decode),
  list: define(['any...'], (...items: Value[]) => list(anything, items)),
  append: define([anything, 'any...'], (items: GoList | null, ...more: Value[]) =>
    list(anything, [...(items?.items ?? []), ...more]),
  ),
  dict: define(['any...'], dict),
}
