// YAML text to a frozen, typed value. Every fault says `file:line:col: path: message`, all of them at once, with a suggestion for a
// mistyped key. Secrets come from files or the environment (`*_file`, `${VAR}`), never from a default.

import { type Document, isMap, isPair, isScalar, LineCounter, type Node, parseDocument, visit } from 'yaml'
import type { z } from 'zod'
import { errorText, exitCodes, InferwardError } from './errors.ts'

export type ConfigFault = {
  readonly line: number
  readonly column: number
  readonly path: string
  readonly message: string
}

/** A file of people is far smaller; a larger one is a mistake, and reading it would take minutes. */
const maxTextLength = 4 << 20
const maxDepth = 64

/** Parses `text` and checks it against `schema`. Throws `config.invalid` (exit code 3) whose message lists every fault, one a line. */
export function parseConfig<T>(options: {
  readonly file: string
  readonly text: string
  readonly schema: z.ZodType<T>
  /** `${NAME}` in scalars is replaced by `environment.NAME`; an unset name is a fault. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}): T {
  const lines = new LineCounter()
  const { document, faults } = readYaml(options.text, lines)
  if (document !== null && faults.length === 0) {
    const used = new Map<string, string>()
    const raw = substitute(plain(document, lines, faults), options.environment ?? {}, used, [], (path, message) =>
      faults.push({ ...position(document.contents, path, lines), path: pathText(path), message }),
    )
    if (faults.length === 0) {
      const result = options.schema.safeParse(raw)
      if (result.success) return deepFreeze(result.data)
      for (const issue of flatten(result.error.issues)) {
        if (issue.code === 'unrecognized_keys') {
          for (const key of issue.keys) {
            const path = [...issue.path, key]
            const known = knownKeys(options.schema, issue.path)
            const near = nearest(key, known)
            const message = `unknown key${near === undefined ? '' : `, did you mean "${near}"?`}`
            faults.push({ ...position(document.contents, path, lines), path: pathText(path), message })
          }
        } else {
          faults.push({
            ...position(document.contents, issue.path, lines),
            path: pathText(issue.path),
            message: unsubstitute(issue.message, used),
          })
        }
      }
    }
  }
  faults.sort((a, b) => a.line - b.line || a.column - b.column)
  throw new InferwardError({
    code: 'config.invalid',
    exitCode: exitCodes.config,
    message: faults
      .map(
        (fault) =>
          `${options.file}:${fault.line}:${fault.column}: ${fault.path === '' ? '' : `${fault.path}: `}${fault.message}`,
      )
      .join('\n'),
    hint: 'Correct the file and try again; the configuration in use was not changed.',
  })
}

/** The document, or the faults of one that is no YAML: one that is too long or nests past the parser's stack included. */
function readYaml(text: string, lines: LineCounter): { document: Document | null; faults: ConfigFault[] } {
  const whole = (message: string) => ({ document: null, faults: [{ line: 1, column: 1, path: '', message }] })
  if (text.length > maxTextLength) return whole(`${text.length} characters, at most ${maxTextLength}`)
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
    const faults = document.errors.map((error) => {
      const at = lines.linePos(error.pos[0])
      return { line: at.line, column: at.col, path: '', message: `not valid YAML: ${error.message}` }
    })
    return { document, faults }
  } catch (error) {
    return whole(`not valid YAML: ${errorText(error)}`)
  }
}

/** Plain values; aliases that multiply without bound are a fault. */
function plain(document: Document, lines: LineCounter, faults: ConfigFault[]): unknown {
  try {
    return document.toJS({ maxAliasCount: 50 }) ?? {}
  } catch (error) {
    let offset = 0
    visit(document, {
      Alias(_key, alias) {
        if (alias.resolve(document) !== undefined) return undefined
        offset = alias.range?.[0] ?? 0
        return visit.BREAK
      },
    })
    const at = lines.linePos(offset)
    faults.push({ line: at.line, column: at.col, path: '', message: `not valid YAML: ${errorText(error)}` })
    return {}
  }
}

/** A message must not show what a variable holds: it may be a secret that was put in the wrong place. */
function unsubstitute(message: string, used: ReadonlyMap<string, string>): string {
  let out = message
  for (const [name, value] of used) if (value !== '') out = out.replaceAll(value, `\${${name}}`)
  return out
}

/** A union reports the faults of every branch; the branch that got furthest is the one the writer meant. */
function flatten(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue]
    const depth = (branch: readonly z.core.$ZodIssue[]) => Math.max(...branch.map((one) => one.path.length))
    const best = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0]!
    return flatten(best.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })))
  })
}

