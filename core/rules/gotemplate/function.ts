// Functions and methods as tables: what each takes, by Go's type names, and what it does. The evaluator checks every argument against the
// signature before the call, so that a body may trust its arguments.

import type { Method, ParameterType, Scope, Signature, Value } from './value.ts'

export type TemplateFunction = Signature & { readonly call: (args: readonly Value[], scope: Scope) => Value }
export type FunctionSet = Readonly<Record<string, TemplateFunction>>

/** What a body says went wrong; the evaluator adds where and in which function. */
export class CallFault extends Error {}

export function fault(words: string): CallFault {
  return new CallFault(words)
}

/** `takes` ends in `...` where the last may come any number of times. */
export function define(
  takes: readonly ParameterType[],
  // biome-ignore lint/suspicious/noExplicitAny: the signature beside it says what the arguments are, and is checked before each call
  body: (...args: any[]) => Value,
): TemplateFunction {
  return { ...signature(takes), call: (args) => body(...args) }
}

/** The same for a body that asks something of the render it runs in. */
export function defineScoped(
  takes: readonly ParameterType[],
  // biome-ignore lint/suspicious/noExplicitAny: as above
  body: (scope: Scope, ...args: any[]) => Value,
): TemplateFunction {
  return { ...signature(takes), call: (args, scope) => body(scope, ...args) }
}

export function method<Receiver>(
  takes: readonly ParameterType[],
  // biome-ignore lint/suspicious/noExplicitAny: as above
  body: (receiver: Receiver, ...args: any[]) => Value,
): Method {
  return {
    ...signature(takes),
    call: ((receiver: Receiver, args: readonly Value[]) => body(receiver, ...args)) as Method['call'],
  }
}

function signature(takes: readonly ParameterType[]): Signature {
  const last = takes.at(-1)
  if (last === undefined || !last.endsWith('...')) return { parameters: takes, variadic: false }
  return { parameters: [...takes.slice(0, -1), last.slice(0, -3)], variadic: true }
}

/** Types that are one underneath, and one of them without a name: Go assigns them to each other. */
const alike: Readonly<Record<string, string>> = {
  'template.KV': 'map[string]string',
  'template.Strings': '[]string',
}

/** May a value of type `given` stand where `wanted` is asked; a pointer is followed once. */
export const assignable = (given: string, wanted: string): boolean =>
  given === wanted ||
  given === `*${wanted}` ||
  (Object.hasOwn(alike, given) && alike[given] === wanted) ||
  (Object.hasOwn(alike, wanted) && alike[wanted] === given)

/** Does the type have a nil. */
export const nillable = (type: ParameterType): boolean =>
  type === 'any' || type === 'value' || /^(?:\*|\[\]|map\[)/.test(type) || type === 'template.queryResult'

/** Go's name of a parameter's type. */
export const typeName = (type: ParameterType): string =>
  type === 'any' ? 'interface {}' : type === 'value' ? 'reflect.Value' : type
