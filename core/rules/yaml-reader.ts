// YAML as Prometheus' files use it, read strictly: unknown fields, repeated keys and values of a wrong shape are faults with line and column, all of
// them found in one reading. Anchors, aliases and merge keys work as in Go's reader. Nothing here throws on bad input.

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from 'yaml'
import { tryParseDuration } from '../base/duration.ts'

export type Fault = {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}
export type Place = Pick<Fault, 'line' | 'column'>
export type Field = { readonly at: number; readonly value: Node | null }

export const maxFileBytes = 4 << 20
/** Fields read from one file: aliases may name the same part again and again. */
const maxFields = 200_000
/** Merge keys inside merged mappings. */
const maxMergeDepth = 10

export class YamlReader {
  readonly faults: Fault[] = []
  readonly warnings: Fault[] = []
  protected readonly file: string
  private readonly ignoreUnknown: boolean
  private readonly lines = new LineCounter()
  private source = ''
  private document: Document | null = null
  private fields = 0

  constructor(file: string, ignoreUnknown = false) {
    this.file = file
    this.ignoreUnknown = ignoreUnknown
  }

  /** The first document's root; null where there is none, or where it is no YAML. */
  protected root(text: string, what: string): Node | null {
    this.source = text
    if (text.length > maxFileBytes) {
      this.faults.push({
        file: this.file,
        line: 1,
        column: 1,
        message: `${what} is larger than ${maxFileBytes} bytes`,
      })
      return null
    }
    const documents = parseAllDocuments(text, { lineCounter: this.lines, prettyErrors: false, uniqueKeys: true })
    const [first, second] = Array.isArray(documents) ? documents : []
    if (first === undefined) return null
    for (const error of first.errors) this.fault(error.pos[0], `not valid YAML: ${error.message}`)
    if (second !== undefined) {
      const at = second.contents?.range?.[0] ?? text.length
      this.warnings.push(this.at(at, `only the first YAML document of a ${what} is read`))
    }
    this.document = first
    return this.faults.length > 0 ? null : first.contents
  }

  /** Fields of a mapping by name; unknown ones are faults unless `known` is null. */
  protected map(given: Node | null, what: string, known: readonly string[] | null): Map<string, Field> | null {
    const fields = new Map<string, Field>()
    return this.mapInto(fields, given, what, known, 0) ? fields : null
  }

  private mapInto(
    fields: Map<string, Field>,
    given: Node | null,
    what: string,
    known: readonly string[] | null,
    depth: number,
  ): boolean {
    const node = this.resolved(given)
    if (!isMap(node)) {
      this.fault(start(given), `${what}: must be a mapping`)
      return false
    }
    const merged: Node[] = []
    for (const pair of (node as YAMLMap).items as Pair<Node, Node | null>[]) {
      const key = isPair(pair) ? this.resolved(pair.key) : null
      if (!isScalar(key)) {
        this.fault(start(node), `${what}: keys must be plain names`)
        continue
      }
      if (key.value === '<<' && key.type === 'PLAIN' && pair.value !== null) {
        merged.push(pair.value)
        continue
      }
      const name = textOf(key)
      const at = start(pair.key)
      if (known !== null && !known.includes(name) && !this.ignoreUnknown) {
        this.fault(at, `field ${name} not found in ${what}`)
      }
      if (++this.fields > maxFields) {
        if (this.fields === maxFields + 1) this.fault(at, `more than ${maxFields} fields in one file`)
        return false
      }
      const own = { at: isEmpty(pair.value) ? at : start(pair.value), value: this.resolved(pair.value) }
      if (depth === 0 || !fields.has(name)) fields.set(name, own)
    }
    for (const one of merged) {
      if (depth >= maxMergeDepth) this.fault(start(one), `${what}: merge keys are nested too deeply`)
      else for (const part of this.mergeParts(one)) this.mapInto(fields, part, what, known, depth + 1)
    }
    return true
  }

  private mergeParts(given: Node): readonly Node[] {
    const node = this.resolved(given)
    return isSeq(node) ? (node.items as Node[]) : [given]
  }

  protected list(field: Field | undefined, what: string): readonly Node[] {
    if (field === undefined || isEmpty(field.value)) return []
    const node = this.resolved(field.value)
    if (isSeq(node)) return node.items as Node[]
    this.fault(field.at, `${what}: must be a list`)
    return []
  }

