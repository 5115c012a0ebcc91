// What Prometheus adds to Go's templates for rules. Numbers may come as texts, as upstream; `query` and `now` belong to the evaluation that
// renders.

import { tryParseDuration } from '../../base/duration.ts'
import { humanize, humanize1024, humanizeDuration, humanizePercentage } from '../humanize.ts'
import { goGeneral } from '../number.ts'
import { floatToTime, toFloat } from './convert.ts'
import { define, defineScoped, type FunctionSet, fault } from './function.ts'
import { isAddress, joinHostPort, splitHostPort } from './host-port.ts'
import { trusted } from './html-writer.ts'
import { matches, replaceAll } from './pattern.ts'
import { goQuote } from './quote.ts'
import { duration, instantOf, timeText } from './time-value.ts'
import { title } from './title.ts'
import { lower, queryEscape, upper } from './utf8.ts'
import {
  byBytes,
  type GoList,
  type GoMap,
  type GoStruct,
  list,
  map,
  type Scope,
  stringMap,
  struct,
  type Value,
  wrap,
} from './value.ts'

const sampleType = '*template.sample'
const resultType = 'template.queryResult'
/** What a query costs beside a step of a template, so that a loop of queries ends soon. */
const queryCost = 1000

function query(scope: Scope, expression: string): GoList {
  if (scope.query === undefined) throw fault('queries are not available here')
  scope.budget.spend(queryCost)
  const samples = scope.query(expression)
  scope.budget.spend(samples.length)
  return list(
    resultType,
    samples.map(({ labels, value }) => struct(sampleType, { Labels: stringMap(labels), Value: value })),
  )
}

const labelOf = (sample: GoStruct | null, name: string): string => {
  if (sample === null) throw fault('runtime error: invalid memory address or nil pointer dereference')
  const { entries } = sample.fields.Labels as GoMap
  return Object.hasOwn(entries, name) ? (entries[name] as string) : ''
}

function first(result: GoList | null): Value {
  if (result === null || result.items.length === 0) throw fault('first() called on vector with no elements')
  return wrap(result.items[0])
}

const sorted = (label: string, result: GoList | null): Value =>
  result === null
    ? null
    : list(
        resultType,
        [...result.items].sort((a, b) => byBytes(labelOf(a as GoStruct, label), labelOf(b as GoStruct, label))),
      )

function stripDomain(text: string): string {
  const { host, port } = splitHostPort(text) ?? { host: text, port: '' }
  if (isAddress(host)) return text
  const name = host.split('.')[0]!
  return port === '' ? name : joinHostPort(name, port)
}

export function durationMs(text: string): number {
  if (text === '') throw fault('empty duration string')
  const negative = text.startsWith('-')
  const ms = tryParseDuration(negative ? text.slice(1) : text)
  if (ms === undefined) {
    const unit = [...text.matchAll(/\d+([^\d]+)/g)]
      .map((found) => found[1]!)
      .find((one) => !/^(?:ms|[smhdwy])$/.test(one))
    if (unit !== undefined && /^-?\d/.test(text))
      throw fault(`unknown unit ${goQuote(unit)} in duration ${goQuote(text)}`)
    throw fault(`not a valid duration string: ${goQuote(text)}`)
  }
  return negative ? -ms : ms
}

const numeric = (body: (value: number) => string) => define(['any'], (value: Value) => body(toFloat(value)))

export const prometheusFunctions: FunctionSet = {
  query: defineScoped(['string'], query),
  first: define([resultType], first),
  label: define(['string', sampleType], (name: string, sample: GoStruct | null) => labelOf(sample, name)),
  value: define([sampleType], (sample: GoStruct | null) => {
    if (sample === null) throw fault('runtime error: invalid memory address or nil pointer dereference')
    return wrap(sample.fields.Value)
  }),
  strvalue: define([sampleType], (sample: GoStruct | null) => labelOf(sample, '__value__')),
  sortByLabel: define(['string', resultType], sorted),
  args: define(['any...'], (...args: Value[]) =>
    map('map[string]interface {}', Object.fromEntries(args.map((arg, index) => [`arg${index}`, arg])), null),
  ),
  reReplaceAll: defineScoped(['string', 'string', 'string'], replaceAll),
  match: defineScoped(['string', 'string'], matches),
  safeHtml: define(['string'], (text: string) => text),
  title: define(['string'], (text: string) => title(text, false)),
  toUpper: define(['string'], upper),
  toLower: define(['string'], lower),
  graphLink: define(['string'], (expression: string) => `/graph?g0.expr=${queryEscape(expression)}&g0.tab=0`),
  tableLink: define(['string'], (expression: string) => `/graph?g0.expr=${queryEscape(expression)}&g0.tab=1`),
  stripPort: define(['string'], (text: string) => splitHostPort(text)?.host ?? text),
  stripDomain: define(['string'], stripDomain),
  humanize: numeric(humanize),
  humanize1024: numeric(humanize1024),
  humanizeDuration: numeric(humanizeDuration),
  humanizePercentage: numeric(humanizePercentage),
  humanizeTimestamp: numeric((value) =>
    Number.isFinite(value) ? timeText(instantOf(floatToTime(value))) : goGeneral(value, 4),
  ),
  toTime: define(['any'], (value: Value) => floatToTime(toFloat(value))),
  toDuration: define(['any'], (value: Value) => {
    const nanoseconds = toFloat(value) * 1e9
    // What does not fit becomes the smallest int64 on the machines that Prometheus usually runs on.
    if (!(Math.abs(nanoseconds) < 2 ** 63)) return duration(-(2n ** 63n))
    return duration(BigInt(Math.trunc(nanoseconds)))
  }),
  now: defineScoped([], (scope) => {
    if (scope.nowMs === undefined) throw fault('no time was given to this template')
    return scope.nowMs / 1000
  }),
  parseDuration: define(['string'], (text: string) => durationMs(text) / 1000),
  parseDurationTime: define(['string'], (text: string) => duration(BigInt(durationMs(text)) * 1_000_000n)),
  urlQueryEscape: define(['string'], queryEscape),
  externalURL: defineScoped([], (scope) => scope.externalUrl),
  pathPrefix: defineScoped([], (scope) => /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*([^?#]*)/i.exec(scope.externalUrl)?.[1] ?? ''),
}

/** What pages of HTML have beside; rules are refused with it, as upstream. */
export const prometheusPageFunctions: FunctionSet = {
  ...prometheusFunctions,
  tmpl: defineScoped(['string', 'any'], (scope, name: string, data: Value) =>
    trusted('html', scope.render(name, data)),
  ),
}
