// The quick way through the pages of one target: a page differs from the one before it in its values, so that a row is compared with the row that
// stood there last time, and only rows that are new are taken apart. What it takes and refuses is what parseText and parseOpenMetrics do.

import { InferwardError } from '../base/errors.ts'
import { openMetricsComment, parseOpenMetricsTail } from './openmetrics.ts'
import { fault, maxTextBytes, maxTextSamples, parseSeries, parseTail } from './text.ts'

export type PageFormat = 'text' | 'openmetrics'
export type PageVisitor = {
  /** A series that was not met before; its number is used from now on, until `forget`. */
  series(id: number, name: string, labels: readonly (readonly [string, string])[]): void
  sample(id: number, value: number, time: number | null): void
}

/** Past this everything is forgotten: a target whose series change all the time need not be remembered. */
const mostBytes = 32 << 20
/** So many rows may have gone at once before those behind them are looked up one by one. */
const lookAhead = 256
const [newline, space, tab, hash, back] = [0x0a, 0x20, 0x09, 0x23, 0x0d] as const

export class PageReader {
  private readonly decoder = new TextDecoder('utf-8', { fatal: true })
  private arena = new Uint8Array(1 << 12)
  private words: DataView = new DataView(this.arena.buffer)
  private used = 0
  private starts: number[] = []
  private lengths: number[] = []
  private known = new Map<string, number>()
  /** Series of the last page in its order, and of this one. */
  private last: number[] = []
  private order: number[] = []
  private bytes: Uint8Array = this.arena
  private view: DataView = this.words
  private at = 0
  private line = 0
  private time: number | null = null

  /** Numbers given so far lie below this. */
  get count(): number {
    return this.starts.length
  }

  /** Numbers begin again at 0. */
  forget(): void {
    this.used = 0
    this.starts = []
    this.lengths = []
    this.known = new Map()
    this.last = []
  }

  /** True when it is time to `forget`, which the caller does where it keeps things by number. */
  get full(): boolean {
    return this.used > mostBytes
  }

  /** Throws `text.malformed` and `text.too_large`; rows before the fault have then been told. */
  read(page: Uint8Array, format: PageFormat, visitor: PageVisitor, maxSamples = maxTextSamples): void {
    if (page.length > maxTextBytes) {
      throw new InferwardError({
        code: 'text.too_large',
        message: `metrics page of ${page.length} bytes, at most ${maxTextBytes}`,
      })
    }
    this.bytes = page
    this.view = new DataView(page.buffer, page.byteOffset, page.byteLength)
    this.at = 0
    this.line = 0
    this.order = []
    let cursor = 0
    let ended = false
    const last = this.last
    try {
      while (this.at < page.length && !ended) {
        this.line++
        const expected = last[cursor]
        if (expected !== undefined && this.stands(expected)) {
          cursor++
          this.row(expected, format, visitor, maxSamples)
          continue
        }
        if (page[this.at] === hash || page[this.at] === newline) {
          ended = this.comment(format)
          continue
        }
        const count = this.count
        const id = this.newRow(format, visitor)
        if (id < 0) continue
        this.row(id, format, visitor, maxSamples)
        // After a row that is new, or one that is gone, the others stand in their old order.
        if (id >= count) continue
        for (let ahead = cursor; ahead < Math.min(last.length, cursor + lookAhead); ahead++)
          if (last[ahead] === id) cursor = ahead + 1
      }
      if (format === 'openmetrics' && !ended) throw fault(this.line + 1, 'the page does not end with # EOF')
    } finally {
      this.last = this.order
      this.bytes = this.arena
      this.view = this.words
    }
  }

  /** Does the row here begin as that series did, with a blank behind it? */
  private stands(id: number): boolean {
    const at = this.at
    const view = this.view
    const words = this.words
    const start = this.starts[id]!
    const length = this.lengths[id]!
    if (at + length >= view.byteLength) return false
    let i = 0
    for (; i + 4 <= length; i += 4) if (words.getInt32(start + i) !== view.getInt32(at + i)) return false
    for (; i < length; i++) if (this.arena[start + i] !== this.bytes[at + i]) return false
    const next = this.bytes[at + length]
    if (next !== space && next !== tab) return false
    this.at = at + length
    return true
  }

