// One answer of HTTP/1.1, read from bytes in whatever pieces they come. Written for targets that mean harm: every line, the head and the body are
// bounded, a length is digits and nothing else, and what could be understood in two ways is refused. Bytes are copied out: the caller's piece is
// free again when `feed` returns.

import { InferwardError } from '../../core/base/errors.ts'
import type { PageMemory } from './page-memory.ts'

/** All lines of the head and behind a chunked body. */
export const maxHeadBytes = 64 << 10
/** The line before a chunk, with what extensions it has. */
const maxChunkLine = 1024

export type AnswerHead = {
  readonly status: number
  readonly reason: string
  readonly contentType: string
  /** Lower case; '' where it has none. */
  readonly encoding: string
  readonly location: string | null
}

type State =
  | 'status'
  | 'fields'
  /** So many bytes, and the answer is over. */
  | 'length'
  | 'to_the_end'
  | 'chunk_line'
  | 'chunk'
  | 'chunk_end'
  | 'trailer'
  | 'whole'

const fault = (code: string, message: string): InferwardError => new InferwardError({ code: `scrape.${code}`, message })
const malformed = (message: string): InferwardError => fault('malformed', `answer of the target: ${message}`)
const lineFeed = 0x0a

export class AnswerReader {
  private state: State = 'status'
  private status = 0
  private reason = ''
  private minor = 1
  private fields = new Map<string, string>()
  /** Of the line that has not ended yet. */
  private line = ''
  private headBytes = 0
  /** Of the body, or of the chunk, still to come. */
  private missing = 0
  private piece: Uint8Array | null = null
  private size = 0
  private surplus = false
  private readonly memory: PageMemory
  private readonly maxBytes: number

  constructor(memory: PageMemory, maxBytes: number) {
    this.memory = memory
    this.maxBytes = maxBytes
  }

  /** True when the answer is whole; of one that is not 200 the body is left unread. Throws `scrape.malformed` or `scrape.too_large`. */
  feed(bytes: Buffer, length: number): boolean {
    let at = 0
    while (at < length && this.state !== 'whole') {
      if (this.state === 'length' || this.state === 'to_the_end' || this.state === 'chunk')
        at = this.take(bytes, at, length)
      else at = this.readLine(bytes, at, length)
    }
    this.surplus ||= at < length
    return this.state === 'whole'
  }

  /** The connection has ended. Throws `scrape.cut` unless that is how this answer ends. */
  end(): void {
    if (this.state === 'to_the_end') this.state = 'whole'
    if (this.state !== 'whole') throw fault('cut', 'the connection ended within the page')
  }

  get head(): AnswerHead {
    return {
      status: this.status,
      reason: this.reason,
      contentType: this.fields.get('content-type') ?? '',
      encoding: (this.fields.get('content-encoding') ?? '').toLowerCase(),
      location: this.fields.get('location') ?? null,
    }
  }

  /** Valid until `release`. */
  get body(): Uint8Array {
    return this.piece === null ? new Uint8Array(0) : this.piece.subarray(0, this.size)
  }

  /** May the connection carry another request? Only once the answer is whole. */
  get reusable(): boolean {
    if (this.status !== 200 || this.surplus || this.state !== 'whole') return false
    const said = (this.fields.get('connection') ?? '').toLowerCase().split(/\s*,\s*/)
    const framed = this.fields.has('content-length') || this.fields.has('transfer-encoding')
    return framed && (this.minor === 1 ? !said.includes('close') : said.includes('keep-alive'))
  }

  release(): void {
    if (this.piece !== null) this.memory.give(this.piece)
    this.piece = null
    this.size = 0
  }

  private readLine(bytes: Buffer, from: number, length: number): number {
    const found = bytes.indexOf(lineFeed, from)
    const end = found < 0 || found >= length ? length : found
    const chunky = this.state === 'chunk_line' || this.state === 'chunk_end'
    if (chunky) {
      if (this.line.length + end - from > maxChunkLine) throw malformed('a line before a chunk is too long')
    } else {
      this.headBytes += end - from + 1
      if (this.headBytes > maxHeadBytes) throw fault('too_large', `head larger than ${maxHeadBytes} bytes`)
    }
    this.line += bytes.toString('latin1', from, end)
    if (end === length) return length
    const line = this.line.endsWith('\r') ? this.line.slice(0, -1) : this.line
    this.line = ''
    if (/[\0\r]/.test(line)) throw malformed('a control character in its head')
    this.takeLine(line)
    return end + 1
  }

