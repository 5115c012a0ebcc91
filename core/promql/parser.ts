// Tokens to a typed tree, by precedence climbing. Precedence, from loose to tight: or; and unless; comparisons; + -; * / % atan2; ^ (to the
// right). A sign binds as tight as *, so -2^2 is -4. Nesting, length and the height of the tree are bounded.

import type { Node, VectorSelector } from './ast.ts'
import { checkTypes, typeOf } from './check.ts'
import { secondsOf } from './durations.ts'
import { parseError } from './errors.ts'
import { readMatchers, selectorOf } from './matchers.ts'
import { defaultMatching, readLabelList, readMatching } from './matching.ts'
import { readPostfix } from './postfix.ts'
import { aggregations, experimental, signatures } from './signatures.ts'
import { isKeyword, TokenReader } from './token-reader.ts'

const maxLength = 1 << 20

const precedence: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '</': 3,
  '>/': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': 6,
}

/** Words that cannot be the name of a metric. */
const notNames = /^(?:bool|on|ignoring|group_left|group_right|atan2)$/

export type ParseOptions = {
  /** Functions, aggregations and modifiers that upstream calls experimental. */
  readonly experimental: boolean
}
const stable: ParseOptions = { experimental: false }

/** Reads and type-checks a query; throws `promql.parse` with line and column. */
export function parseQuery(text: string, options: ParseOptions = stable): Node {
  if (text.length > maxLength) throw parseError(text, 0, `query is longer than ${maxLength} characters`)
  const reader = new TokenReader(text)
  if (reader.peek().kind === 'end') throw parseError(text, 0, 'no expression found in input')
  const node = new Parser(reader, options).expression(0)
  if (reader.peek().kind !== 'end') throw reader.unexpected('')
  checkTypes(node, text)
  return node
}

/** Reads one selector such as `up{job="x"}`, for `match[]`. */
export function parseSelector(text: string): VectorSelector {
  const node = parseQuery(text)
  if (node.kind === 'selector' && node.offsetMs === 0 && node.offsetExpr === null && node.at === null) return node
  throw parseError(text, 0, 'a plain metric selector is needed here')
}

class Parser {
  private readonly reader: TokenReader
  private readonly options: ParseOptions

  constructor(reader: TokenReader, options: ParseOptions) {
    this.reader = reader
    this.options = options
  }

  expression(minimum: number): Node {
    return this.reader.nested(() => {
      let left = this.unary()
      for (;;) {
        const op = this.binaryOperator()
        const level = op === null ? 0 : precedence[op]!
        if (op === null || level <= minimum) return left
        left = this.binary(left, op, op === '^' ? level - 1 : level)
      }
    })
  }

  private binaryOperator(): string | null {
    const token = this.reader.peek()
    if (token.kind === 'op') return token.text in precedence ? token.text : null
    if (token.kind !== 'name') return null
    const word = token.text.toLowerCase()
    return word === 'and' || word === 'or' || word === 'unless' || word === 'atan2' ? word : null
  }

  private binary(left: Node, op: string, level: number): Node {
    const { reader } = this
    reader.next()
    const { bool, matching } = readMatching(reader, op, this.options.experimental)
    const right = this.expression(level)
    const scalars = typeOf(left) === 'scalar' || typeOf(right) === 'scalar'
    return reader.made({
      kind: 'binary',
      span: { start: left.span.start, end: right.span.end },
      op,
      left,
      right,
      bool,
      matching: scalars && matching === null ? null : (matching ?? defaultMatching(op)),
    })
  }

  private unary(): Node {
    const { reader } = this
    const sign = reader.peek()
    if (!reader.is('-') && !reader.is('+')) {
      return readPostfix(reader, this.primary(), this.options.experimental)
    }
    reader.next()
    const inner = this.expression(precedence['*']!)
    const span = { start: sign.start, end: inner.span.end }
    if (inner.kind === 'number') {
      return reader.made({ ...inner, span, value: sign.text === '-' ? -inner.value : inner.value })
    }
    return reader.made({ kind: 'unary', span, op: sign.text as '+' | '-', inner })
  }

