// A template's text as tokens: plain text outside of `{{ }}`, words inside. What is wrong becomes the last token, so that a fault of grammar
// before it is told first.

export type TokenKind =
  | 'text'
  | 'left'
  | 'right'
  | 'space'
  | 'identifier'
  | 'keyword'
  | 'bool'
  | 'dot'
  | 'nil'
  | 'field'
  | 'variable'
  | 'number'
  | 'char constant'
  | 'string'
  | 'raw string'
  | 'pipe'
  | 'declare'
  | 'assign'
  | '('
  | ')'
  | 'char'
  | 'eof'
  | 'error'
export type Token = { readonly kind: TokenKind; readonly text: string; readonly at: number }

const keywords = ['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'range', 'template', 'with']
const spaces = /^[ \t\r\n]+/
const letter = /^[_\p{L}\p{Nd}]$/u

export function lex(input: string): readonly Token[] {
  const lexer = new Lexer(input)
  lexer.run()
  return lexer.tokens
}

class Lexer {
  readonly tokens: Token[] = []
  private readonly input: string
  private at = 0
  private depth = 0

  constructor(input: string) {
    this.input = input
  }

  run(): void {
    while (this.at < this.input.length) {
      const open = this.input.indexOf('{{', this.at)
      if (open < 0) {
        this.emit('text', this.at, this.input.length)
        break
      }
      this.text(open)
      if (!this.action(open)) return
    }
    this.emit('eof', this.input.length, this.input.length)
  }

  private text(open: number): void {
    const text = this.input.slice(this.at, open)
    const kept = /^-[ \t\r\n]/.test(this.input.slice(open + 2, open + 4)) ? trimRight(text) : text
    if (kept !== '') this.emit('text', this.at, this.at + kept.length)
  }

  /** From `{{` to behind `}}`; false when that failed. */
  private action(open: number): boolean {
    const marked = /^-[ \t\r\n]/.test(this.input.slice(open + 2, open + 4))
    this.at = open + (marked ? 4 : 2)
    if (this.input.startsWith('/*', this.at)) return this.comment()
    this.emit('left', open, open + 2)
    this.depth = 0
    for (;;) {
      const close = this.closing()
      if (close > 0) {
        if (this.depth > 0) return this.fail('unclosed left paren')
        this.emit('right', this.at + close - 2, this.at + close)
        this.leave(close)
        return true
      }
      if (!this.word()) return false
    }
  }

  private comment(): boolean {
    const end = this.input.indexOf('*/', this.at + 2)
    if (end < 0) return this.fail('unclosed comment')
    this.at = end + 2
    const close = this.closing()
    if (close === 0) return this.fail('comment ends before closing delimiter')
    this.leave(close)
    return true
  }

  /** Length of `}}` or ` -}}` at this place, else 0. */
  private closing(): number {
    if (this.input.startsWith('}}', this.at)) return 2
    return /^[ \t\r\n]-}}/.test(this.input.slice(this.at, this.at + 4)) ? 4 : 0
  }

  private leave(close: number): void {
    this.at += close
    if (close === 4) this.at += spaces.exec(this.input.slice(this.at))?.[0].length ?? 0
  }

  private word(): boolean {
    const { input, at } = this
    const char = this.peek(at)
    switch (char) {
      case '':
        return this.fail('unclosed action')
      case ' ':
      case '\t':
      case '\r':
      case '\n':
        return this.space()
      case '=':
        return this.take('assign', 1)
      case ':':
        return input[at + 1] === '=' ? this.take('declare', 2) : this.fail('expected :=')
      case '|':
        return this.take('pipe', 1)
      case '"':
        return this.quoted('"', 'string', 'unterminated quoted string')
      case "'":
        return this.quoted("'", 'char constant', 'unterminated character constant')
      case '`': {
        const end = input.indexOf('`', at + 1)
        return end < 0 ? this.fail('unterminated raw quoted string') : this.take('raw string', end + 1 - at)
      }
      case '(':
        this.depth++
        return this.take('(', 1)
      case ')':
        return --this.depth < 0 ? this.fail('unexpected right paren') : this.take(')', 1)
      case '$':
        return this.name('variable')
      case '.':
        return /[0-9]/.test(input[at + 1] ?? '') ? this.number() : this.name('field')
    }
    if (/[-+0-9]/.test(char)) return this.number()
    if (letter.test(char)) return this.name('identifier')
    if (/^[!-~]$/.test(char)) return this.take('char', 1)
    return this.fail(`unrecognized character in action: ${shown(char)}`)
  }

  /** A run of spaces; the one before `-}}` belongs to that. */
  private space(): boolean {
    const run = spaces.exec(this.input.slice(this.at))![0].length
    const marked = this.input.startsWith('-}}', this.at + run)
    if (run - (marked ? 1 : 0) > 0) return this.take('space', run - (marked ? 1 : 0))
    return true
  }

  private quoted(quote: string, kind: TokenKind, fault: string): boolean {
    for (let end = this.at + 1; ; end++) {
      const char = this.input[end]
      if (char === quote) return this.take(kind, end + 1 - this.at)
      if (char === '\\') end++
      if (this.input[end] === undefined || this.input[end] === '\n') return this.fail(fault)
    }
  }

  private name(kind: 'variable' | 'field' | 'identifier'): boolean {
    let end = this.at + (kind === 'identifier' ? 0 : 1)
    while (letter.test(this.peek(end))) end += this.peek(end).length
    if (!this.ends(end)) return this.fail(`bad character ${shown(this.peek(end))}`)
    const text = this.input.slice(this.at, end)
    if (kind === 'field' && text === '.') return this.take('dot', 1)
    if (kind !== 'identifier') return this.take(kind, text.length)
    if (keywords.includes(text)) return this.take('keyword', text.length)
    if (text === 'nil') return this.take('nil', text.length)
    return this.take(text === 'true' || text === 'false' ? 'bool' : 'identifier', text.length)
  }

  private number(): boolean {
    const scanned = (from: number): number => {
      const form =
        /^[+-]?(?:0[xX][0-9a-fA-F_]*\.?[0-9a-fA-F_]*(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*\.?[0-7_]*|0[bB][01_]*\.?[01_]*|[0-9_]*\.?[0-9_]*(?:[eE][+-]?[0-9_]*)?)i?/
      return from + form.exec(this.input.slice(from, from + 2000))![0].length
    }
    let end = scanned(this.at)
    if (!letter.test(this.peek(end)) && /[+-]/.test(this.peek(end))) {
      end = scanned(end)
      if (this.input[end - 1] !== 'i') return this.badNumber(end)
    }
    return letter.test(this.peek(end)) ? this.badNumber(end) : this.take('number', end - this.at)
  }

  private badNumber(end: number): boolean {
    const next = letter.test(this.peek(end)) ? this.peek(end).length : 0
    return this.fail(`bad number syntax: ${JSON.stringify(this.input.slice(this.at, end + next))}`)
  }

  /** May a name end here: `$x+2` is no sum. */
  private ends(at: number): boolean {
    return at >= this.input.length || /[ \t\r\n.,|:()]/.test(this.input[at]!) || this.input.startsWith('}}', at)
  }

  private peek(at: number): string {
    const code = this.input.codePointAt(at)
    return code === undefined ? '' : String.fromCodePoint(code)
  }

  private take(kind: TokenKind, length: number): boolean {
    this.emit(kind, this.at, this.at + length)
    this.at += length
    return true
  }

  private emit(kind: TokenKind, from: number, to: number): void {
    this.tokens.push({ kind, text: this.input.slice(from, to), at: from })
  }

  private fail(fault: string): false {
    this.tokens.push({ kind: 'error', text: fault, at: Math.min(this.at, this.input.length) })
    return false
  }
}

const trimRight = (text: string): string => {
  let end = text.length
  while (end > 0 && ' \t\r\n'.includes(text[end - 1]!)) end--
  return text.slice(0, end)
}

/** Go's %#U. */
function shown(char: string): string {
  const code = char.codePointAt(0)
  if (code === undefined) return 'U+FFFFFFFFFFFFFFFF'
  const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char) ? `${name} '${char}'` : name
}