  /** What stands behind the series, from `at` on. */
  private row(id: number, format: PageFormat, visitor: PageVisitor, maxSamples: number): void {
    if (this.order.length >= maxSamples) {
      throw new InferwardError({
        code: 'text.too_large',
        message: `metrics page with more than ${maxSamples} samples`,
      })
    }
    this.order.push(id)
    visitor.sample(id, this.tail(format), this.time)
  }

  /** Plain decimal numbers are read as they stand; everything else is left to the careful reader. */
  private tail(format: PageFormat): number {
    const { bytes } = this
    const from = this.at
    let at = from
    while (bytes[at] === space) at++
    const negative = bytes[at] === 0x2d
    if (negative) at++
    let mantissa = 0
    let digits = 0
    let scale = 0
    for (let byte = bytes[at]!; byte >= 0x30 && byte <= 0x39; byte = bytes[++at]!) {
      mantissa = mantissa * 10 + byte - 0x30
      digits++
    }
    if (bytes[at] === 0x2e && digits > 0) {
      at++
      for (let byte = bytes[at]!; byte >= 0x30 && byte <= 0x39; byte = bytes[++at]!) {
        mantissa = mantissa * 10 + byte - 0x30
        digits++
        scale++
      }
    }
    this.time = null
    // Both are exact below these bounds, so that the quotient is the nearest double.
    if (bytes[at] === newline && digits > 0 && digits <= 15) {
      this.at = at + 1
      const value = scale === 0 ? mantissa : mantissa / powers[scale]!
      return negative ? -value : value
    }
    const end = this.end()
    const text = this.text(from, end)
    this.at = end + 1
    const tail = format === 'text' ? parseTail(text, this.line) : parseOpenMetricsTail(text, this.line)
    this.time = tail.time
    return tail.value
  }

  /** The number of the series of this row; -1 where the row is blank. */
  private newRow(format: PageFormat, visitor: PageVisitor): number {
    const begin = this.at
    let from = begin
    const end = this.end()
    if (format === 'text') while (from < end && blank(this.bytes[from]!)) from++
    if (format === 'text' && from === end) {
      this.at = end + 1
      return -1
    }
    if (format === 'text' && this.bytes[from] === hash) {
      this.at = end + 1
      return -1
    }
    const row = this.text(from, end)
    const { name, labels, at } = parseSeries(row, this.line)
    // `parseSeries` reads over blanks behind a bare name.
    const front = row.slice(0, at).trimEnd()
    const length = front.length === at && isAscii(row, at) ? at : new TextEncoder().encode(front).length
    this.at = from + length
    const known = this.known.get(front)
    if (known !== undefined) return known
    const id = this.starts.length
    this.keep(front, from, length)
    visitor.series(id, name, labels)
    return id
  }

  private keep(front: string, from: number, length: number): void {
    if (this.used + length > this.arena.length) {
      const larger = new Uint8Array(Math.max(this.arena.length * 2, this.used + length))
      larger.set(this.arena.subarray(0, this.used))
      this.arena = larger
      this.words = new DataView(larger.buffer)
    }
    this.arena.set(this.bytes.subarray(from, from + length), this.used)
    this.known.set(front, this.starts.length)
    this.starts.push(this.used)
    this.lengths.push(length)
    this.used += length
  }

  /** Types, helps and units are checked where they must be, and not kept. True at the end of the page. */
  private comment(format: PageFormat): boolean {
    const from = this.at
    const end = this.end()
    this.at = end + 1
    if (format === 'text') return false
    const row = this.text(from, end)
    if (row === '# EOF') {
      if (this.at < this.bytes.length) throw fault(this.line + 1, 'there is more after # EOF')
      return true
    }
    openMetricsComment(row, this.line, {})
    return false
  }

  private end(): number {
    const end = this.bytes.indexOf(newline, this.at)
    return end < 0 ? this.bytes.length : end
  }

  private text(from: number, end: number): string {
    try {
      return this.decoder.decode(this.bytes.subarray(from, end))
    } catch (error) {
      throw fault(this.line, 'not UTF-8', error)
    }
  }
}

const powers = Float64Array.from({ length: 16 }, (_, i) => 10 ** i)

const blank = (byte: number): boolean => byte === space || byte === tab || byte === back

function isAscii(text: string, length: number): boolean {
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}
