// Pages of a target, one after another: whatever changes between them, what is read is what the careful reader reads of each alone.

import { existsSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectRoot } from '../../../core/base/entry.ts'
import { errorText } from '../../../core/base/errors.ts'
import { parseOpenMetrics } from '../../../core/sample/openmetrics.ts'
import { type PageFormat, PageReader } from '../../../core/sample/page-reader.ts'
import { parseText, type TextVisitor } from '../../../core/sample/text.ts'
import { random } from '../../helpers/random.ts'

type Rows = (readonly [string, unknown, number, number | null])[]

function careful(page: string, format: PageFormat): Rows | string {
  const rows: Rows = []
  const visitor: TextVisitor = { sample: (name, labels, value, time) => void rows.push([name, labels, value, time]) }
  try {
    if (format === 'text') parseText(page, visitor)
    else parseOpenMetrics(page, visitor)
    return rows
  } catch (error) {
    return errorText(error)
  }
}

/** A reader that has read other pages before. */
function target(format: PageFormat) {
  const reader = new PageReader()
  const named: (readonly [string, unknown])[] = []
  return (page: string | Uint8Array): Rows | string => {
    const rows: Rows = []
    try {
      reader.read(typeof page === 'string' ? new TextEncoder().encode(page) : page, format, {
        series: (id, name, labels) => {
          expect(id).toBe(named.length)
          named.push([name, labels])
        },
        sample: (id, value, time) => void rows.push([...named[id]!, value, time]),
      })
      return rows
    } catch (error) {
      return errorText(error)
    }
  }
}

const folder = path.resolve(projectRoot, '../shared/conformance/textparse')
const given = (name: string): string => readFileSync(path.join(folder, name), 'utf8')

describe.skipIf(!existsSync(folder))('the pages of the text parsers’ own benchmark', () => {
  it.each([
    ['alltypes.237mfs.nometa.prom.txt', 'text', 1857],
    ['alltypes.237mfs.prom.txt', 'text', 1857],
    ['alltypes.5mfs.om.txt', 'openmetrics', 53],
    ['1histogram.om.txt', 'openmetrics', 42],
  ] as const)('%s is read whole, the first time and again', (name, format, samples) => {
    const page = given(name)
    const expected = careful(page, format)
    expect(expected).toHaveLength(samples)
    const read = target(format)
    for (let time = 0; time < 3; time++) expect(read(page)).toEqual(expected)
  })

  it('changed at random between reads, they are read as if they were new', () => {
    const source = random(11)
    for (const [name, format] of [
      ['alltypes.237mfs.prom.txt', 'text'],
      ['alltypes.5mfs.om.txt', 'openmetrics'],
    ] as const) {
      const lines = given(name).split('\n').slice(0, 300)
      const read = target(format)
      for (let round = 0; round < 60; round++) {
        const page = lines
          .filter(() => source.uniform() < 0.97)
          .map((line) => (source.uniform() < 0.02 ? `${line.slice(0, source.integer(0, line.length))}` : line))
        if (round % 5 === 0) page.reverse()
        const text = page.join('\n')
        expect(read(text), `round ${round}`).toEqual(careful(text, format))
      }
    }
  })
})

