// Answers of targets as bytes: each is read whole, and cut at every byte, with the same outcome; what a hostile target could send is refused within
// bounded memory.

import { describe, expect, it } from 'vitest'
import { AnswerReader, maxHeadBytes } from '../../../server/remote/http-answer.ts'
import { openPageMemory } from '../../../server/remote/page-memory.ts'

type Outcome =
  | { readonly body: string; readonly status: number; readonly reusable: boolean }
  | { readonly code: string; readonly words: string }
  | 'waiting'

const maxBytes = 100
const bytesOf = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')

/** `end`: the connection ends behind the last piece. */
function outcome(pieces: readonly Buffer[], end = false): Outcome {
  const reader = new AnswerReader(openPageMemory(), maxBytes)
  try {
    let whole = false
    for (const piece of pieces) whole = reader.feed(piece, piece.length) || whole
    if (end) reader.end()
    else if (!whole) return 'waiting'
    const { status } = reader.head
    return { body: Buffer.from(reader.body).toString('latin1'), status, reusable: reader.reusable }
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    return { code, words: message }
  }
}

const ok = (body: string, reusable = true): Outcome => ({ body, status: 200, reusable })
const bad = (words: string, code = 'scrape.malformed') => ({ code, words: expect.stringContaining(words) })

const table: [what: string, text: string, outcome: unknown, end?: boolean][] = [
  ['a body of a length', 'HTTP/1.1 200 OK\nContent-Length: 4\nContent-Type: text/plain\n\na 1\x20', ok('a 1 ')],
  ['an empty body', 'HTTP/1.1 200 OK\ncontent-length: 0\n\n', ok('')],
  ['no reason', 'HTTP/1.1 200\ncontent-length: 1\n\nx', ok('x')],
  ['the same length twice', 'HTTP/1.1 200 OK\ncontent-length: 1\ncontent-length: 1\n\nx', ok('x')],
  ['blanks around a value', 'HTTP/1.1 200 OK\ncontent-length: \t 1 \t\n\nx', ok('x')],
  ['a connection that closes', 'HTTP/1.1 200 OK\nconnection: Close\ncontent-length: 1\n\nx', ok('x', false)],
  ['an old server', 'HTTP/1.0 200 OK\ncontent-length: 1\n\nx', ok('x', false)],
  ['an old server that keeps', 'HTTP/1.0 200 OK\nconnection: keep-alive\ncontent-length: 1\n\nx', ok('x')],
  ['chunks', 'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n3\nabc\n0a\n0123456789\n0\n\n', ok('abc0123456789')],
  ['a chunk with an extension', 'HTTP/1.1 200 OK\nTransfer-Encoding: Chunked\n\n1 ;a=b\nx\n0;c\n\n', ok('x')],
  ['trailers', 'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n1\nx\n0\na: b\nc: d\n\n', ok('x')],
  ['a hint before the answer', 'HTTP/1.1 103 Hints\nlink: a\n\nHTTP/1.1 200 OK\ncontent-length: 1\n\nx', ok('x')],
  ['more than was asked for', 'HTTP/1.1 200 OK\ncontent-length: 1\n\nxHTTP/1.1 200 OK\n', ok('x', false)],
  ['a body to the end', 'HTTP/1.1 200 OK\n\nabc', ok('abc', false), true],
  ['a body to the end that goes on', 'HTTP/1.1 200 OK\n\nabc', 'waiting'],
  [
    'a status without a page',
    'HTTP/1.1 404 Not Found\ncontent-length: 4\n\n',
    { body: '', status: 404, reusable: false },
  ],
  [
    'a length that is exactly the most',
    `HTTP/1.1 200 OK\ncontent-length: 100\n\n${'x'.repeat(100)}`,
    ok('x'.repeat(100)),
  ],

  ['an end within the head', 'HTTP/1.1 200 OK\ncontent-le', bad('ended within', 'scrape.cut'), true],
  ['an end within the body', 'HTTP/1.1 200 OK\ncontent-length: 4\n\nabc', bad('ended within', 'scrape.cut'), true],
  ['an end within a chunk', 'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n4\nabc', bad('ended', 'scrape.cut'), true],
  [
    'an end before the last chunk',
    'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n1\nx\n',
    bad('ended', 'scrape.cut'),
    true,
  ],
  ['another protocol', 'SSH-2.0-OpenSSH_9\n', bad('does not begin as one of HTTP/1.1')],
  ['HTTP/2', 'HTTP/2 200\n', bad('does not begin')],
  ['a status of four digits', 'HTTP/1.1 2000 OK\n', bad('does not begin')],
  ['an upgrade', 'HTTP/1.1 101 Switching\n\n', bad('changes the protocol')],
  ['a folded line', 'HTTP/1.1 200 OK\na: b\n c\n', bad('not a name, a colon and a value')],
  ['a blank before the colon', 'HTTP/1.1 200 OK\ncontent-length : 1\n', bad('not a name, a colon')],
  ['no colon', 'HTTP/1.1 200 OK\nhello\n', bad('not a name, a colon')],
  ['a zero byte', 'HTTP/1.1 200 OK\na: \0\n', bad('control character')],
  ['a carriage return within a value', 'HTTP/1.1 200 OK\na: b\rc: d\n', bad('control character')],
  ['two lengths', 'HTTP/1.1 200 OK\ncontent-length: 1\ncontent-length: 2\n', bad('content-length twice')],
  [
    'a length and chunks',
    'HTTP/1.1 200 OK\ncontent-length: 1\ntransfer-encoding: chunked\n\n',
    bad('both content-length'),
  ],
  ['a negative length', 'HTTP/1.1 200 OK\ncontent-length: -1\n\n', bad('content-length is not')],
  ['a length with a sign', 'HTTP/1.1 200 OK\ncontent-length: +1\n\n', bad('content-length is not')],
  ['a list of lengths', 'HTTP/1.1 200 OK\ncontent-length: 1, 1\n\n', bad('content-length is not')],
  ['a length past all numbers', `HTTP/1.1 200 OK\ncontent-length: ${'9'.repeat(40)}\n\n`, bad('content-length is not')],
  ['a length past the most', 'HTTP/1.1 200 OK\ncontent-length: 101\n\n', bad('larger than 100', 'scrape.too_large')],
  ['packed chunks', 'HTTP/1.1 200 OK\ntransfer-encoding: gzip, chunked\n\n', bad('other than chunked')],
  [
    'chunked twice',
    'HTTP/1.1 200 OK\ntransfer-encoding: chunked\ntransfer-encoding: chunked\n',
    bad('transfer-encoding twice'),
  ],
  ['a negative chunk', 'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n-1\n', bad('does not begin with its length')],
  [
    'a chunk in other digits',
    'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n0x1\n',
    bad('does not begin with its length'),
  ],
  [
    'a chunk without a length',
    'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n;a\n',
    bad('does not begin with its length'),
  ],
  [
    'a chunk past all numbers',
    'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\nfffffffffffff\n',
    bad('does not begin with its'),
  ],
  [
    'a chunk past the most',
    'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n65\n',
    bad('larger than 100', 'scrape.too_large'),
  ],
  [
    'chunks past the most',
    `HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n${'32\n'}${'x'.repeat(50)}\n33\n`,
    bad('larger than 100', 'scrape.too_large'),
  ],
  ['a chunk longer than it says', 'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n1\nxy\n', bad('longer than it says')],
  [
    'a long line before a chunk',
    `HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n1;${'a'.repeat(2000)}`,
    bad('too long'),
  ],
  ['an endless body', `HTTP/1.1 200 OK\n\n${'x'.repeat(101)}`, bad('larger than 100', 'scrape.too_large')],
]

