// Pipelines, commands and operands: what stands inside an action. Functions must be known and variables declared when the text is read.

import type { TokenKind } from './lex.ts'
import { parseNumber, unquote, unquoteChar } from './literal.ts'
import { type Command, type Operand, type Pipeline, show } from './node.ts'
import { goQuote } from './quote.ts'
import type { TokenReader } from './token-reader.ts'

/** At one place; a name is looked for among all of them. */
const maxVariables = 1000

export class PipelineParser {
  /** Declared at this place. */
  variables = ['$']
  private readonly reader: TokenReader
  private readonly isFunction: (name: string) => boolean

  constructor(reader: TokenReader, isFunction: (name: string) => boolean) {
    this.reader = reader
    this.isFunction = isFunction
  }

  pipeline(context: string, end: 'right' | ')'): Pipeline {
    const { at } = this.reader.peekWord()
    const { variables, assigns } = this.declarations(context)
    const commands: Command[] = []
    for (;;) {
      const token = this.reader.nextWord()
      if (token.kind === end) break
      if (!startsOperand(token.kind)) throw this.reader.unexpected(token, context)
      this.reader.index--
      commands.push(this.command())
    }
    if (commands.length === 0) throw this.reader.fault(`missing value for ${context}`)
    commands.slice(1).forEach((command, index) => {
      if (['bool', 'dot', 'nil', 'number', 'string'].includes(command.words[0]!.kind))
        throw this.reader.fault(`non executable command in pipeline stage ${index + 2}`)
    })
    return { kind: 'pipeline', at, variables, assigns, commands }
  }

  private declarations(context: string): { readonly variables: readonly string[]; readonly assigns: boolean } {
    const variables: string[] = []
    for (;;) {
      const start = this.reader.index
      const token = this.reader.nextWord()
      const next = token.kind === 'variable' ? this.reader.peekWord() : token
      const declares = next.kind === 'assign' || next.kind === 'declare'
      const lists = next.kind === 'char' && next.text === ','
      if (token.kind !== 'variable' || !(declares || lists)) {
        this.reader.index = start
        return { variables, assigns: false }
      }
      this.reader.nextWord()
      if (this.variables.length >= maxVariables) throw this.reader.fault(`more than ${maxVariables} variables`)
      variables.push(token.text)
      this.variables.push(token.text)
      if (declares) return { variables, assigns: next.kind === 'assign' }
      if (context !== 'range' || variables.length > 1) throw this.reader.fault(`too many declarations in ${context}`)
      if (!['variable', 'right', ')'].includes(this.reader.peekWord().kind))
        throw this.reader.fault('range can only initialize variables')
    }
  }

  private command(): Command {
    const { at } = this.reader.peekWord()
    const words: Operand[] = []
    for (;;) {
      this.reader.peekWord()
      const operand = this.operand()
      if (operand !== null) words.push(operand)
      const token = this.reader.next()
      if (token.kind === 'space') continue
      if (token.kind === 'right' || token.kind === ')') this.reader.index--
      else if (token.kind !== 'pipe') throw this.reader.unexpected(token, 'operand')
      break
    }
    if (words.length === 0) throw this.reader.fault('empty command')
    return { kind: 'command', at, words }
  }

  private operand(): Operand | null {
    const term = this.term()
    if (term === null || this.reader.peek().kind !== 'field') return term
    const { at } = this.reader.peek()
    const names: string[] = []
    while (this.reader.peek().kind === 'field') names.push(this.reader.next().text.slice(1))
    switch (term.kind) {
      case 'field':
      case 'variable':
        return { ...term, at, names: [...term.names, ...names] }
      case 'bool':
      case 'string':
      case 'number':
      case 'nil':
      case 'dot':
        throw this.reader.fault(`unexpected . after term ${goQuote(show(term))}`)
      default:
        return { kind: 'chain', at, of: term, names }
    }
  }

  private term(): Operand | null {
    const token = this.reader.nextWord()
    const { at, text } = token
    switch (token.kind) {
      case 'identifier':
        if (!this.isFunction(text)) throw this.reader.fault(`function ${goQuote(text)} not defined`)
        return { kind: 'identifier', at, name: text }
      case 'dot':
      case 'nil':
        return { kind: token.kind, at }
      case 'variable':
        if (!this.variables.includes(text)) throw this.reader.fault(`undefined variable ${goQuote(text)}`, at)
        return { kind: 'variable', at, names: [text] }
      case 'field':
        return { kind: 'field', at, names: [text.slice(1)] }
      case 'bool':
        return { kind: 'bool', at, value: text === 'true' }
      case 'char constant': {
        const code = this.reader.must(unquoteChar(text))
        return { kind: 'number', at, number: { text, int: code, float: Number(code), ideal: 'int' } }
      }
      case 'number':
        return { kind: 'number', at, number: this.reader.must(parseNumber(text)) }
      case '(':
        return this.reader.inside(() => this.pipeline('parenthesized pipeline', ')'))
      case 'string':
      case 'raw string':
        return { kind: 'string', at, text: this.reader.must(unquote(text)), quoted: text }
      default:
        this.reader.index--
        return null
    }
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