describe('a page after another', () => {
  it.each([
    ['other values', 'a 1\nb{x="y"} 2\n', 'a 3\nb{x="y"} 4\n'],
    ['a series less', 'a 1\nb 2\nc 3\n', 'a 1\nc 3\n'],
    ['a series more', 'a 1\nc 3\n', 'a 1\nb 2\nc 3\n'],
    ['another order', 'a 1\nb 2\nc 3\n', 'c 3\na 1\nb 2\n'],
    ['a name that goes on', 'a 1\n', 'ab 1\na{x="y"} 2\na 3\n'],
    ['other comments', '# TYPE a gauge\na 1\n', '# HELP a x\n\n  \n # a\na 1\n'],
    ['times', 'a 1\n', 'a 1 1700000000000\n'],
    ['tabs, blanks and carriage returns', 'a 1\r\n', 'a\t1\r\n\ta  1\t5\r\n'],
    ['no end of line', 'a 1\nb 2', 'a 1\nb 2'],
    ['nothing', 'a 1\n', ''],
    ['the same series twice', 'a 1\na 2\n', 'a 1\na 2\n'],
    ['labels beyond ASCII', 'a{b="中文 🚀"} 1\n', 'a{b="中文 🚀"} 2\n'],
    ['a fault', 'a 1\nb 2\n', 'a 1\nb 2x\n'],
    ['a fault where a series stood', 'a 1\nb{x="y"} 2\n', 'a 1\nb{x="y 2\n'],
    ['a row cut short', 'a 1\nb{x="y"} 2\n', 'a 1\nb{x="y"}'],
    ['a row without its value', 'a 1\nb{x="y"} 2\n', 'a 1\nb{x="y"} \n'],
  ])('with %s', (_what, before, after) => {
    const read = target('text')
    for (const page of [before, after, before, after]) expect(read(page)).toEqual(careful(page, 'text'))
  })

  it('gives every number as the nearest double', () => {
    const source = random(5)
    const texts = [
      '0',
      '-0',
      '1.',
      '.5',
      '1e3',
      '1E-7',
      '+Inf',
      '-inf',
      'NaN',
      '123456789012345',
      '1234567890123456789',
      '0.1',
      '-0.3',
    ]
    for (let i = 0; i < 3000; i++) {
      const digits = source.integer(1, 18)
      const number = Array.from({ length: digits }, () => source.integer(0, 9)).join('')
      const dot = source.integer(0, digits)
      texts.push(
        `${source.uniform() < 0.3 ? '-' : ''}${number.slice(0, dot)}${dot < digits && source.uniform() < 0.8 ? `.${number.slice(dot)}` : '0'}`,
      )
    }
    const page = `${texts.map((text, i) => `a{i="${i}"} ${text}`).join('\n')}\n`
    const read = target('text')
    read(page)
    expect(read(page)).toEqual(careful(page, 'text'))
  })

  it('that is not UTF-8 is refused by its line', () => {
    const read = target('text')
    expect(read(Uint8Array.of(0x61, 0x20, 0x31, 0x0a, 0xff, 0x20, 0x31))).toMatch(/^metrics page, line 2: not UTF-8/)
  })

  it('has no more samples than it may', () => {
    const reader = new PageReader()
    const page = new TextEncoder().encode('a 1\nb 2\nc 3\n')
    const visitor = { series: () => {}, sample: () => {} }
    reader.read(page, 'text', visitor, 3)
    for (let time = 0; time < 2; time++)
      expect(() => reader.read(page, 'text', visitor, 2)).toThrow('metrics page with more than 2 samples')
  })
})

describe('OpenMetrics', () => {
  const rows = (page: string) => careful(page, 'openmetrics')
  it.each([
    ['a 1\n# EOF\n', [['a', [], 1, null]]],
    ['a 1 1700000000.5\n# EOF', [['a', [], 1, 1_700_000_000_500]]],
    ['a_total{b="c"} 1 # {trace="x"} 0.5 1700000000\n# EOF\n', [['a_total', [['b', 'c']], 1, null]]],
    ['a_total 1 5 # {} 0.5\n# EOF\n', [['a_total', [], 1, 5000]]],
    ['a_created 1.7e9\n# EOF\n', [['a_created', [], 1.7e9, null]]],
    ['# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds\n# EOF\n', []],
    ['# EOF\n', []],
  ])('reads %j', (page, wanted) => {
    expect(rows(page)).toEqual(wanted)
    expect(target('openmetrics')(page)).toEqual(wanted)
  })

  it.each([
    ['a 1\n', 'line 2: the page does not end with # EOF'],
    ['', 'line 1: the page does not end with # EOF'],
    ['# EOF\na 1\n', 'line 2: there is more after # EOF'],
    ['\n# EOF\n', 'line 1: expected # HELP'],
    ['# a word\n# EOF\n', 'line 1: expected # HELP'],
    ['# TYPE a untyped\n# EOF\n', 'line 1: there is no type "untyped"'],
    ['# UNIT a seconds\n# EOF\n', 'line 1: unit "seconds" is not what the name a ends with'],
    ['a 1 soon\n# EOF\n', 'line 1: the timestamp is not a number of seconds'],
    ['a 1 NaN\n# EOF\n', 'line 1: the timestamp is not a number of seconds'],
    ['a 1 # {b="c"}\n# EOF\n', 'line 1: not an exemplar behind #'],
    ['a 1 # b 1\n# EOF\n', 'line 1: not an exemplar behind #'],
    [' a 1\n# EOF\n', 'line 1: expected a name at column 1'],
  ])('refuses %j', (page, words) => {
    expect(rows(page)).toContain(words)
    expect(target('openmetrics')(page)).toContain(words)
  })

  it('tells types, helps and units', () => {
    const told: string[] = []
    const tell = (what: string) => (name: string, words: string) => void told.push(`${what} ${name} ${words}`)
    parseOpenMetrics('# TYPE a_bytes gauge\n# UNIT a_bytes bytes\n# HELP a_bytes one\\ntwo \\"q\\"\n# EOF\n', {
      sample: () => {},
      type: tell('type'),
      help: tell('help'),
      unit: tell('unit'),
    })
    expect(told).toEqual(['type a_bytes gauge', 'unit a_bytes bytes', 'help a_bytes one\ntwo "q"'])
  })
})
