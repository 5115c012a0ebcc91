// Configuration: every fault has its place, all of them at once, and neither hostile YAML nor a secret gets past.

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of the file, not of this one

import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { nearest, parseConfig } from '../../../core/base/config.ts'
import { exitCodes, isInferwardError } from '../../../core/base/errors.ts'
import { duration, listen } from '../../../core/base/schema.ts'

const schema = z
  .object({
    server: z.object({ listen: listen.default({ host: '127.0.0.1', port: 9700 }) }).strict(),
    interval: duration.optional(),
    token: z.string().optional(),
    backends: z.array(z.object({ url: z.string(), weight: z.number().int().optional() }).strict()).optional(),
    pools: z.record(z.string(), z.object({ hosts: z.array(z.string()) }).strict()).optional(),
    channel: z
      .union([
        z.object({ webhook: z.object({ url: z.string() }).strict() }).strict(),
        z.object({ email: z.object({ to: z.string(), from: z.string() }).strict() }).strict(),
      ])
      .optional(),
    inner: z.preprocess((value) => value, z.object({ depth: z.number() }).strict()).optional(),
  })
  .strict()

const parse = (text: string, environment: Record<string, string | undefined> = {}) =>
  parseConfig({ file: 'inferward.yaml', text, schema, environment })

/** The lines of the refusal. */
function faults(text: string, environment: Record<string, string | undefined> = {}): readonly string[] {
  try {
    parse(text, environment)
  } catch (error) {
    if (!isInferwardError(error)) throw error
    expect(error.code).toBe('config.invalid')
    expect(error.exitCode).toBe(exitCodes.config)
    return error.message.split('\n')
  }
  throw new Error('the text was accepted')
}

describe('a configuration that is right', () => {
  it('comes back in base units, with defaults, and frozen to the bottom', () => {
    const value = parse('server: {}\ninterval: 1m30s\nbackends: [{ url: "http://a" }]\n')
    expect(value.server.listen).toEqual({ host: '127.0.0.1', port: 9700 })
    expect(value.interval).toBe(90_000)
    expect(() => {
      ;(value.backends![0] as { url: string }).url = 'http://b'
    }).toThrow(TypeError)
  })

  it('takes secrets from the environment, inside a longer text as well', () => {
    expect(parse('server: {}\ntoken: "a-${ONE}-${TWO_2}"\n', { ONE: '1', TWO_2: '2' }).token).toBe('a-1-2')
  })

  it.each(['$ONE', '${one}', '${}', '$${', 'price 5$'])('leaves %s alone: it names no variable', (text) => {
    expect(parse(`server: {}\ntoken: '${text}'\n`, { ONE: '1', one: '1' }).token).toBe(text)
  })
})