  private takeLine(line: string): void {
    switch (this.state) {
      case 'status':
        return this.takeStatus(line)
      case 'fields':
        return line === '' ? this.endHead() : this.takeField(line)
      case 'chunk_line':
        return this.takeChunkLine(line)
      case 'chunk_end':
        if (line !== '') throw malformed('a chunk is longer than it says')
        this.state = 'chunk_line'
        return
      default:
        // What stands behind the chunks is of no use; an empty line ends it.
        if (line === '') this.state = 'whole'
    }
  }

  private takeStatus(line: string): void {
    const match = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/.exec(line)
    if (match === null) throw malformed('it does not begin as one of HTTP/1.1 does')
    this.minor = Number(match[1])
    this.status = Number(match[2])
    this.reason = (match[3] ?? '').slice(0, 100)
    this.fields.clear()
    this.state = 'fields'
  }

  private takeField(line: string): void {
    const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/.exec(line)
    if (match === null) throw malformed('a line of its head is not a name, a colon and a value')
    const name = match[1]!.toLowerCase()
    const value = match[2]!
    if (!wanted.has(name)) return
    const before = this.fields.get(name)
    if (before === undefined) this.fields.set(name, value)
    else if (name === 'connection') this.fields.set(name, `${before}, ${value}`)
    else if (before !== value || name === 'transfer-encoding') throw malformed(`${name} twice`)
  }

  private endHead(): void {
    if (this.status === 101) throw malformed('it changes the protocol, which nobody asked for')
    if (this.status < 200) {
      this.state = 'status'
      return
    }
    if (this.status !== 200) {
      this.state = 'whole'
      return
    }
    const length = this.fields.get('content-length')
    const coding = this.fields.get('transfer-encoding')
    if (coding !== undefined) {
      if (length !== undefined) throw malformed('both content-length and transfer-encoding')
      if (coding.toLowerCase() !== 'chunked') throw malformed('a transfer-encoding other than chunked')
      this.state = 'chunk_line'
    } else if (length !== undefined) {
      if (!/^\d{1,15}$/.test(length)) throw malformed('content-length is not a number of bytes')
      this.expect(Number(length))
      this.state = this.missing === 0 ? 'whole' : 'length'
    } else {
      this.missing = Number.POSITIVE_INFINITY
      this.state = 'to_the_end'
    }
  }

  private takeChunkLine(line: string): void {
    const match = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(line)
    if (match === null) throw malformed('a chunk does not begin with its length')
    this.expect(Number.parseInt(match[1]!, 16))
    this.state = this.missing === 0 ? 'trailer' : 'chunk'
  }

  /** So many bytes of the body come next. */
  private expect(bytes: number): void {
    if (bytes > this.maxBytes - this.size) throw this.tooLarge()
    this.missing = bytes
    // Memory for what has come, not for what is only promised; pages of ordinary size are not moved once they are begun.
    if (this.piece === null && bytes > 0) this.piece = this.memory.take(Math.min(bytes, 128 << 10))
  }

  private take(bytes: Buffer, from: number, length: number): number {
    const count = Math.min(this.missing, length - from)
    if (count > this.maxBytes - this.size) throw this.tooLarge()
    this.grow(this.size + count)
    this.piece!.set(bytes.subarray(from, from + count), this.size)
    this.size += count
    this.missing -= count
    if (this.missing === 0) this.state = this.state === 'chunk' ? 'chunk_end' : 'whole'
    return from + count
  }

  private grow(bytes: number): void {
    const old = this.piece
    if (old !== null && old.length >= bytes) return
    const larger = this.memory.take(Math.max(bytes, 2 * this.size))
    if (old !== null) {
      larger.set(old.subarray(0, this.size))
      this.memory.give(old)
    }
    this.piece = larger
  }

  private tooLarge(): InferwardError {
    return fault('too_large', `page larger than ${this.maxBytes} bytes`)
  }
}

/** The other fields are looked at, and forgotten. */
const wanted: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'location',
  'transfer-encoding',
])
