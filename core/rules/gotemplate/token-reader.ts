// The tokens of a template one after another, with as much looking ahead as Go's grammar needs, and the words for what does not fit.

import { lex, type Token, type TokenKind } from './lex.ts'
import type { Failure } from './literal.ts'
import { invalid, type Source } from './position.ts'
import { goQuote } from './quote.ts'

/** Parentheses and control structures inside one another. */
const deepest = 200

export class TokenReader {
  readonly source: Source
  index = 0
  /** Where the action that is being read begins; -1 outside. */
  actionAt = -1
  private readonly tokens: readonly Token[]
  /** The furthest token looked at: that is where a fault is told. */
  private furthest = 0
  private depth = 0

  constructor(source: Source) {
    this.source = source
    this.tokens = lex(source.text)
  }

  peek(): Token {
    if (this.index > this.furthest) this.furthest = Math.min(this.index, this.tokens.length - 1)
    return this.tokens[Math.min(this.index, this.tokens.length - 1)]!
  }

  next(): Token {
    const token = this.peek()
    this.index++
    return token
  }

  peekWord(): Token {
    while (this.peek().kind === 'space') this.index++
    return this.peek()
  }

  nextWord(): Token {
    this.peekWord()
    return this.next()
  }

  expect(kind: TokenKind, context: string): void {
    const token = this.nextWord()
    if (token.kind !== kind) throw this.unexpected(token, context)
  }

  inside<T>(read: () => T): T {
    if (++this.depth > deepest) throw this.fault('max expression depth exceeded')
    const result = read()
    this.depth--
    return result
  }

  must<T>(value: T | Failure): T {
    if (typeof value === 'object' && value !== null && 'fault' in value) throw this.fault(value.fault)
    return value as T
  }

  unexpected(token: Token, context: string): Error {
    if (token.kind !== 'error') return this.fault(`unexpected ${tokenText(token)} in ${context}`)
    const broken = this.actionAt >= 0 && this.source.text.slice(this.actionAt, token.at).includes('\n')
    if (!broken) return this.fault(token.text)
    const line = this.source.text.slice(this.source.prelude, this.actionAt).split('\n').length
    const started = `started at ${this.source.name}:${line}`
    return this.fault(`${token.text}${token.text.endsWith(' action') ? ' ' : ' in action '}${started}`)
  }

  /** Where the reader has come to, unless said otherwise. */
  fault(words: string, at = this.tokens[this.furthest]!.at): Error {
    return invalid(this.source, at, words)
  }
}

export const isKeyword = (token: Token, word: string): boolean => token.kind === 'keyword' && token.text === word

function tokenText({ kind, text }: Token): string {
  if (kind === 'eof') return 'EOF'
  if (kind === 'keyword' || kind === 'dot' || kind === 'nil') return `<${text}>`
  return [...text].length > 10 ? `${goQuote([...text].slice(0, 10).join(''))}...` : goQuote(text)
}