describe('a fault', () => {
  it.each([
    ['a wrong type', 'server: {}\ntoken: 5\n', '2:1: token: '],
    ['a missing key, at its parent', 'server: {}\nchannel:\n  email:\n    to: a\n', '3:3: channel.email.from: '],
    ['a wrong address', 'server:\n  listen: nowhere\n', '2:3: server.listen: not an address: "nowhere"'],
    ['a port alone', 'server:\n  listen: 9700\n', '2:3: server.listen: write host:port, for example 127.0.0.1:9700'],
    ['a port past the last one', 'server:\n  listen: a:65536\n', '2:3: server.listen: not an address'],
    ['a wrong duration', 'server: {}\ninterval: 5\n', '2:1: interval: '],
    ['an item of a list', 'server: {}\nbackends:\n  - url: a\n  - url: 7\n', '4:5: backends[1].url: '],
    ['an item that is no map', 'server: {}\nbackends: [nothing]\n', '2:12: backends[0]: '],
    ['an entry of a record', 'server: {}\npools:\n  blue:\n    hosts: 1\n', '4:5: pools.blue.hosts: '],
    ['a document that is no map', 'just words\n', '1:1: '],
    ['a list where a map is needed', '- a\n', '1:1: '],
    ['a tab as indentation', 'server:\n\tlisten: a:1\n', '2:1: not valid YAML'],
    ['a key written twice', 'server: {}\nserver: {}\n', '2:1: not valid YAML'],
    ['a bracket that is never closed', 'server: {\n', '2:1: not valid YAML'],
    ['an alias of nothing', 'server: *nothing\n', '1:9: not valid YAML'],
    ['a second document', 'server: {}\n---\nserver: {}\n', '2:1: not valid YAML'],
    [
      'a variable that is not set',
      'server: {}\ntoken: ${ABSENT}\n',
      '2:1: token: environment variable ABSENT is not set',
    ],
  ])('of %s is told with file, line, column and path', (_name, text, expected) => {
    expect(faults(text).join('\n')).toContain(`inferward.yaml:${expected}`)
  })

  it.each([
    ['at the top', 'server: {}\nintervall: 1s\n', '2:1: intervall: unknown key, did you mean "interval"?'],
    [
      'inside a list',
      'server: {}\nbackends:\n  - url: a\n    wieght: 1\n',
      '4:5: backends[0].wieght: unknown key, did you mean "weight"?',
    ],
    [
      'inside a record',
      'server: {}\npools:\n  blue: { hosts: [], host: 1 }\n',
      '3:22: pools.blue.host: unknown key, did you mean "hosts"?',
    ],
    [
      'behind a preprocess',
      'server: {}\ninner: { depht: 1, depth: 1 }\n',
      '2:10: inner.depht: unknown key, did you mean "depth"?',
    ],
    ['like nothing known', 'server: {}\nzzzzzzzz: 1\n', '2:1: zzzzzzzz: unknown key'],
  ])('of a mistyped key %s names the key that was meant', (_name, text, expected) => {
    expect(faults(text)).toContain(`inferward.yaml:${expected}`)
  })

  it('inside a union is that of the branch the writer meant', () => {
    expect(faults('server: {}\nchannel:\n  webhook: { url: 5 }\n')).toEqual([
      expect.stringMatching(/^inferward\.yaml:3:14: channel\.webhook\.url: /),
    ])
  })

  it('never comes alone when there are more: all are told, in the order of the file', () => {
    const told = faults('interval: x\nserver: { listen: 5 }\nzzz: 1\ntoken: [1]\n')
    expect(told.map((line) => line.split(':')[1])).toEqual(['1', '2', '3', '4'])
  })

  it('never shows the value of a variable, wherever it was put', () => {
    const told = faults('server: { listen: "${SECRET}" }\ninterval: "${SECRET}"\n', { SECRET: 'canary-7261' })
    expect(told).toHaveLength(2)
    expect(told.join('\n')).not.toContain('canary-7261')
    expect(told.join('\n')).toContain('${SECRET}')
  })
})

describe('hostile YAML', () => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]']
  for (let n = 0; n < 9; n++)
    bomb.push(`${'bcdefghij'[n]}: &${'bcdefghij'[n]} [${Array(10).fill(`*${'abcdefghij'[n]}`).join(',')}]`)

  it.each([
    ['aliases that multiply', bomb.join('\n')],
    ['a list that holds itself', 'server: {}\nbackends: &a [*a]\n'],
    ['a map that holds itself', 'server: &a { listen: *a }\n'],
    ['brackets nested past any stack', `${'['.repeat(100_000)}\n`],
    ['maps nested past any stack', `server: ${'{a: '.repeat(20_000)}1${'}'.repeat(20_000)}\n`],
    ['a file that is far too long', `server: {}\n${'# x\n'.repeat(2_000_000)}`],
    ['NUL and other control characters', 'server: {}\n\u0000\u0007: 1\n'],
  ])('of %s is refused with words', (_name, text) => {
    expect(faults(text)[0]).toMatch(/^inferward\.yaml:\d+:\d+: /)
  })

  it('cannot set the prototype of a map: __proto__ is an unknown key like any other', () => {
    expect(faults('server: {}\n__proto__: { token: x }\n').join()).toContain('__proto__: unknown key')
  })
})

describe('the nearest word', () => {
  it.each([
    ['intervl', ['interval', 'listen'], 'interval'],
    ['LISTEN', ['interval', 'listen'], 'listen'],
    ['x', ['interval'], undefined],
    ['', ['interval'], undefined],
    ['anything', [], undefined],
  ] as const)('to %s among %j is %s', (word, candidates, expected) => {
    expect(nearest(word, candidates)).toBe(expected)
  })
})
