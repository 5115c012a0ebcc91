// What is different where the output is HTML: functions that vouch for a text say so to the page, and an escaping at the end of an action that the
// page does itself is left out, so that nothing is escaped twice.

import { define, type FunctionSet } from './function.ts'
import { trusted } from './html-writer.ts'
import type { Pipeline } from './node.ts'

const vouching: FunctionSet = {
  safeHtml: define(['string'], (text: string) => trusted('html', text)),
  safeUrl: define(['string'], (text: string) => trusted('url', text)),
}

export const inHtml = (functions: FunctionSet): FunctionSet => ({
  ...functions,
  ...Object.fromEntries(Object.entries(vouching).filter(([name]) => Object.hasOwn(functions, name))),
})

/** `{{ .x | html }}` and `{{ html .x }}` as `{{ .x }}`. */
export function withoutEscaping(pipeline: Pipeline): Pipeline {
  if (lastFunction(pipeline) !== 'html') return pipeline
  const last = pipeline.commands.at(-1)!
  const args = last.words.slice(1)
  const before = pipeline.commands.slice(0, -1)
  if (before.length > 0 && args.length === 0) return { ...pipeline, commands: before }
  if (before.length === 0 && args.length === 1) return { ...pipeline, commands: [{ ...last, words: args }] }
  return pipeline
}

/** What `urlquery` made stands in an address as it is. */
export const escapedForUrl = (pipeline: Pipeline): boolean => lastFunction(pipeline) === 'urlquery'

function lastFunction(pipeline: Pipeline): string | undefined {
  const first = pipeline.commands.at(-1)?.words[0]
  return first?.kind === 'identifier' ? first.name : undefined
}
