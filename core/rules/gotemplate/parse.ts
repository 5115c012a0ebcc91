// Go's grammar of templates, its words for what is wrong. A fault lies where the reader had come to. Functions must be known and variables
// declared when the text is read, so that a rule with a slip of the pen is refused with its file and not found out by an alert.

import { lex, type Token, type TokenKind } from './lex.ts'
import { type Failure, parseNumber, unquote, unquoteChar } from './literal.ts'
import {
  type Block,
  type Branch,
  type Command,
  isBlank,
  type Operand,
  type Pipeline,
  type Statement,
  show,
} from './node.ts'
import { invalid, type Source } from './position.ts'
import { goQuote } from './quote.ts'

/** Parentheses and control structures inside one another. */
const deepest = 200
const maxCharacters = 1 << 20

export type Definition = { readonly name: string; readonly body: Block; readonly source: Source }
export type Definitions = ReadonlyMap<string, Definition>

/** Adds the templates that `source` defines to those of `known`; the whole text is the one named after the source. */
export function parse(source: Source, known: Definitions, isFunction: (name: string) => boolean): Definitions {
  if (source.text.length > maxCharacters) throw invalid(source, 0, `longer than ${maxCharacters} characters`)
  const parser = new Parser(source, isFunction)
  const own = parser.parse()
  const all = new Map(known)
  for (const [name, definition] of own) {
    if (!isBlank(definition.body) || !all.has(name)) all.set(name, definition)
  }
  return all
}

type End = { readonly kind: 'end' | 'else'; readonly follows: 'if' | 'with' | null }
type Item = Statement | End

const isEnd = (item: Item): item is End => item.kind === 'end' || item.kind === 'else'

class Parser {
  private readonly source: Source
  private readonly isFunction: (name: string) => boolean
  private readonly tokens: readonly Token[]
  private readonly definitions = new Map<string, Definition>()
  private index = 0
  /** The furthest token looked at: that is where a fault is told. */
  private furthest = 0
  private variables = ['$']
  private ranges = 0
  private depth = 0
  private actionAt = -1

  constructor(source: Source, isFunction: (name: string) => boolean) {
    this.source = source
    this.isFunction = isFunction
    this.tokens = lex(source.text)
  }

  parse(): ReadonlyMap<string, Definition> {
    const body: Statement[] = []
    while (this.peek().kind !== 'eof') {
      if (this.peek().kind === 'left') {
        const start = this.index
        this.next()
        if (this.isKeyword(this.nextWord(), 'define')) {
          this.define()
          continue
        }
        this.index = start
      }
      const item = this.item()
      if (isEnd(item)) throw this.fault(`unexpected {{${item.kind}}}`)
      body.push(item)
    }
    this.add(this.source.name, body)
    return this.definitions
  }

  private define(): void {
    const context = 'define clause'
    const name = this.templateName(this.nextWord(), context)
    this.expect('right', context)
    this.add(
      name,
      this.inside(() => this.definition(context)),
    )
  }

  /** A body with variables of its own up to its `{{end}}`. */
  private definition(context: string): Block {
    const [outer, ranges] = [this.variables, this.ranges]
    this.variables = ['$']
    this.ranges = 0
    const { body, end } = this.items()
    if (end.kind !== 'end') throw this.fault(`unexpected {{${end.kind}}} in ${context}`)
    this.variables = outer
    this.ranges = ranges
    return body
  }

  private add(name: string, body: Block): void {
    const known = this.definitions.get(name)
    if (known !== undefined && !isBlank(known.body)) {
      if (!isBlank(body)) throw this.fault(`template: multiple definition of template ${goQuote(name)}`)
      return
    }
    this.definitions.set(name, { name, body, source: this.source })
  }

  private items(): { readonly body: Block; readonly end: End } {
    const body: Statement[] = []
    while (this.peekWord().kind !== 'eof') {
      const item = this.item()
      if (isEnd(item)) return { body, end: item }
      body.push(item)
    }
    throw this.fault('unexpected EOF')
  }

  private item(): Item {
    const token = this.nextWord()
    if (token.kind === 'text') return { kind: 'text', at: token.at, text: token.text }
    if (token.kind !== 'left') throw this.unexpected(token, 'input')
    this.actionAt = token.at
    const item = this.action()
    this.actionAt = -1
    return item
  }

