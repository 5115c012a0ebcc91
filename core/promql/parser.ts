// Tokens to a typed tree, by precedence climbing. Precedence, from loose to tight: or; and unless; comparisons; + -; * / % atan2; ^ (to the
// right); unary. Unary minus binds looser than ^: -2^2 is -4. Nesting is bounded.

import { tryParseDuration } from '../base/duration.ts'
import type { AtModifier, Matching, Node, Subquery, VectorSelector } from './ast.ts'
import { comparisonOperators, setOperators } from './ast.ts'
import { checkTypes, typeOf } from './check.ts'
import { parseError } from './errors.ts'
import { type Token, tokenize } from './lexer.ts'
import { parseMatchers, selectorOf } from './matchers.ts'
import { aggregations, experimental, signatures } from './signatures.ts'

const maxDepth = 250
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
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': 6,
}

/** Reads and type-checks a query; throws `promql.parse` with line and column. */
export function parseQuery(text: string): Node {
  if (text.length > maxLength) throw parseError('', 0, `query is longer than ${maxLength} characters`)
  const parser = new Parser(text)
  const node = parser.whole()
  checkTypes(node, text)
  return node
}

/** Reads one selector such as `up{job="x"}`, for `match[]`. */
export function parseSelector(text: string): VectorSelector {
  const node = parseQuery(text)
  if (node.kind === 'selector' && node.offsetMs === 0 && node.at === null) return node
  throw parseError(text, 0, 'a plain metric selector is needed here')
}

export class Parser {
  readonly text: string
  private readonly tokens: readonly Token[]
  private at = 0
  private depth = 0

  constructor(text: string) {
    this.text = text
    this.tokens = tokenize(text)
  }

  whole(): Node {
    if (this.peek().kind === 'end') throw parseError(this.text, 0, 'no expression found in input')
    const node = this.expression(0)
    if (this.peek().kind !== 'end') throw this.unexpected('')
    return node
  }

