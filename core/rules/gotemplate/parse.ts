// Go's grammar of templates, its words for what is wrong. A fault lies where the reader had come to. Functions must be known and variables
// declared when the text is read, so that a rule with a slip of the pen is refused with its file and not found out by an alert.

import type { Token } from './lex.ts'
import { unquote } from './literal.ts'
import { type Block, type Branch, isBlank, type Statement } from './node.ts'
import { PipelineParser } from './parse-pipeline.ts'
import { invalid, type Source } from './position.ts'
import { goQuote } from './quote.ts'
import { isKeyword, TokenReader } from './token-reader.ts'

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
  private readonly reader: TokenReader
  private readonly pipelines: PipelineParser
  private readonly definitions = new Map<string, Definition>()
  private ranges = 0

  constructor(source: Source, isFunction: (name: string) => boolean) {
    this.reader = new TokenReader(source)
    this.pipelines = new PipelineParser(this.reader, isFunction)
  }

  parse(): ReadonlyMap<string, Definition> {
    const body: Statement[] = []
    while (this.reader.peek().kind !== 'eof') {
      if (this.reader.peek().kind === 'left') {
        const start = this.reader.index
        this.reader.next()
        if (isKeyword(this.reader.nextWord(), 'define')) {
          this.define()
          continue
        }
        this.reader.index = start
      }
      const item = this.item()
      if (isEnd(item)) throw this.reader.fault(`unexpected {{${item.kind}}}`)
      body.push(item)
    }
    this.add(this.reader.source.name, body)
    return this.definitions
  }

  private define(): void {
    const context = 'define clause'
    const name = this.templateName(this.reader.nextWord(), context)
    this.reader.expect('right', context)
    this.add(
      name,
      this.reader.inside(() => this.definition(context)),
    )
  }

  /** A body with variables of its own up to its `{{end}}`. */
  private definition(context: string): Block {
    const [outer, ranges] = [this.pipelines.variables, this.ranges]
    this.pipelines.variables = ['$']
    this.ranges = 0
    const { body, end } = this.items()
    if (end.kind !== 'end') throw this.reader.fault(`unexpected {{${end.kind}}} in ${context}`)
    this.pipelines.variables = outer
    this.ranges = ranges
    return body
  }

  private add(name: string, body: Block): void {
    const known = this.definitions.get(name)
    if (known !== undefined && !isBlank(known.body)) {
      if (!isBlank(body)) throw this.reader.fault(`template: multiple definition of template ${goQuote(name)}`)
      return
    }
    this.definitions.set(name, { name, body, source: this.reader.source })
  }

  private items(): { readonly body: Block; readonly end: End } {
    const body: Statement[] = []
    while (this.reader.peekWord().kind !== 'eof') {
      const item = this.item()
      if (isEnd(item)) return { body, end: item }
      body.push(item)
    }
    throw this.reader.fault('unexpected EOF')
  }

  private item(): Item {
    const token = this.reader.nextWord()
    if (token.kind === 'text') return { kind: 'text', at: token.at, text: token.text }
    if (token.kind !== 'left') throw this.reader.unexpected(token, 'input')
    this.reader.actionAt = token.at
    const item = this.action()
    this.reader.actionAt = -1
    return item
  }

  private action(): Item {
    const start = this.reader.index
    const token = this.reader.nextWord()
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
          this.reader.expect('right', 'end')
          return { kind: 'end', follows: null }
        case 'if':
        case 'range':
        case 'with':
          return this.reader.inside(() => this.branch(token.text as 'if' | 'range' | 'with'))
        case 'template':
          return this.call()
      }
    }
    this.reader.index = start
    const { at } = this.reader.peekWord()
    return { kind: 'action', at, pipeline: this.pipelines.pipeline('command', 'right') }
  }

  private jump(token: Token): Item {
    const word = `{{${token.text}}}`
    const after = this.reader.nextWord()
    if (after.kind !== 'right') throw this.reader.unexpected(after, word)
    if (this.ranges === 0) throw this.reader.fault(`${word} outside {{range}}`)
    return { kind: token.text as 'break' | 'continue', at: token.at }
  }

  private otherwise(): End {
    const token = this.reader.peekWord()
    if (isKeyword(token, 'if') || isKeyword(token, 'with'))
      return { kind: 'else', follows: token.text as 'if' | 'with' }
    this.reader.expect('right', 'else')
    return { kind: 'else', follows: null }
  }

  private branch(kind: 'if' | 'range' | 'with'): Branch {
    const outer = this.pipelines.variables.length
    const pipeline = this.pipelines.pipeline(kind, 'right')
    if (kind === 'range') this.ranges++
    const { body, end } = this.items()
    if (kind === 'range') this.ranges--
    let otherwise: Block | null = null
    if (end.kind === 'else') {
      if (end.follows !== null && end.follows === kind) {
        this.reader.nextWord()
        otherwise = [this.reader.inside(() => this.branch(kind))]
      } else {
        const rest = this.items()
        if (rest.end.kind !== 'end') throw this.reader.fault(`expected end; found {{${rest.end.kind}}}`)
        otherwise = rest.body
      }
    }
    this.pipelines.variables.length = outer
    return { kind, at: pipeline.at, pipeline, body, otherwise }
  }

  private block(): Statement {
    const context = 'block clause'
    const token = this.reader.nextWord()
    const name = this.templateName(token, context)
    const pipeline = this.pipelines.pipeline(context, 'right')
    this.add(
      name,
      this.reader.inside(() => this.definition(context)),
    )
    return { kind: 'template', at: token.at, name, pipeline }
  }

  private call(): Statement {
    const context = 'template clause'
    const token = this.reader.nextWord()
    const name = this.templateName(token, context)
    const start = this.reader.index
    if (this.reader.nextWord().kind === 'right') return { kind: 'template', at: token.at, name, pipeline: null }
    this.reader.index = start
    return { kind: 'template', at: token.at, name, pipeline: this.pipelines.pipeline(context, 'right') }
  }

  private templateName(token: Token, context: string): string {
    if (token.kind !== 'string' && token.kind !== 'raw string') throw this.reader.unexpected(token, context)
    return this.reader.must(unquote(token.text))
  }
}