  private action(): Item {
    const start = this.index
    const token = this.nextWord()
    if (token.kind === 'keyword') {
      switch (token.text) {
        case 'block':
          return this.block()
        case 'break':
        case 'continue':
          return this.jump(token)
        case 'else':
          return this.otherwise()
        case 'end':
          this.expect('right', 'end')
          return { kind: 'end', follows: null }
        case 'if':
        case 'range':
        case 'with':
          return this.inside(() => this.branch(token.text as 'if' | 'range' | 'with'))
        case 'template':
          return this.call()
      }
    }
    this.index = start
    const { at } = this.peekWord()
    return { kind: 'action', at, pipeline: this.pipeline('command', 'right') }
  }

  private jump(token: Token): Item {
    const word = `{{${token.text}}}`
    const after = this.nextWord()
    if (after.kind !== 'right') throw this.unexpected(after, word)
    if (this.ranges === 0) throw this.fault(`${word} outside {{range}}`)
    return { kind: token.text as 'break' | 'continue', at: token.at }
  }

  private otherwise(): End {
    const token = this.peekWord()
    if (this.isKeyword(token, 'if') || this.isKeyword(token, 'with'))
      return { kind: 'else', follows: token.text as 'if' | 'with' }
    this.expect('right', 'else')
    return { kind: 'else', follows: null }
  }

  private branch(kind: 'if' | 'range' | 'with'): Branch {
    const outer = this.variables.length
    const pipeline = this.pipeline(kind, 'right')
    if (kind === 'range') this.ranges++
    const { body, end } = this.items()
    if (kind === 'range') this.ranges--
    let otherwise: Block | null = null
    if (end.kind === 'else') {
      if (end.follows !== null && end.follows === kind) {
        this.nextWord()
        otherwise = [this.inside(() => this.branch(kind))]
      } else {
        const rest = this.items()
        if (rest.end.kind !== 'end') throw this.fault(`expected end; found {{${rest.end.kind}}}`)
        otherwise = rest.body
      }
    }
    this.variables.length = outer
    return { kind, at: pipeline.at, pipeline, body, otherwise }
  }

  private block(): Statement {
    const context = 'block clause'
    const token = this.nextWord()
    const name = this.templateName(token, context)
    const pipeline = this.pipeline(context, 'right')
    this.add(
      name,
      this.inside(() => this.definition(context)),
    )
    return { kind: 'template', at: token.at, name, pipeline }
  }

  private call(): Statement {
    const context = 'template clause'
    const token = this.nextWord()
    const name = this.templateName(token, context)
    const start = this.index
    if (this.nextWord().kind === 'right') return { kind: 'template', at: token.at, name, pipeline: null }
    this.index = start
    return { kind: 'template', at: token.at, name, pipeline: this.pipeline(context, 'right') }
  }

  private templateName(token: Token, context: string): string {
    if (token.kind !== 'string' && token.kind !== 'raw string') throw this.unexpected(token, context)
    return this.must(unquote(token.text))
  }

  private pipeline(context: string, end: 'right' | ')'): Pipeline {
    const { at } = this.peekWord()
    const { variables, assigns } = this.declarations(context)
    const commands: Command[] = []
    for (;;) {
      const token = this.nextWord()
      if (token.kind === end) break
      if (!startsOperand(token.kind)) throw this.unexpected(token, context)
      this.index--
      commands.push(this.command())
    }
    if (commands.length === 0) throw this.fault(`missing value for ${context}`)
    commands.slice(1).forEach((command, index) => {
      if (['bool', 'dot', 'nil', 'number', 'string'].includes(command.words[0]!.kind))
        throw this.fault(`non executable command in pipeline stage ${index + 2}`)
    })
    return { kind: 'pipeline', at, variables, assigns, commands }
  }

  private declarations(context: string): { readonly variables: readonly string[]; readonly assigns: boolean } {
    const variables: string[] = []
    for (;;) {
      const start = this.index
      const token = this.nextWord()
      const next = token.kind === 'variable' ? this.peekWord() : token
      const declares = next.kind === 'assign' || next.kind === 'declare'
      const lists = next.kind === 'char' && next.text === ','
      if (token.kind !== 'variable' || !(declares || lists)) {
        this.index = start
        return { variables, assigns: false }
      }
      this.nextWord()
      variables.push(token.text)
      this.variables.push(token.text)
      if (declares) return { variables, assigns: next.kind === 'assign' }
      if (context !== 'range' || variables.length > 1) throw this.fault(`too many declarations in ${context}`)
      if (!['variable', 'right', ')'].includes(this.peekWord().kind))
        throw this.fault('range can only initialize variables')
    }
  }