  /** As written where Go reads it into a string; undefined where there is none. */
  protected text(field: Field | undefined, what: string): string | undefined {
    const node = this.single(field, what)
    return node === null || node.value === null ? undefined : textOf(node)
  }

  protected duration(field: Field | undefined, what: string): number | undefined {
    const text = this.text(field, what)
    if (field === undefined || text === undefined) return undefined
    const ms = tryParseDuration(text)
    if (ms === undefined) this.fault(field.at, `${what}: not a valid duration: "${text}" (write 30s, 5m or 1h30m)`)
    return ms
  }

  protected wholeNumber(field: Field | undefined, what: string): number | undefined {
    const node = this.single(field, what)
    if (field === undefined || node === null || node.value === null) return undefined
    if (Number.isSafeInteger(node.value)) return node.value as number
    this.fault(field.at, `${what}: must be a whole number`)
    return undefined
  }

  protected number(field: Field | undefined, what: string): number | undefined {
    const node = this.single(field, what)
    if (field === undefined || node === null || node.value === null) return undefined
    if (typeof node.value === 'number' || typeof node.value === 'bigint') return Number(node.value)
    this.fault(field.at, `${what}: must be a number`)
    return undefined
  }

  protected flag(field: Field | undefined, what: string): boolean {
    const node = this.single(field, what)
    if (field === undefined || node === null || node.value === null) return false
    if (typeof node.value === 'boolean') return node.value
    this.fault(field.at, `${what}: must be true or false`)
    return false
  }

  /** A mapping of names to texts; empty where there is none. */
  protected texts(field: Field | undefined, what: string): Map<string, { readonly at: number; readonly text: string }> {
    const found = new Map<string, { readonly at: number; readonly text: string }>()
    if (field === undefined || isEmpty(field.value)) return found
    for (const [name, entry] of this.map(field.value, what, null) ?? []) {
      found.set(name, { at: entry.at, text: this.text(entry, `${what}.${name}`) ?? '' })
    }
    return found
  }

  private single(field: Field | undefined, what: string): Scalar | null {
    const node = this.resolved(field?.value ?? null)
    if (field === undefined || node === null) return null
    if (isScalar(node)) return node
    this.fault(field.at, `${what}: must be a single value`)
    return null
  }

  protected resolved(node: Node | null): Node | null {
    if (!isAlias(node)) return node
    return ((node as Alias).resolve(this.document!) as Node | undefined) ?? null
  }

  /** Where in the file the character of a text stands that a value of the file holds. Both hold the same signs in the same order, white space
   * left out, so those are counted. */
  protected placeIn(field: Field, text: string, offset: number): Place {
    const node = this.resolved(field.value)
    const range = node?.range
    if (!isScalar(node) || range == null) return this.lineAt(field.at)
    let at = range[0]
    if (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED') at = this.source.indexOf('\n', at) + 1
    const quote = node.type === 'QUOTE_DOUBLE' ? '\\' : node.type === 'QUOTE_SINGLE' ? "'" : ''
    if (quote !== '') at++
    let left = text.slice(0, offset).replace(/\s/g, '').length
    for (; at < range[1]; at++) {
      const sign = this.source[at]!
      if (/\s/.test(sign)) continue
      if (left-- === 0) break
      // An escape is one sign of the text.
      if (sign === quote) at++
    }
    return this.lineAt(Math.min(at, range[1]))
  }

  protected lineAt(offset: number): Place {
    const { line, col } = this.lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }

  protected at(offset: number, message: string): Fault {
    return { file: this.file, ...this.lineAt(offset), message }
  }

  protected fault(offset: number, message: string): void {
    this.faults.push(this.at(offset, message))
  }
}

export const start = (node: Node | null | undefined): number => node?.range?.[0] ?? 0
export const isEmpty = (node: Node | null): boolean => node === null || (isScalar(node) && node.value === null)

export function faultText(fault: Fault): string {
  return `${fault.file}:${fault.line}:${fault.column}: ${fault.message}`
}

/** Go reads `expr: 1` and `for: 5m` into strings as written; the source text is that. */
const textOf = (node: Scalar): string =>
  typeof node.value === 'string' ? node.value : String(node.source ?? node.value ?? '')
