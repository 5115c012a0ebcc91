// Keeping one program, with real tiny programs: restarted, adopted, stopped, given up, and never two of them.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Child, type ChildEvent, type ChildSpec, keepChild } from '../../cli/child.ts'
import { isAlive, processStart } from '../../cli/process.ts'
import { type Clock, systemClock } from '../../core/base/clock.ts'

const children: Child[] = []
const folders: string[] = []
afterEach(async () => {
  for (const child of children.splice(0)) await child.stop()
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true })
})

const lives = 'setInterval(() => {}, 1000)'
function stand(
  script: string,
  more: Partial<ChildSpec> = {},
  directory = mkdtempSync(path.join(tmpdir(), 'iw-child-')),
  log = { maxBytes: 16 << 20, lookMs: 10_000 },
  clock: Clock = systemClock,
) {
  folders.push(directory)
  const program = path.join(directory, 'program.mjs')
  writeFileSync(program, script)
  const events: ChildEvent[] = []
  const child = keepChild(
    { name: 'one', arguments: ['argument'], stopSignal: 'SIGTERM', stopMs: 2000, ...more },
    { directory, program, clock, log, onEvent: (event) => void events.push(event) },
  )
  children.push(child)
  const pids = (): number[] => events.flatMap((event) => (event.kind === 'ended' ? [] : [event.pid]))
  return {
    child,
    events,
    pids,
    directory,
    runFile: path.join(directory, 'run', 'one.json'),
    log: path.join(directory, 'log', 'one.log'),
  }
}
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 10 })
const wrote = (log: string, words: string) =>
  until(() => expect(existsSync(log) && readFileSync(log, 'utf8')).toContain(words))

describe('a kept child', () => {
  it('runs with its arguments, its output in a file, its identity in another, and stops when asked', async () => {
    const { child, pids, runFile, log } = stand(`console.log('out', process.argv[2]); console.error('err'); ${lives}`)
    await wrote(log, 'out argument')
    await wrote(log, 'err')
    const [pid] = pids()
    expect(JSON.parse(readFileSync(runFile, 'utf8'))).toEqual({ pid, startTime: processStart(pid!) })
    await child.stop()
    expect(isAlive(pid!)).toBe(false)
    expect(existsSync(runFile)).toBe(false)
    expect(await child.done).toEqual({ code: 0, words: '' })
    await child.stop()
  })

  it('is started again when it is killed, at once the first time', async () => {
    const { events, pids, log } = stand(`console.log('up'); ${lives}`)
    await wrote(log, 'up')
    process.kill(pids()[0]!, 'SIGKILL')
    await until(() => expect(pids()).toHaveLength(2))
    expect(events[1]).toEqual({ kind: 'ended', code: null, signal: 'SIGKILL', again: true, inMs: 0 })
    expect(isAlive(pids()[0]!)).toBe(false)
  })

  it('that ends at once with a code no restart mends is given up, with its own last words', async () => {
    const { child, events } = stand(
      `console.error('noise'); console.error('inferward-server: config.yaml:1:1: wrong'); process.exit(3)`,
    )
    expect(await child.done).toEqual({ code: 3, words: 'inferward-server: config.yaml:1:1: wrong' })
    expect(events.at(-1)).toMatchObject({ kind: 'ended', code: 3, again: false })
  })

  it('that once stood is tried again with every code, for what stands beside it must not fall with it', async () => {
    const first = stand(`console.log('up'); ${lives}`)
    await wrote(first.log, 'up')
    const second = stand('process.exit(1)', {}, first.directory)
    await until(() => expect(second.events[0]?.kind).toBe('adopted'))
    // The first keeper starts it again as well, and gives up: it has not seen it stand.
    process.kill(first.pids()[0]!, 'SIGKILL')
    await until(() =>
      expect(second.events.filter((event) => event.kind === 'ended').slice(0, 2)).toMatchObject([
        { code: 1, again: true, inMs: 0 },
        { code: 1, again: true, inMs: 500 },
      ]),
    )
    await second.child.stop()
    expect((await second.child.done).code).toBe(0)
  })

  it('that lived five seconds has stood', async () => {
    // A thousand times as fast: the few dozen milliseconds of a real process are more than its five seconds.
    const fast: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() * 1000 }
    const { child, events } = stand('setTimeout(() => process.exit(1), 20)', {}, undefined, undefined, fast)
    await until(() => expect(events.filter((event) => event.kind === 'started').length).toBeGreaterThanOrEqual(2))
    await child.stop()
    expect((await child.done).code).toBe(0)
  })

  it('that ends with any other code is tried again, later each time, and can be stopped in between', async () => {
    const { child, events } = stand('process.exit(7)')
    await until(() => expect(events.filter((event) => event.kind === 'ended').length).toBeGreaterThanOrEqual(2))
    expect(events.flatMap((event) => (event.kind === 'ended' ? [event.inMs] : [])).slice(0, 2)).toEqual([0, 500])
    await child.stop()
    expect((await child.done).code).toBe(0)
  })

  it('that does not listen is killed after its time, with what it started', async () => {
    const { child, pids, log } = stand(
      `import { spawn } from 'node:child_process'
       process.on('SIGTERM', () => {})
       const inner = spawn(process.execPath, ['-e', "setInterval(() => {}, 1000)"], { stdio: 'ignore' })
       console.log('inner=' + inner.pid + ';'); ${lives}`,
      { stopMs: 300 },
    )
    await wrote(log, ';')
    const inner = Number(/inner=(\d+)/.exec(readFileSync(log, 'utf8'))![1])
    await child.stop()
    await until(() => expect([isAlive(pids()[0]!), isAlive(inner)]).toEqual([false, false]))
  })

  it('that is stopped in the moment it starts does not run on', async () => {
    const { child, directory } = stand(
      `import { writeFileSync } from 'node:fs'; setTimeout(() => writeFileSync(process.argv[1] + '.lives', ''), 300); ${lives}`,
    )
    await child.stop()
    expect((await child.done).code).toBe(0)
    expect(existsSync(path.join(directory, 'program.mjs.lives'))).toBe(false)
  })

  it('is adopted by the next keeper, never started twice, and stopped by it', async () => {
    const first = stand(`console.log('up'); ${lives}`)
    await wrote(first.log, 'up')
    const second = stand(`console.log('up'); ${lives}`, {}, first.directory)
    await until(() => expect(second.events).toEqual([{ kind: 'adopted', pid: first.pids()[0] }]))
    await second.child.stop()
    expect(isAlive(first.pids()[0]!)).toBe(false)
    expect((await second.child.done).code).toBe(0)
  })

  it.each([
    ['half-written', '{"pid": 1'],
    ['of a pid that is somebody else now', JSON.stringify({ pid: process.pid, startTime: '1' })],
    ['of a pid that is gone', JSON.stringify({ pid: 2 ** 22 + 1, startTime: '1' })],
    ['null', 'null'],
    ['of no number', JSON.stringify({ pid: 'x', startTime: null })],
    ['of everybody', JSON.stringify({ pid: -1, startTime: null })],
  ])('is started when the run file is %s', async (_name, text) => {
    const directory = mkdtempSync(path.join(tmpdir(), 'iw-child-'))
    mkdirSync(path.join(directory, 'run'))
    writeFileSync(path.join(directory, 'run', 'one.json'), text)
    const { events } = stand(lives, {}, directory)
    await until(() => expect(events[0]?.kind).toBe('started'))
  })
})

