// A place in a list of tokens: look, step, demand. Bounds nesting, both of the text and of the tree it becomes, since everything after the
// parser walks the tree by recursion.

import { children, type Node } from './ast.ts'
import { parseError } from './errors.ts'
import { type Token, tokenize } from './lexer.ts'
import { aggregations } from './signatures.ts'
import { quote } from './strings.ts'

const maxDepth = 200
const maxHeight = 400

const keywords: ReadonlySet<string> = new Set(
  'offset smoothed anchored by without on ignoring group_left group_right fill fill_left fill_right bool'.split(' '),
)
const contextWords: ReadonlySet<string> = new Set(['start', 'end', 'step', 'range', 'max_of', 'min_of'])
const wordOperators: ReadonlySet<string> = new Set(['and', 'or', 'unless', 'atan2'])
const delimiters: ReadonlySet<string> = new Set(['(', ')', '{', '}', '[', ']', ',', '=', ':'])

/** Words of the language that name no function. */
export function isKeyword(word: string): boolean {
  return keywords.has(word) || wordOperators.has(word) || aggregations.has(word)
}

export class TokenReader {
  readonly text: string
  private readonly tokens: readonly Token[]
  private at = 0
  private depth = 0
  /** What a fault is said to be in, where nothing nearer is known. */
  private around = ''
  private readonly heights = new WeakMap<Node, number>()

  constructor(text: string) {
    this.text = text
    this.tokens = tokenize(text)
  }

  peek(ahead = 0): Token {
    const token = this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)]!
    if (token.kind === 'error' && ahead === 0) throw parseError(this.text, 0, token.text, true)
    return token
  }

  next(): Token {
    const token = this.peek()
    if (this.at < this.tokens.length - 1) this.at++
    return token
  }

  /** Where the last token taken ends. */
  get lastEnd(): number {
    return this.at === 0 ? 0 : this.tokens[this.at - 1]!.end
  }

  get position(): number {
    return this.at
  }

  /** Goes back to an earlier `position`. */
  rewind(position: number): void {
    this.at = position
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

  expect(text: string, context: string, expected = `"${text}"`): Token {
    if (!this.is(text)) throw this.unexpected(context, expected)
    return this.next()
  }

  unexpected(context: string, expected = ''): Error {
    const token = this.peek()
    const place = context === '' ? this.around : context
    const where = place === '' ? '' : ` in ${place}`
    const shown = describe(token, this.text, place === 'label matching', this.peek(1))
    return parseError(
      this.text,
      token.start,
      `unexpected ${shown}${where}${expected === '' ? '' : `, expected ${expected}`}`,
    )
  }

  /** Runs `read` one level deeper. */
  nested<T>(read: () => T): T {
    if (++this.depth > maxDepth) {
      throw parseError(this.text, this.peek().start, `expression is nested deeper than ${maxDepth} levels`)
    }
    const value = read()
    this.depth--
    return value
  }

  /** Runs `read` with `context` as what a fault in it is in. */
  inside<T>(context: string, read: () => T): T {
    const before = this.around
    this.around = context
    const value = read()
    this.around = before
    return value
  }

  /** Every node goes through here, children first. */
  made<T extends Node>(node: T): T {
    let height = 0
    for (const child of children(node)) height = Math.max(height, this.heights.get(child) ?? 0)
    if (height >= maxHeight)
      throw parseError(this.text, node.span.start, `expression has more than ${maxHeight} levels of operators`)
    this.heights.set(node, height + 1)
    return node
  }
}

/** Inside braces every word is a plain name, and so is `fill` where no value follows. */
function describe(token: Token, text: string, inBraces: boolean, after: Token): string {
  if (token.kind === 'end') return 'end of input'
  const source = text.slice(token.start, token.end)
  if (token.kind === 'op') return delimiters.has(token.text) ? `"${source}"` : `<op:${source}>`
  if (token.kind !== 'name') {
    return `${token.kind} ${source.length > 10 ? `${quote(source.slice(0, 10))}...` : quote(source)}`
  }
  const lower = token.text.toLowerCase()
  const plain = inBraces || (/^fill(?:_left|_right)?$/.test(lower) && after.text !== '(')
  if (!plain && keywords.has(lower)) return `<${source}>`
  if (!plain && contextWords.has(lower)) return `"${source}"`
  if (!plain && wordOperators.has(lower)) return `<op:${source}>`
  if (!plain && aggregations.has(lower)) return `<aggr:${source}>`
  if (lower === 'inf' || lower === 'nan') return `number ${quote(source)}`
  return `${source.includes(':') ? 'metric identifier' : 'identifier'} ${quote(source)}`
}