  private primary(): Node {
    const { reader } = this
    const token = reader.peek()
    const span = { start: token.start, end: token.end }
    if (token.kind === 'number' || token.kind === 'duration') {
      reader.next()
      const value = secondsOf(token, reader.text)
      return reader.made({ kind: 'number', span, value, duration: token.kind === 'duration' })
    }
    if (token.kind === 'string') {
      reader.next()
      return reader.made({ kind: 'string', span, value: token.text })
    }
    if (reader.take('(')) {
      const inner = this.expression(0)
      const close = reader.expect(')', '', '')
      return reader.made({ kind: 'paren', span: { start: token.start, end: close.end }, inner })
    }
    if (reader.is('{')) return reader.made(readMatchers(reader, null))
    if (token.kind !== 'name') throw reader.unexpected('')
    return this.named()
  }

  /** An aggregation, a call, a number written as a word, or a metric: told apart by what follows. */
  private named(): Node {
    const { reader } = this
    const token = reader.peek()
    const lower = token.text.toLowerCase()
    const after = reader.peek(1)
    const called = after.kind === 'op' && after.text === '('
    if (aggregations.has(lower) && (called || (after.kind === 'name' && /^(?:by|without)$/i.test(after.text)))) {
      return this.aggregation()
    }
    const span = { start: token.start, end: token.end }
    if (lower === 'inf' || lower === 'nan') {
      reader.next()
      const value = lower === 'inf' ? Number.POSITIVE_INFINITY : Number.NaN
      return reader.made({ kind: 'number', span, value, duration: false })
    }
    if (notNames.test(lower)) throw reader.unexpected('')
    if (called && !token.text.includes(':') && !isKeyword(lower)) return this.call()
    reader.next()
    if (reader.is('{')) return reader.made(readMatchers(reader, token))
    return reader.made(selectorOf(token.text, [], span))
  }

  private aggregation(): Node {
    const { reader } = this
    const token = reader.next()
    const op = token.text.toLowerCase()
    let grouping: readonly string[] = []
    let without = false
    const clause = (): boolean => {
      if (!reader.isWord('by', 'without')) return false
      without = reader.next().text.toLowerCase() === 'without'
      grouping = readLabelList(reader)
      return true
    }
    const early = clause()
    if (!reader.is('(')) throw reader.unexpected('aggregation')
    const args = reader.inside('aggregation', () => this.arguments())
    if (!early) clause()
    if (args.length === 0) throw parseError(reader.text, token.start, 'no arguments for aggregate expression provided')
    if (experimental.has(op) && !this.options.experimental)
      throw parseError(reader.text, token.start, `${op}() is experimental and not enabled`)
    const wanted = aggregations.get(op) === 'none' ? 1 : 2
    if (args.length !== wanted) {
      throw parseError(
        reader.text,
        token.start,
        `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
      )
    }
    return reader.made({
      kind: 'aggregation',
      span: { start: token.start, end: reader.lastEnd },
      op,
      inner: args[wanted - 1]!,
      parameter: wanted === 2 ? args[0]! : null,
      grouping,
      without,
    })
  }

  private call(): Node {
    const { reader } = this
    const token = reader.next()
    // Only the words of the language may be written in capitals.
    const lower = token.text.toLowerCase()
    const name = /^(?:start|end|step|range|min_of|max_of)$/.test(lower) ? lower : token.text
    // What the arguments lack is told first.
    const args = this.arguments()
    if (!signatures.has(name)) {
      throw parseError(reader.text, token.start, `unknown function with name ${JSON.stringify(token.text)}`)
    }
    if (experimental.has(name) && !this.options.experimental) {
      throw parseError(reader.text, token.start, `function ${JSON.stringify(token.text)} is not enabled`)
    }
    return reader.made({ kind: 'call', span: { start: token.start, end: reader.lastEnd }, name, args })
  }

  private startsExpression(): boolean {
    const { kind, text } = this.reader.peek()
    return kind === 'op' ? '({+-'.includes(text) : kind !== 'end' && !notNames.test(text.toLowerCase())
  }

  private arguments(): readonly Node[] {
    const { reader } = this
    reader.expect('(', '')
    const args: Node[] = []
    if (reader.take(')')) return args
    for (;;) {
      args.push(this.expression(0))
      const comma = reader.peek()
      if (!reader.take(',')) break
      if (!this.startsExpression())
        throw parseError(reader.text, comma.start, 'trailing commas not allowed in function call args')
    }
    reader.expect(')', '', '')
    return args
  }
}
