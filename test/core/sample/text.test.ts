// The text exposition format: what real exporters show, and every malformed line by its number.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectRoot } from '../../../core/base/entry.ts'
import { labelsOf, sample } from '../../../core/sample/sample.ts'
import { maxTextBytes, parseText, parseValue } from '../../../core/sample/text.ts'
import { cpuMs } from '../../helpers/cpu-time.ts'

type Row = readonly [name: string, labels: Readonly<Record<string, string>>, value: number, time: number | null]

function rows(text: string): Row[] {
  const out: Row[] = []
  parseText(text, { sample: (name, labels, value, time) => out.push([name, Object.fromEntries(labels), value, time]) })
  return out
}

describe('a metrics page', () => {
  it.each([
    ['a 1', ['a', {}, 1, null]],
    ['a{} 1', ['a', {}, 1, null]],
    ['a{b="c"} 1 1700000000000', ['a', { b: 'c' }, 1, 1700000000000]],
    ['a{b="c",} 1', ['a', { b: 'c' }, 1, null]],
    ['a { b = "c" , d = "e" } 1', ['a', { b: 'c', d: 'e' }, 1, null]],
    ['\ta\t1\t-5', ['a', {}, 1, -5]],
    ['a{b="}"} 1', ['a', { b: '}' }, 1, null]],
    ['a{b=""} 1', ['a', { b: '' }, 1, null]],
    ['a{b="\\\\ \\" \\n"} 1', ['a', { b: '\\ " \n' }, 1, null]],
    ['a{b="中文 🚀"} 1', ['a', { b: '中文 🚀' }, 1, null]],
    ['a:b_c1 +Inf', ['a:b_c1', {}, Number.POSITIVE_INFINITY, null]],
    ['a -inf', ['a', {}, Number.NEGATIVE_INFINITY, null]],
    ['a NaN', ['a', {}, Number.NaN, null]],
    ['a 1.5e-3', ['a', {}, 0.0015, null]],
    ['a 1\r', ['a', {}, 1, null]],
    ['{"http.requests"} 1', ['http.requests', {}, 1, null]],
    ['{"http.requests",} 1', ['http.requests', {}, 1, null]],
    ['{ "http.requests" , b = "c" , "d.e" = "f" } 1 5', ['http.requests', { b: 'c', 'd.e': 'f' }, 1, 5]],
    ['{b="c","http.requests"} 1', ['http.requests', { b: 'c' }, 1, null]],
    ['a{"d.e"="f"} 1', ['a', { 'd.e': 'f' }, 1, null]],
    ['{"a \\"b\\" \\\\","\u4e2d"="}"} 1', ['a "b" \\', { 中: '}' }, 1, null]],
  ] as const)('reads %j', (line, row) => {
    expect(rows(`# nothing\n\n${line}\n`)).toEqual([row])
    expect(rows(line)).toEqual([row])
  })

  it('tells types and helps, with their escapes', () => {
    const told: string[] = []
    parseText(
      '# TYPE a counter\n# HELP a one\\ntwo \\\\ "q"\n# HELP b line\u2028break\n# TYPE "c.d \\"e\\"" gauge\n# HELP "c.d" f\n# just words\n#\na 1\n',
      {
        sample: () => {},
        type: (name, type) => told.push(`type ${name} ${type}`),
        help: (name, help) => told.push(`help ${name} ${help}`),
      },
    )
    expect(told).toEqual([
      'type a counter',
      'help a one\ntwo \\ "q"',
      'help b line\u2028break',
      'type c.d "e" gauge',
      'help c.d f',
    ])
  })

  it.each([
    ['1a 1', 'expected a name at column 1'],
    ['{b="c"} 1', 'expected a metric name'],
    ['{} 1', 'expected a metric name'],
    ['{""} 1', 'a label without a name'],
    ['{"a","b"} 1', 'expected = after label b'],
    ['a{"b"} 1', 'expected = after label b'],
    ['a{""="b"} 1', 'a label without a name'],
    ['{"a} 1', 'a name has no end'],
    ['{"a"', 'expected = after label a'],
    ['a', 'not a number'],
    ['a{b="c"}', 'not a number'],
    ['a{b="c"', 'expected , or }'],
    ['a{b', 'expected = after label b'],
    ['a{b=c} 1', 'expected " after label b'],
    ['a{b="c} 1', 'the value of label b has no end'],
    ['a{b="c\\', 'the value of label b has no end'],
    ['a{1b="c"} 1', 'expected a name at column 3'],
    ['a{,} 1', 'expected a name at column 3'],
    ['a{b="c" d="e"} 1', 'expected , or }'],
    ['a 1 2 3', 'expected a value and at most a timestamp'],
    ['a one', 'not a number: one'],
    ['a 1e', 'not a number: 1e'],
    ['a 0x10', 'not a number: 0x10'],
    ['a 1 soon', 'the timestamp is not a whole number'],
    ['a 1 1.5', 'the timestamp is not a whole number'],
    ['a 1 1e3', 'the timestamp is not a whole number'],
    ['a 1 0x10', 'the timestamp is not a whole number'],
    ['a 1 99999999999999999999', 'the timestamp is not a whole number'],
    ['<html>', 'expected a name at column 1'],
    ['a-b 1', 'not a number: -b'],
  ])('refuses %j and says on which line', (line, words) => {
    expect(() => rows(`ok 1\n# c\n\n${line}\nok 2\n`)).toThrow(`metrics page, line 4: ${words}`)
  })

  it('is read up to its limits and not past them', () => {
    expect(rows('a 1\n'.repeat(200_000))).toHaveLength(200_000)
    expect(() => rows('a 1\n'.repeat(200_001))).toThrow('more than 200000 samples')
    expect(() => rows('#'.repeat(maxTextBytes + 1))).toThrow('at most')
  })

  it('takes a long hostile line within two seconds', () => {
    const begun = cpuMs()
    for (const unit of ['{', '\\', ' ', '#', 'a{b="', '# HELP '])
      try {
        rows(unit.repeat((1 << 20) / unit.length))
      } catch {
        // refused: the time is what counts here
      }
    expect(cpuMs() - begun).toBeLessThan(2000)
  })
})

const samples = path.join(projectRoot, '..', 'shared', 'conformance', 'textparse')
const files = existsSync(samples) ? readdirSync(samples).filter((name) => name.endsWith('.prom.txt')) : []

describe.skipIf(files.length === 0)('pages of the Prometheus project', () => {
  it.each(files)('%s is read whole: as many samples as lines that are no comment', (name) => {
    const text = readFileSync(path.join(samples, name), 'utf8')
    const expected = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
    const read = rows(text)
    expect(read).toHaveLength(expected.length)
    expect(read.map(([metric]) => metric)).toEqual(expected.map((line) => /^[^{\s]+/.exec(line)![0]))
    expect(read.map(([, , value]) => value)).toEqual(expected.map((line) => parseValue(line.trim().split(' ').at(-1)!)))
  })
})

describe('labels of a sample', () => {
  it('are sorted, hold the name, and leave empty values out', () => {
    expect(labelsOf('m', { z: '1', A: '2', none: '' })).toEqual([
      ['A', '2'],
      ['__name__', 'm'],
      ['z', '1'],
    ])
    expect(sample('m', {}, 5, 6)).toEqual({ labels: [['__name__', 'm']], times: [5], values: [6] })
  })
})
