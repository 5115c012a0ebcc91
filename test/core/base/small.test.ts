// The small parts everybody stands on: errors, failures, log, back-off, queue, clocks, files, schema fragments.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { backoffDelay, steadyDelay } from '../../../core/base/backoff.ts'
import { boundedQueue } from '../../../core/base/bounded-queue.ts'
import { systemClock } from '../../../core/base/clock.ts'
import { errorText, InferwardError, isInferwardError, systemCode } from '../../../core/base/errors.ts'
import { describeFailure } from '../../../core/base/failure.ts'
import { createLog } from '../../../core/base/log.ts'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'
import { ensureFolder, programFlags } from '../../../core/base/program.ts'
import { isLoopback, listen } from '../../../core/base/schema.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { random } from '../../helpers/random.ts'

const refusesText = Object.create(null) as object

describe('an error', () => {
  it.each([
    [new Error('one', { cause: new Error('two', { cause: 'three' }) }), 'one: two: three'],
    [new Error('one two', { cause: new Error('two') }), 'one two'],
    [new Error('line one\n  line two'), 'line one line two'],
    ['words', 'words'],
    [null, ''],
    [undefined, ''],
    [5, '5'],
    [Symbol('s'), 'Symbol(s)'],
    [refusesText, 'a value without words'],
  ])('%# has its words on one line, with those of its causes', (value, text) => {
    expect(errorText(value)).toBe(text)
  })

  it('whose causes go in a circle still ends', () => {
    const error = new Error('round')
    error.cause = error
    expect(errorText(error)).toBe('round')
  })

  it('is known by its brand, and nothing else is', () => {
    expect(isInferwardError(new InferwardError({ code: 'a.b', message: 'm' }))).toBe(true)
    for (const other of [new Error('m'), { code: 'a.b', message: 'm' }, null, undefined, 'x'])
      expect(isInferwardError(other)).toBe(false)
    expect(systemCode(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe('ENOENT')
    for (const other of [{ code: 5 }, null, undefined, 'x']) expect(systemCode(other)).toBeUndefined()
  })

  it('that ends a program says what, why and what to do, every line by the name of the program, without secrets', () => {
    const error = new InferwardError({
      code: 'a',
      message: 'one\ntwo https://u:canary@h/',
      hint: 'Do this.',
      exitCode: 3,
      cause: new Error('because ?token=canary'),
    })
    const { text, exitCode } = describeFailure('inferward', error)
    expect(exitCode).toBe(3)
    expect(text).not.toContain('canary')
    expect(
      text
        .trimEnd()
        .split('\n')
        .every((line) => line.startsWith('inferward: ')),
    ).toBe(true)
    expect(text).toMatch(/one\n.*two.*\n.*because: .*\n.*Do this\.\n$/)
    expect(describeFailure('x', Object.assign(new Error('full'), { code: 'ENOSPC' }))).toEqual({
      text: 'x: full\nx: The disk is full: free space and start again.\n',
      exitCode: 1,
    })
    expect(describeFailure('x', refusesText).text).toBe('x: a value without words\n')
  })
})

describe('the log', () => {
  it('is one JSON object a line, at its level and above, with fields added and secrets cut', () => {
    const lines: string[] = []
    const log = createLog({
      write: (line) => void lines.push(line),
      now: () => 0,
      level: 'info',
      fields: { program: 'p' },
    })
    log.debug('never')
    log.with({ url: 'https://u:canary@h' }).warn('two\nlines ?token=canary', { n: 1, none: undefined })
    log.error('bad')
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(/^[^\n]*\n$/)
    expect(JSON.parse(lines[0]!)).toEqual({
      '@timestamp': '1970-01-01T00:00:00.000Z',
      'log.level': 'warn',
      message: 'two\nlines ?token=***',
      program: 'p',
      url: 'https://u:***@h',
      n: 1,
    })
  })
})

describe('back-off', () => {
  it('rises to its cap and jitters below it, at any attempt', () => {
    const backoff = { baseMs: 100, capMs: 5000 }
    expect([0, 1, 2, 3, 10, 1e9].map((attempt) => steadyDelay(backoff, attempt))).toEqual([
      100, 200, 400, 800, 5000, 5000,
    ])
    expect([0, 5, 1e9].map((attempt) => backoffDelay(backoff, attempt, () => 0))).toEqual([0, 0, 0])
    expect(backoffDelay(backoff, 1e9, () => 0.5)).toBe(2500)
  })
})

describe('a bounded queue', () => {
  it('gives back what it took, in order, refuses and counts what passes its limit', () => {
    const { integer } = random(7)
    const queue = boundedQueue<number>(2000)
    const model: number[] = []
    let refused = 0
    for (let n = 0; n < 40_000; n++) {
      if (integer(0, 99) < (n % 8000 < 4000 ? 80 : 20)) {
        const took = queue.push(n)
        expect(took).toBe(model.length < 2000)
        if (took) model.push(n)
        else refused++
      } else expect(queue.shift()).toBe(model.shift())
      expect(queue.length).toBe(model.length)
    }
    expect([queue.refused, refused > 0]).toEqual([refused, true])
    expect(boundedQueue(0).push(1)).toBe(false)
    expect(boundedQueue(1).shift()).toBeUndefined()
  })
})

describe('clocks', () => {
  it('the virtual one fires in order of time, then of setting, and only what is due', async () => {
    const clock = virtualClock(1000)
    const story: string[] = []
    clock.timer(20, () => void story.push(`b ${clock.monotonic()}`))
    clock.timer(10, () => {
      story.push('a')
      clock.timer(5, () => void story.push('inner'))
    })
    clock.timer(20, () => void story.push('c'))
    clock.timer(30, () => void story.push('cancelled'))[Symbol.dispose]()
    void clock.sleep(25).then(() => story.push('slept'))
    await clock.advance(19)
    expect(story).toEqual(['a', 'inner'])
    await clock.advance(100)
    expect(story).toEqual(['a', 'inner', 'b 20', 'c', 'slept'])
    expect(clock.pending).toBe(0)
    clock.jump(-5000)
    expect([clock.now(), clock.monotonic()]).toEqual([-3881, 119])
  })

  it.each([
    ['virtual', virtualClock()],
    ['system', systemClock],
  ])('the %s one ends a sleep at once when the signal aborts, before or during it', async (_name, clock) => {
    const abort = new AbortController()
    const sleeping = clock.sleep(1_000_000, abort.signal)
    abort.abort()
    await sleeping
    await clock.sleep(1_000_000, abort.signal)
    expect(clock.monotonic()).toBeLessThan(1_000_000)
  })
})

describe('files', () => {
  it('are written whole or not at all, with the mode asked for, and nothing is left beside them', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'iw-files-'))
    try {
      const file = path.join(directory, 'a')
      nodeFileLayer.writeAtomic(file, Buffer.from('one'), 0o640)
      expect(statSync(file).mode & 0o777).toBe(0o640)
      mkdirSync(path.join(directory, 'folder', 'inner'), { recursive: true })
      expect(() => nodeFileLayer.writeAtomic(path.join(directory, 'folder'), Buffer.from('two'))).toThrow()
      expect(() => nodeFileLayer.writeAtomic(path.join(directory, 'absent', 'a'), Buffer.from('two'))).toThrow('ENOENT')
      expect(readdirSync(directory)).toEqual(['a', 'folder'])
      expect(readFileSync(file, 'utf8')).toBe('one')
      const handle = nodeFileLayer.open(file, 'append')
      handle.append(Buffer.from('-two'))
      handle.truncate(4)
      handle.append(Buffer.from('three'))
      expect([handle.size(), Buffer.from(handle.read(2, 100)).toString(), handle.read(100, 5).length]).toEqual([
        9,
        'e-three',
        0,
      ])
      handle.close()
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('of a program that cannot be made are told with the folder and what to do', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'iw-files-'))
    try {
      ensureFolder(nodeFileLayer, path.join(directory, 'a', 'b'))
      expect(existsSync(path.join(directory, 'a', 'b'))).toBe(true)
      expect(readdirSync(path.join(directory, 'a', 'b'))).toEqual([])
      writeFileSync(path.join(directory, 'file'), '')
      chmodSync(path.join(directory, 'file'), 0o600)
      for (const wrong of ['file', 'file/inner'])
        expect(() => ensureFolder(nodeFileLayer, path.join(directory, wrong))).toThrow(
          expect.objectContaining({ code: 'program.data_folder', message: expect.stringContaining(wrong) }),
        )
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe('what programs and schemas take', () => {
  it('flags are read, and a wrong one is a mistake of usage', () => {
    expect(programFlags(['--data', 'd', '--stop-engines-on-exit'], (one) => `/${one}`)).toEqual({
      data: '/d',
      config: undefined,
      model: undefined,
      stopEnginesOnExit: true,
    })
    for (const argv of [[], ['--data'], ['--data', 'd', '--datta'], ['--data', 'd', 'more']])
      expect(() => programFlags(argv, (one) => one)).toThrow(
        expect.objectContaining({ code: 'program.flags', exitCode: 2 }),
      )
  })

  it.each([
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['[::1]:9700', '::1', 9700],
    ['localhost:65535', 'localhost', 65_535],
  ])('%s is an address', (text, host, port) => {
    expect(listen.parse(text)).toEqual({ host, port })
    expect(isLoopback(host)).toBe(true)
  })

  it.each([
    '',
    ':1',
    'a',
    'a:',
    'a:-1',
    'a:65536',
    'a:1:2',
    '::1:1',
    '[::1]',
    'a b:1',
    'a:1 ',
    'http://a:1',
  ])('%j is none', (text) => {
    expect(listen.safeParse(text).success).toBe(false)
  })

  it.each([
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '127.evil.example',
    'localhost.evil.example',
    '',
  ])('%j is not loopback', (host) => {
    expect(isLoopback(host)).toBe(false)
  })
})
