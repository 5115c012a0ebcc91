// Go's text/template: read once, rendered many times. Reading refuses what is wrong with its position; rendering gives a text or throws, in
// bounded time and memory whatever the template says and whatever it is given.

import { defaultLimits, type Limits } from './budget.ts'
import { isBuiltin } from './builtins.ts'
import { missingTemplates } from './calls.ts'
import type { FunctionSet } from './function.ts'
import { inHtml } from './html-functions.ts'
import { type Definitions, parse } from './parse.ts'
import type { Source } from './position.ts'
import { run } from './run.ts'
import type { MissingKey } from './state.ts'
import { type QuerySample, wrap } from './value.ts'

export type TemplateOptions = {
  readonly functions: FunctionSet
  /** Stands in errors. Default empty. */
  readonly name?: string
  /** Template text before the user's own, in one line; errors do not count it. */
  readonly prelude?: string
  /** Refuses calls of templates that nobody defines, which otherwise fail when they are rendered. */
  readonly closed?: boolean
  /** Templates that may be called by name, as from `templates:` files. */
  readonly library?: Library
  /** What a map gives for a key it does not have; Prometheus and Alertmanager say `zero`, the default. */
  readonly missingKey?: MissingKey
  /** The output is a page of HTML, as for mail: values are escaped for the place where they stand. */
  readonly html?: boolean
  readonly limits?: Partial<Limits>
}
export type Environment = {
  /** The moment that is now, milliseconds. */
  readonly nowMs?: number
  /** PromQL at that moment; throws when it cannot. */
  readonly query?: (expression: string) => readonly QuerySample[]
  readonly externalUrl?: string
  /** Rendered already. */
  readonly routeLabels?: Readonly<Record<string, string>>
}
export type Template = {
  /** Throws an InferwardError: `template.failed`, or `template.too_much` past a limit. `partial` is told what was written until then. */
  execute(data?: unknown, environment?: Environment, partial?: (text: string) => void): string
}
/** A set of named templates. */
export type Library = { readonly definitions: Definitions }

export const emptyLibrary: Library = { definitions: new Map() }

/** Throws `template.invalid` with the position in `text`. */
export function parseTemplate(text: string, options: TemplateOptions): Template {
  const { name = '', missingKey = 'zero', prelude = '', library = emptyLibrary, html = false } = options
  const functions = html ? inHtml(options.functions) : options.functions
  const limits = { ...defaultLimits, ...options.limits }
  const source = sourceOf(name, text, prelude)
  const definitions = parse(source, withoutMain(library.definitions, name), known(functions))
  if (options.closed === true) for (const fault of missingTemplates(definitions, source)) throw fault
  return {
    execute: (data, environment = {}, partial) =>
      run(
        name,
        // Go: no data at all is no value, not a nil.
        data === undefined || data === null ? undefined : wrap(data),
        {
          definitions,
          functions,
          missingKey,
          html,
          limits,
          scope: {
            nowMs: environment.nowMs,
            query: environment.query,
            externalUrl: environment.externalUrl ?? '',
            routeLabels: environment.routeLabels ?? {},
          },
        },
        partial,
      ),
  }
}

/**
 * A library with the templates that a file of `{{ define }}`s adds; the whole file is one called `name`. Later ones win. `file` stands in errors.
 * Throws `template.invalid`.
 */
export function extendLibrary(
  library: Library,
  { name, file, text }: { readonly name: string; readonly file?: string; readonly text: string },
  functions: FunctionSet,
): Library {
  const source = { ...sourceOf(name, text, ''), ...(file === undefined ? {} : { file }) }
  return { definitions: parse(source, library.definitions, known(functions)) }
}

const sourceOf = (name: string, text: string, prelude: string): Source => ({
  name,
  text: prelude + text,
  prelude: prelude.length,
})

const known =
  (functions: FunctionSet) =>
  (name: string): boolean =>
    isBuiltin(name) || Object.hasOwn(functions, name)

/** The text itself wins over a library's template of the same name, even when it is blank. */
function withoutMain(definitions: Definitions, name: string): Definitions {
  if (!definitions.has(name)) return definitions
  const others = new Map(definitions)
  others.delete(name)
  return others
}