describe('an answer', () => {
  it.each(table)('%s', (_what, text, wanted, end = false) => {
    expect(outcome([bytesOf(text)], end)).toEqual(wanted)
  })

  it.each(table)('%s, the same wherever it is cut', (_what, text, wanted, end = false) => {
    const bytes = bytesOf(text)
    const seen = new Set<string>()
    for (let cut = 0; cut <= bytes.length; cut++) {
      const one = outcome([bytes.subarray(0, cut), bytes.subarray(cut)], end)
      expect(one, `cut at ${cut}`).toEqual(wanted)
      seen.add(JSON.stringify(one))
    }
    expect(
      outcome(
        [...bytes].map((byte) => Buffer.of(byte)),
        end,
      ),
    ).toEqual(wanted)
    expect(seen.size).toBe(1)
  })

  it.each(table)('%s, with lines that end without a carriage return', (_what, text, wanted, end = false) => {
    expect(outcome([Buffer.from(text, 'latin1')], end)).toEqual(wanted)
  })

  it.each([
    ['one long line', () => 'a'.repeat(1000)],
    ['many short ones', () => 'a: b\r\n'.repeat(100)],
    ['hints without end', () => 'x: y\r\n\r\nHTTP/1.1 103 Hints\r\n'],
  ])('whose head never ends is given up: %s', (_what, more) => {
    const reader = new AnswerReader(openPageMemory(), maxBytes)
    const begin = Buffer.from('HTTP/1.1 100 Continue\r\n')
    reader.feed(begin, begin.length)
    const piece = Buffer.from(more())
    let fed = 0
    expect(() => {
      for (; fed < 10 * maxHeadBytes; fed += piece.length) reader.feed(piece, piece.length)
    }).toThrow(`head larger than ${maxHeadBytes} bytes`)
    expect(fed).toBeLessThan(maxHeadBytes + piece.length)
  })

  it('whose trailers never end is given up', () => {
    const reader = new AnswerReader(openPageMemory(), maxBytes)
    const begin = Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n')
    reader.feed(begin, begin.length)
    const piece = Buffer.from('a: b\r\n'.repeat(100))
    expect(() => {
      for (let i = 0; i < 1000; i++) reader.feed(piece, piece.length)
    }).toThrow('head larger')
  })

  it('takes memory for what has come, not for what is promised, and gives it back', () => {
    const given: number[] = []
    const taken: number[] = []
    const memory = openPageMemory()
    const reader = new AnswerReader(
      {
        take: (bytes) => {
          taken.push(bytes)
          return memory.take(bytes)
        },
        give: (piece) => {
          given.push(piece.length)
          memory.give(piece)
        },
      },
      16 << 20,
    )
    const begin = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 16777216\r\n\r\n')
    reader.feed(begin, begin.length)
    expect(Math.max(...taken)).toBeLessThanOrEqual(128 << 10)
    const piece = Buffer.alloc(100_000, 'x')
    for (let i = 0; i < 10; i++) reader.feed(piece, piece.length)
    expect(reader.body.length).toBe(1_000_000)
    expect(reader.body.every((byte) => byte === 0x78)).toBe(true)
    reader.release()
    reader.release()
    expect(given.length).toBe(taken.length)
  })
})