  peek(ahead = 0): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)]!
  }

  next(): Token {
    const token = this.peek()
    if (this.at < this.tokens.length - 1) this.at++
    return token
  }

  is(text: string): boolean {
    const token = this.peek()
    return token.kind === 'op' && token.text === text
  }

  isWord(...words: readonly string[]): boolean {
    const token = this.peek()
    return token.kind === 'name' && words.includes(token.text.toLowerCase())
  }

  take(text: string): boolean {
    if (!this.is(text)) return false
    this.next()
    return true
  }

  expect(text: string, context: string): Token {
    if (!this.is(text)) throw this.unexpected(context, `"${text}"`)
    return this.next()
  }

  unexpected(context: string, expected = ''): Error {
    const token = this.peek()
    const what = token.kind === 'end' ? 'end of input' : `${describe(token)}`
    return parseError(
      this.text,
      token.start,
      `unexpected ${what}${context === '' ? '' : ` in ${context}`}${expected === '' ? '' : `, expected ${expected}`}`,
    )
  }

  expression(minimum: number): Node {
    if (++this.depth > maxDepth)
      throw parseError(this.text, this.peek().start, `expression is nested deeper than ${maxDepth}`)
    let left = this.unary()
    for (;;) {
      const op = this.binaryOperator()
      const level = op === null ? 0 : precedence[op]!
      if (op === null || level <= minimum) break
      this.next()
      const { bool, matching } = this.modifiers(op)
      const right = this.expression(op === '^' ? level - 1 : level)
      const scalars = typeOf(left) === 'scalar' || typeOf(right) === 'scalar'
      left = {
        kind: 'binary',
        span: { start: left.span.start, end: right.span.end },
        op,
        left,
        right,
        bool,
        matching: scalars && matching === null ? null : (matching ?? defaultMatching(op)),
      }
    }
    this.depth--
    return left
  }

  private binaryOperator(): string | null {
    const token = this.peek()
    if (token.kind === 'op') return token.text in precedence ? token.text : null
    if (token.kind !== 'name') return null
    const word = token.text.toLowerCase()
    return word === 'and' || word === 'or' || word === 'unless' || word === 'atan2' ? word : null
  }

  private modifiers(op: string): { bool: boolean; matching: Matching | null } {
    let bool = false
    if (this.isWord('bool')) {
      if (!comparisonOperators.has(op))
        throw parseError(this.text, this.peek().start, 'bool modifier can only be used on comparison operators')
      this.next()
      bool = true
    }
    if (!this.isWord('on', 'ignoring')) return { bool, matching: null }
    const on = this.next().text.toLowerCase() === 'on'
    const labels = this.labelList('grouping opts')
    const matching = { ...defaultMatching(op), on, labels }
    if (!this.isWord('group_left', 'group_right')) return { bool, matching }
    const group = this.next()
    if (setOperators.has(op)) throw parseError(this.text, group.start, `no grouping allowed for "${op}" operation`)
    const include = this.is('(') ? this.labelList('grouping opts') : []
    for (const label of include) {
      if (on && labels.includes(label))
        throw parseError(this.text, group.start, `label "${label}" must not occur in ON and GROUP clause at once`)
    }
    return {
      bool,
      matching: {
        ...matching,
        card: group.text.toLowerCase() === 'group_left' ? 'many-to-one' : 'one-to-many',
        include,
      },
    }
  }

  private labelList(context: string): readonly string[] {
    this.expect('(', context)
    const labels: string[] = []
    while (!this.is(')')) {
      const token = this.next()
      if ((token.kind !== 'name' && token.kind !== 'string') || token.text.includes(':')) {
        this.at--
        throw this.unexpected(context, 'label')
      }
      labels.push(token.text)
      if (!this.take(',')) break
    }
    this.expect(')', context)
    return labels
  }

  private unary(): Node {
    const token = this.peek()
    if (this.is('-') || this.is('+')) {
      this.next()
      const inner = this.expression(5)
      if (inner.kind === 'number') {
        return {
          ...inner,
          span: { start: token.start, end: inner.span.end },
          value: token.text === '-' ? -inner.value : inner.value,
        }
      }
      return { kind: 'unary', span: { start: token.start, end: inner.span.end }, op: token.text as '+' | '-', inner }
    }
    return this.postfix(this.primary())
  }

  private primary(): Node {
    const token = this.peek()
    const span = { start: token.start, end: token.end }
    if (token.kind === 'number' || token.kind === 'duration') {
      this.next()
      return { kind: 'number', span, value: this.numberOf(token) }
    }
    if (token.kind === 'string') {
      this.next()
      return { kind: 'string', span, value: token.text }
    }
    if (this.take('(')) {
      const inner = this.expression(0)
      const close = this.expect(')', 'parenthesised expression')
      return { kind: 'paren', span: { start: token.start, end: close.end }, inner }
    }
    if (this.is('{')) return parseMatchers(this, null)
    if (token.kind !== 'name') throw this.unexpected('')
    const lower = token.text.toLowerCase()
    const after = this.peek(1)
    if (aggregations.has(lower) && ((after.kind === 'op' && after.text === '(') || /^(by|without)$/i.test(after.text)))
      return this.aggregation()
    if (after.kind === 'op' && after.text === '(') return this.call()
    if (lower === 'inf' || lower === 'nan') {
      this.next()
      return { kind: 'number', span, value: lower === 'inf' ? Number.POSITIVE_INFINITY : Number.NaN }
    }
    this.next()
    if (this.is('{')) return parseMatchers(this, token)
    return selectorOf(token.text, [], span)
  }

  private aggregation(): Node {
    const token = this.next()
    const op = token.text.toLowerCase()
    let grouping: readonly string[] = []
    let without = false
    const clause = (): boolean => {
      if (!this.isWord('by', 'without')) return false
      without = this.next().text.toLowerCase() === 'without'
      grouping = this.labelList('grouping opts')
      return true
    }
    const early = clause()
    const { args, end } = this.arguments('aggregation')
    let last = end
    if (!early && clause()) last = this.tokens[this.at - 1]!.end
    const wanted = aggregations.get(op) === 'none' ? 1 : 2
    if (args.length !== wanted) {
      throw parseError(
        this.text,
        token.start,
        `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
      )
    }
    return {
      kind: 'aggregation',
      span: { start: token.start, end: last },
      op,
      inner: args[wanted - 1]!,
      parameter: wanted === 2 ? args[0]! : null,
      grouping,
      without,
    }
  }

  private call(): Node {
    const token = this.next()
    if (!signatures.has(token.text)) {
      throw parseError(
        this.text,
        token.start,
        experimental.has(token.text)
          ? `function "${token.text}" is experimental and not enabled`
          : `unknown function with name "${token.text}"`,
      )
    }
    const { args, end } = this.arguments('function call')
    return { kind: 'call', span: { start: token.start, end }, name: token.text, args }
  }

  private arguments(context: string): { args: readonly Node[]; end: number } {
    this.expect('(', context)
    const args: Node[] = []
    while (!this.is(')')) {
      args.push(this.expression(0))
      if (!this.take(',')) break
      if (this.is(')')) throw parseError(this.text, this.peek().start, `trailing commas not allowed in ${context} args`)
    }
    return { args, end: this.expect(')', context).end }
  }

  private postfix(start: Node): Node {
    let node = start
    for (;;) {
      if (this.is('[')) node = this.bracket(node)
      else if (this.isWord('offset')) node = this.offset(node)
      else if (this.is('@')) node = this.atModifier(node)
      else return node
    }
  }

  private bracket(node: Node): Node {
    const open = this.next()
    const rangeMs = this.durationValue('range')
    if (rangeMs <= 0) throw parseError(this.text, open.end, 'duration must be greater than 0')
    if (this.take(':')) {
      const stepMs = this.is(']') ? 0 : this.durationValue('subquery step')
      const close = this.expect(']', 'subquery selector')
      return {
        kind: 'subquery',
        span: { start: node.span.start, end: close.end },
        inner: node,
        rangeMs,
        stepMs,
        offsetMs: 0,
        at: null,
      }
    }
    const close = this.expect(']', 'range selector')
    if (node.kind !== 'selector') throw parseError(this.text, open.start, 'ranges only allowed for vector selectors')
    if (node.offsetMs !== 0) throw parseError(this.text, open.start, 'no offset modifiers allowed before range')
    if (node.at !== null) throw parseError(this.text, open.start, 'no @ modifiers allowed before range')
    return { kind: 'matrix', span: { start: node.span.start, end: close.end }, selector: node, rangeMs }
  }

  private offset(node: Node): Node {
    const word = this.next()
    const negative = this.take('-')
    if (!negative) this.take('+')
    const offsetMs = this.durationValue('offset') * (negative ? -1 : 1)
    return this.modify(node, word, 'offset', (one) => {
      if (one.offsetMs !== 0) throw parseError(this.text, word.start, 'offset may not be set multiple times')
      return { offsetMs }
    })
  }

  private atModifier(node: Node): Node {
    const sign = this.next()
    let at: AtModifier
    if (this.isWord('start', 'end')) {
      at = this.next().text.toLowerCase() as 'start' | 'end'
      this.expect('(', '@ modifier')
      this.expect(')', '@ modifier')
    } else {
      const negative = this.take('-')
      if (!negative) this.take('+')
      const token = this.next()
      if (token.kind !== 'number' && token.kind !== 'duration') {
        this.at--
        throw this.unexpected('@', 'timestamp')
      }
      const seconds = this.numberOf(token)
      if (!Number.isFinite(seconds) || seconds > 9e15)
        throw parseError(this.text, token.start, `timestamp out of bounds for @ modifier: ${token.text}`)
      at = Math.round(seconds * 1000) * (negative ? -1 : 1)
    }
    return this.modify(node, sign, '@ modifier', (one) => {
      if (one.at !== null) throw parseError(this.text, sign.start, '@ <timestamp> may not be set multiple times')
      return { at }
    })
  }

  private modify(
    node: Node,
    word: Token,
    what: string,
    change: (one: VectorSelector | Subquery) => Partial<Pick<Subquery, 'offsetMs' | 'at'>>,
  ): Node {
    const end = this.tokens[this.at - 1]!.end
    if (node.kind === 'selector' || node.kind === 'subquery') {
      return { ...node, ...change(node), span: { start: node.span.start, end } }
    }
    if (node.kind === 'matrix') {
      return {
        ...node,
        selector: { ...node.selector, ...change(node.selector) },
        span: { start: node.span.start, end },
      }
    }
    throw parseError(
      this.text,
      word.start,
      `${what} must be preceded by an instant vector selector or range vector selector or a subquery`,
    )
  }

  private durationValue(context: string): number {
    const token = this.next()
    if (token.kind === 'duration' || token.kind === 'number') {
      const ms = Math.round(this.numberOf(token) * 1000)
      if (Number.isSafeInteger(ms)) return ms
      throw parseError(this.text, token.start, 'duration out of range')
    }
    this.at--
    throw this.unexpected(context, 'number or duration')
  }

  /** Seconds for a duration. */
  private numberOf(token: Token): number {
    if (token.kind === 'number') return Number(token.text.replaceAll('_', ''))
    const ms = tryParseDuration(token.text)
    if (ms === undefined) throw parseError(this.text, token.start, `not a valid duration string: "${token.text}"`)
    return ms / 1000
  }
}

function defaultMatching(op: string): Matching {
  return { on: false, labels: [], card: setOperators.has(op) ? 'many-to-many' : 'one-to-one', include: [] }
}

export function describe(token: Token): string {
  if (token.kind === 'name') return `identifier "${token.text}"`
  if (token.kind === 'op') return `"${token.text}"`
  return `${token.kind} "${token.text}"`
}