describe('the log of a kept child', () => {
  const small = { maxBytes: 64 << 10, lookMs: 10 }
  const fresh = (): string => mkdtempSync(path.join(tmpdir(), 'iw-child-'))
  /** Writes line after line, and says in a file when it has written a megabyte. */
  const chatters = `import { writeFileSync } from 'node:fs'
    let n = 0
    setInterval(() => {
      for (let i = 0; i < 10; i++) process.stdout.write('line ' + n++ + ' ' + 'x'.repeat(80) + '\\n')
      if (n === 10000) writeFileSync(process.argv[1] + '.wrote', '')
    }, 1)`
  const text = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')

  it.each([
    ['started by this keeper', false],
    ['adopted', true],
  ])('is bounded while it runs, %s; its end is set aside and the child writes on', async (_how, adopted) => {
    const directory = fresh()
    const first = stand(chatters, {}, directory, adopted ? undefined : small)
    await until(() => expect(first.pids()).toHaveLength(1))
    const one = adopted ? stand(chatters, {}, directory, small) : first
    await until(() => expect(existsSync(path.join(directory, 'program.mjs.wrote'))).toBe(true))
    await until(() => expect(text(`${one.log}.1`).length).toBeGreaterThanOrEqual(small.maxBytes))
    expect(text(`${one.log}.1`).length).toBeLessThan(small.maxBytes + (2 << 20))
    // Whole lines in order, without a gap of zeros where a descriptor would have kept its place.
    let lines: readonly string[] = []
    await until(() => {
      lines = text(one.log).split('\n').slice(1, -1)
      expect(lines.length).toBeGreaterThan(3)
    })
    const numbers = lines.map((line) => Number(/^line (\d+) x{80}$/.exec(line)?.[1]))
    expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index))
    expect(one.pids()).toEqual(first.pids())
  })

  it('still holds the last words of a child after it was cut', async () => {
    const { child } = stand(
      `import { statSync } from 'node:fs'
       import * as path from 'node:path'
       const log = path.join(path.dirname(process.argv[1]), 'log', 'one.log')
       for (let before = 0, size = 0; size >= before; size = statSync(log).size) {
         before = size
         process.stdout.write('noise '.repeat(20) + '\\n')
       }
       console.error('inferward-server: config.yaml:1:1: wrong')
       process.exit(3)`,
      {},
      withOlder(fresh(), 'older words\n'.repeat(1000)),
      small,
    )
    expect(await child.done).toEqual({ code: 3, words: 'inferward-server: config.yaml:1:1: wrong' })
  })
})

/** A log that an earlier child left. */
function withOlder(directory: string, words: string): string {
  mkdirSync(path.join(directory, 'log'))
  writeFileSync(path.join(directory, 'log', 'one.log'), words)
  return directory
}

describe('a process', () => {
  it('is known by its start, and is gone when it is', () => {
    expect(processStart(process.pid)).toMatch(/^\d+$/)
    expect(isAlive(process.pid)).toBe(true)
    expect(processStart(2 ** 22 + 1)).toBeNull()
    expect(isAlive(2 ** 22 + 1)).toBe(false)
  })
})
