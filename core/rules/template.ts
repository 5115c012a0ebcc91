// Annotations and labels with `{{ … }}`: the thin part of Go's template language that our own rule files use. What is outside it is
// refused when the file is read, by name and with its position, never at the moment an alert fires.

import { InferwardError } from '../base/errors.ts'
import { humanize, humanize1024, humanizeDuration, humanizePercentage, printf } from './humanize.ts'
import type { LabelRecord } from './labels.ts'
import { goFloat } from './number.ts'

export type TemplateData = {
  readonly labels: LabelRecord
  readonly value: number
  readonly externalLabels: LabelRecord
}
export type Template = (data: TemplateData) => string

type Value = string | number
type Step = (data: TemplateData, input: Value | undefined) => Value

const numberFunctions: Readonly<Record<string, (value: number) => string>> = {
  humanize,
  humanize1024,
  humanizePercentage,
  humanizeDuration,
}
const textFunctions: Readonly<Record<string, (value: string) => string>> = {
  toUpper: (text) => text.toUpperCase(),
  toLower: (text) => text.toLowerCase(),
}
const longest = 64 * 1024

/** Compiles once; the result never throws. Throws `template.unsupported` or `template.invalid` with the position in `text`. */
export function compileTemplate(text: string): Template {
  const parts: (string | Template)[] = []
  let at = 0
  for (;;) {
    const open = text.indexOf('{{', at)
    if (open < 0) {
      parts.push(text.slice(at))
      break
    }
    const close = text.indexOf('}}', open)
    if (close < 0) throw invalid(open, 'action is not closed with }}')
    const trimLeft = text.startsWith('{{- ', open)
    const trimRight = text.slice(close - 2, close) === ' -'
    const before = text.slice(at, open)
    parts.push(trimLeft ? before.trimEnd() : before)
    parts.push(compileAction(text.slice(open + (trimLeft ? 4 : 2), close - (trimRight ? 2 : 0)), open))
    at = close + 2
    if (trimRight) at += text.slice(at).length - text.slice(at).trimStart().length
  }
  if (parts.length === 1 && typeof parts[0] === 'string') {
    const constant = parts[0]
    return () => constant
  }
  return (data) => {
    let out = ''
    for (const part of parts) out += typeof part === 'string' ? part : part(data)
    return out.length > longest ? `${out.slice(0, longest)}…` : out
  }
}

function compileAction(body: string, position: number): Template {
  if (/^\s*\/\*.*\*\/\s*$/s.test(body)) return () => ''
  const stages = splitPipe(body).map((stage, index) => compileStage(stage.trim(), position, index > 0))
  return (data) => {
    let value: Value | undefined
    for (const stage of stages) value = stage(data, value)
    return typeof value === 'number' ? goFloat(value) : (value ?? '')
  }
}

function compileStage(stage: string, position: number, piped: boolean): Step {
  const words = stage.match(/"(?:[^"\\]|\\.)*"|`[^`]*`|[^\s]+/g) ?? []
  const [head, ...rest] = words
  if (head === undefined) throw invalid(position, 'empty action')
  const operand = operandOf(head)
  if (operand !== undefined) {
    if (rest.length > 0 || piped) throw invalid(position, `${head} takes no argument`)
    return operand
  }
  const argument = (word: string | undefined, name: string): Step => {
    if (word === undefined) {
      if (!piped) throw invalid(position, `${name} needs a value`)
      return (_data, input) => input ?? ''
    }
    const found = operandOf(word)
    if (found === undefined || piped) throw invalid(position, `${name} does not take ${word} here`)
    return found
  }
  if (head === 'printf') {
    const form = rest[0] === undefined ? undefined : literal(rest[0])
    if (form === undefined || rest.length > 2)
      throw unsupported(position, 'printf with other than one format and one value')
    if (printf(form, 0) === undefined) throw unsupported(position, `printf format ${JSON.stringify(form)}`)
    const value = argument(rest[1], 'printf')
    return (data, input) => {
      const given = value(data, input)
      return printf(form, given) ?? String(given)
    }
  }
  const numeric = Object.hasOwn(numberFunctions, head) ? numberFunctions[head] : undefined
  const textual = Object.hasOwn(textFunctions, head) ? textFunctions[head] : undefined
  if (numeric === undefined && textual === undefined) throw unsupported(position, head)
  if (rest.length > 1) throw invalid(position, `${head} takes one value`)
  const value = argument(rest[0], head)
  return (data, input) => {
    const given = value(data, input)
    if (textual !== undefined) return textual(typeof given === 'number' ? goFloat(given) : given)
    const number = typeof given === 'number' ? given : given.trim() === '' ? Number.NaN : Number(given)
    return Number.isNaN(number) && typeof given === 'string' ? given : numeric!(number)
  }
}

/** A label, the value, a literal; undefined when the word is none of them. */
function operandOf(word: string): Step | undefined {
  if (word === '$value' || word === '.Value') return (data) => data.value
  const label = /^(?:\$labels|\.Labels)\.([a-zA-Z_][a-zA-Z0-9_]*)$/.exec(word)?.[1]
  if (label !== undefined) return (data) => data.labels[label] ?? ''
  const external = /^(?:\$externalLabels|\.ExternalLabels)\.([a-zA-Z_][a-zA-Z0-9_]*)$/.exec(word)?.[1]
  if (external !== undefined) return (data) => data.externalLabels[external] ?? ''
  const text = literal(word)
  if (text !== undefined) return () => text
  if (/^-?\d+(?:\.\d+)?$/.test(word)) return () => Number(word)
  return undefined
}

function literal(word: string): string | undefined {
  if (word.startsWith('`')) return word.slice(1, -1)
  if (!word.startsWith('"')) return undefined
  try {
    return JSON.parse(word) as string
  } catch {
    return undefined
  }
}

function splitPipe(body: string): readonly string[] {
  const stages: string[] = ['']
  let quote = ''
  for (let index = 0; index < body.length; index++) {
    const char = body[index]!
    if (quote === '' && char === '|') {
      stages.push('')
      continue
    }
    if (quote === '' && (char === '"' || char === '`')) quote = char
    else if (quote !== '' && char === quote && !(quote === '"' && body[index - 1] === '\\')) quote = ''
    stages[stages.length - 1] += char
  }
  return stages
}

function unsupported(position: number, what: string): InferwardError {
  return new InferwardError({
    code: 'template.unsupported',
    message: `template at character ${position + 1}: ${what} is not supported yet`,
    hint: 'Use {{ $labels.NAME }}, {{ $value }}, humanize, humanize1024, humanizePercentage, humanizeDuration, toUpper, toLower or printf.',
  })
}

function invalid(position: number, what: string): InferwardError {
  return new InferwardError({ code: 'template.invalid', message: `template at character ${position + 1}: ${what}` })
}
