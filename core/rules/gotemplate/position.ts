// Where in a template something lies: line from 1, column in bytes from 0, as Go counts them. What was put before the user's own text is not
// counted.

import { InferwardError } from '../../base/errors.ts'
import { byteLength } from './utf8.ts'

export type Source = {
  readonly name: string
  /** Where the text stands, if that is not its name. */
  readonly file?: string
  readonly text: string
  /** Characters in front that the user did not write; no line break among them. */
  readonly prelude: number
}

export function positionOf(source: Source, at: number): string {
  const before = source.text.slice(source.prelude, Math.max(at, source.prelude))
  const line = before.split('\n').length
  return `${source.file ?? source.name}:${line}:${byteLength(before.slice(before.lastIndexOf('\n') + 1))}`
}

export function invalid(source: Source, at: number, fault: string): InferwardError {
  return new InferwardError({ code: 'template.invalid', message: `template: ${positionOf(source, at)}: ${fault}` })
}