function substitute(
  value: unknown,
  environment: Readonly<Record<string, string | undefined>>,
  used: Map<string, string>,
  path: readonly PropertyKey[],
  fault: (path: readonly PropertyKey[], message: string) => void,
): unknown {
  // An alias of its own parent never ends.
  if (path.length > maxDepth) {
    fault(path.slice(0, 4), `nested more than ${maxDepth} levels deep`)
    return null
  }
  if (typeof value === 'string') {
    return value.replace(/\$\{([A-Z_][A-Z0-9_]*)\}/g, (_, name: string) => {
      const found = environment[name]
      if (found === undefined) fault(path, `environment variable ${name} is not set`)
      else used.set(name, found)
      return found ?? ''
    })
  }
  const inner = (item: unknown, key: PropertyKey): unknown => substitute(item, environment, used, [...path, key], fault)
  if (Array.isArray(value)) return value.map(inner)
  // `fromEntries` defines keys, so that `__proto__` is one like any other.
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(item, key)]))
  return value
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`))
    .join('')
}

/** Position of the key (or item) that `path` names; of its nearest parent that exists, when it is missing. */
function position(
  root: Node | null,
  path: readonly PropertyKey[],
  lines: LineCounter,
): { line: number; column: number } {
  let node: unknown = root
  let offset = root?.range?.[0] ?? 0
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(part),
      )
      if (pair === undefined) break
      offset = (pair.key as Node).range?.[0] ?? offset
      node = pair.value
    } else {
      const items = (node as { items?: readonly unknown[] } | null)?.items
      const item = typeof part === 'number' ? items?.[part] : undefined
      if (item === undefined) break
      offset = (item as Node).range?.[0] ?? offset
      node = item
    }
  }
  const at = lines.linePos(offset)
  return { line: at.line, column: at.col }
}

type Definition = {
  readonly type?: string
  readonly shape?: Record<string, unknown>
  readonly innerType?: unknown
  readonly element?: unknown
  readonly valueType?: unknown
  readonly options?: readonly unknown[]
  readonly in?: unknown
  readonly out?: unknown
}

/** Keys that the schema allows at `path`, looking through wrappers, arrays, records and unions. */
function knownKeys(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  let level: readonly Definition[] = unwrap(schema)
  for (const part of path) {
    level = level.flatMap((definition) => {
      if (definition.shape !== undefined) return unwrap(definition.shape[String(part)])
      return unwrap(definition.element ?? definition.valueType)
    })
  }
  return level.flatMap((definition) => Object.keys(definition.shape ?? {}))
}

function unwrap(schema: unknown): readonly Definition[] {
  const definition = (schema as { def?: Definition } | undefined)?.def
  if (definition === undefined) return []
  if (definition.options !== undefined) return definition.options.flatMap(unwrap)
  if (definition.innerType !== undefined) return unwrap(definition.innerType)
  // A pipe: the shape is before a transform, or behind a preprocess.
  if (definition.in !== undefined) return [...unwrap(definition.in), ...unwrap(definition.out)]
  return [definition]
}

/** The candidate within two edits of `word`, or undefined. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.min(3, Math.ceil(word.length / 2) + 1)
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length]!
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value) && !ArrayBuffer.isView(value)) {
    Object.freeze(value)
    for (const item of Object.values(value)) deepFreeze(item)
  }
  return value
}