  private command(): Command {
    const { at } = this.peekWord()
    const words: Operand[] = []
    for (;;) {
      this.peekWord()
      const operand = this.operand()
      if (operand !== null) words.push(operand)
      const token = this.next()
      if (token.kind === 'space') continue
      if (token.kind === 'right' || token.kind === ')') this.index--
      else if (token.kind !== 'pipe') throw this.unexpected(token, 'operand')
      break
    }
    if (words.length === 0) throw this.fault('empty command')
    return { kind: 'command', at, words }
  }

  private operand(): Operand | null {
    const term = this.term()
    if (term === null || this.peek().kind !== 'field') return term
    const { at } = this.peek()
    const names: string[] = []
    while (this.peek().kind === 'field') names.push(this.next().text.slice(1))
    switch (term.kind) {
      case 'field':
      case 'variable':
        return { ...term, at, names: [...term.names, ...names] }
      case 'bool':
      case 'string':
      case 'number':
      case 'nil':
      case 'dot':
        throw this.fault(`unexpected . after term ${goQuote(show(term))}`)
      default:
        return { kind: 'chain', at, of: term, names }
    }
  }

  private term(): Operand | null {
    const token = this.nextWord()
    const { at, text } = token
    switch (token.kind) {
      case 'identifier':
        if (!this.isFunction(text)) throw this.fault(`function ${goQuote(text)} not defined`)
        return { kind: 'identifier', at, name: text }
      case 'dot':
      case 'nil':
        return { kind: token.kind, at }
      case 'variable':
        if (!this.variables.includes(text)) throw this.fault(`undefined variable ${goQuote(text)}`)
        return { kind: 'variable', at, names: [text] }
      case 'field':
        return { kind: 'field', at, names: [text.slice(1)] }
      case 'bool':
        return { kind: 'bool', at, value: text === 'true' }
      case 'char constant': {
        const code = this.must(unquoteChar(text))
        return { kind: 'number', at, number: { text, int: code, float: Number(code), ideal: 'int' } }
      }
      case 'number':
        return { kind: 'number', at, number: this.must(parseNumber(text)) }
      case '(':
        return this.inside(() => this.pipeline('parenthesized pipeline', ')'))
      case 'string':
      case 'raw string':
        return { kind: 'string', at, text: this.must(unquote(text)), quoted: text }
      default:
        this.index--
        return null
    }
  }

  private inside<T>(read: () => T): T {
    if (++this.depth > deepest) throw this.fault('max expression depth exceeded')
    const result = read()
    this.depth--
    return result
  }

  private must<T>(value: T | Failure): T {
    if (typeof value === 'object' && value !== null && 'fault' in value) throw this.fault(value.fault)
    return value as T
  }

  private isKeyword(token: Token, word: string): boolean {
    return token.kind === 'keyword' && token.text === word
  }

  private expect(kind: TokenKind, context: string): void {
    const token = this.nextWord()
    if (token.kind !== kind) throw this.unexpected(token, context)
  }

  private peek(): Token {
    if (this.index > this.furthest) this.furthest = Math.min(this.index, this.tokens.length - 1)
    return this.tokens[Math.min(this.index, this.tokens.length - 1)]!
  }

  private next(): Token {
    const token = this.peek()
    this.index++
    return token
  }

  private peekWord(): Token {
    while (this.peek().kind === 'space') this.index++
    return this.peek()
  }

  private nextWord(): Token {
    this.peekWord()
    return this.next()
  }

  private unexpected(token: Token, context: string): Error {
    if (token.kind !== 'error') return this.fault(`unexpected ${tokenText(token)} in ${context}`)
    const broken = this.actionAt >= 0 && this.source.text.slice(this.actionAt, token.at).includes('\n')
    if (!broken) return this.fault(token.text)
    const line = this.source.text.slice(this.source.prelude, this.actionAt).split('\n').length
    const started = `started at ${this.source.name}:${line}`
    return this.fault(`${token.text}${token.text.endsWith(' action') ? ' ' : ' in action '}${started}`)
  }

  private fault(words: string): Error {
    return invalid(this.source, this.tokens[this.furthest]!.at, words)
  }
}

const startsOperand = (kind: TokenKind): boolean =>
  [
    'bool',
    'char constant',
    'dot',
    'field',
    'identifier',
    'number',
    'nil',
    'raw string',
    'string',
    'variable',
    '(',
  ].includes(kind)

function tokenText({ kind, text }: Token): string {
  if (kind === 'eof') return 'EOF'
  if (kind === 'keyword' || kind === 'dot' || kind === 'nil') return `<${text}>`
  return [...text].length > 10 ? `${goQuote([...text].slice(0, 10).join(''))}...` : goQuote(text)
}
