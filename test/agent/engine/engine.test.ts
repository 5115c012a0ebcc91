// One engine's life as the agent keeps it, with real child processes that misbehave on demand: every end has its cause and its cure.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { watchConfig } from '../../../agent/engine/config.ts'
import { type Engine, type EventBody, openEngine, type Wish } from '../../../agent/engine/engine.ts'
import { httpProbe } from '../../../agent/engine/probe.ts'
import { readBootId, readProcess, signalGroup } from '../../../agent/engine/process-table.ts'
import { type Clock, systemClock } from '../../../core/base/clock.ts'
import type { FileLayer } from '../../../core/base/file-layer.ts'
import { silentLog } from '../../../core/base/log.ts'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'

const program = path.join(import.meta.dirname, 'fake-engine.mjs')
const cleanups: (() => void)[] = []
afterEach(() => {
  for (const undo of cleanups.splice(0).reverse()) undo()
})

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

type Model = Readonly<Record<string, unknown>>
type Place = { readonly directory: string; readonly port: number; readonly model: string; behave(model: Model): void }

async function place(model: Model = {}): Promise<Place> {
  const directory = mkdtempSync(path.join(tmpdir(), 'iw-engine-'))
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }))
  for (const folder of ['run', 'log']) mkdirSync(path.join(directory, folder))
  const file = path.join(directory, 'model.json')
  const behave = (next: Model): void => writeFileSync(file, JSON.stringify(next))
  behave(model)
  return { directory, port: await freePort(), model: file, behave }
}

type Kept = {
  readonly engine: Engine
  readonly events: EventBody[]
  readonly wishes: Wish[]
  /** Wishes are carried out at once unless this is false. */
  allow: boolean
  /** Moves the agent's clock without waiting. */
  skip(ms: number): void
  readonly faults: () => { cause: string; detail: string }[]
  do(deed: string): Promise<void>
  pid(): number
}

function keep(at: Place, more: { threads?: number; files?: FileLayer; watch?: object; program?: string } = {}): Kept {
  const events: EventBody[] = []
  const wishes: Wish[] = []
  let skipped = 0
  const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + skipped }
  let incarnations = 0
  const engine = openEngine({
    clock,
    log: silentLog,
    files: more.files ?? nodeFileLayer,
    host: 'here',
    bootId: readBootId(),
    directory: at.directory,
    program: more.program ?? program,
    config: {
      name: 'default',
      model: at.model,
      listen: { host: '127.0.0.1', port: at.port },
      allowed_hosts: [],
      ...(more.threads === undefined ? {} : { threads: more.threads }),
    },
    watch: watchConfig.parse({ stall_timeout: '600ms', probe_interval: '60s', stop_timeout: '1s', ...more.watch }),
    probe: httpProbe(() => clock.monotonic()),
    newIncarnation: () => `life-${process.pid}-${Math.round(performance.now() * 1000)}-${++incarnations}`,
    emit: (event) => void events.push(event),
    ask: (wish) => {
      wishes.push(wish)
      if (kept.allow) void engine.perform(wish.action).catch(() => undefined)
    },
    changed: () => undefined,
  })
  const kept: Kept = {
    engine,
    events,
    wishes,
    allow: true,
    skip: (ms) => {
      skipped += ms
    },
    faults: () => events.flatMap((one) => (one.kind === 'fault' ? [{ cause: one.cause, detail: one.detail }] : [])),
    async do(deed) {
      await fetch(`${engine.url}/do`, { method: 'POST', body: deed }).catch(() => undefined)
    },
    pid: () => engine.state(0).pid ?? 0,
  }
  const ticker = setInterval(() => engine.tick(), 20)
  cleanups.push(() => {
    clearInterval(ticker)
    const pid = kept.pid()
    engine.release()
    if (pid > 0) signalGroup(pid, 'SIGKILL')
  })
  return kept
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + 8000
  while (!holds()) {
    if (Date.now() > end) throw new Error(`it never came: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
const serving = (kept: Kept): Promise<void> => until('serving', () => kept.engine.state(0).phase === 'serving')
const running = (pid: number): boolean => (readProcess(pid)?.state ?? 'Z') !== 'Z'

describe('an engine that is to run', () => {
  it('is started, and counts as up only after a real inference', async () => {
    const at = await place({ infers: false })
    const kept = keep(at)
    await kept.engine.start()
    await until('loading', () => kept.engine.state(0).phase === 'loading')
    expect(kept.engine.readings().up).toBe(false)
    await until('listening', () => readProcess(kept.pid()) !== null)
    await until('healed', () => {
      void kept.do('heal')
      return kept.engine.readings().up
    })
    expect(kept.engine.state(3)).toMatchObject({ phase: 'serving', url: kept.engine.url, budgetLeft: 3 })
    expect(kept.engine.readings()).toMatchObject({ probeFailures: 0, probeSeconds: expect.any(Number) })
    expect(kept.engine.readings().residentBytes).toBeGreaterThan(1 << 20)
    expect(kept.events).toEqual([])
    expect(kept.wishes).toEqual([{ action: 'start', reason: 'engine is to run', counts: false }])
  })

  it('is not taken for another that answers on its address', async () => {
    const at = await place({ incarnation: 'somebody-else' })
    const kept = keep(at)
    await kept.engine.start()
    await until('loading', () => kept.engine.state(0).phase === 'loading')
    expect(await kept.engine.verified(600)).toBe('not serving in time')
    expect(kept.engine.readings().up).toBe(false)
  })
})

describe('an engine that ends by itself', () => {
  it.each([
    ['segv', 'crashed', /SIGSEGV/],
    ['memory', 'out_of_memory', /allocation failed/],
    ['exit', 'exited', /code 7/],
  ])('by %s gives one fault with its cause, %s, and runs again', async (deed, cause, words) => {
    const kept = keep(await place())
    await kept.engine.start()
    await serving(kept)
    const [first, life] = [kept.pid(), kept.engine.incarnation()]
    await kept.do(deed)
    await until('another life', () => kept.engine.incarnation() !== life && kept.engine.incarnation() !== null)
    await serving(kept)
    expect(kept.pid()).not.toBe(first)
    expect(kept.faults()).toEqual([{ cause, detail: expect.stringMatching(words) }])
    expect(kept.wishes.at(-1)).toMatchObject({ action: 'start', counts: true })
    expect(kept.engine.readings().exits.counts[cause as 'crashed']).toBe(1)
    expect([...kept.engine.readings().exits.outage]).toEqual([])
  })

  it('by SIGKILL from outside is told as killed', async () => {
    const kept = keep(await place())
    await kept.engine.start()
    await serving(kept)
    process.kill(kept.pid(), 'SIGKILL')
    await until('the fault', () => kept.faults().length === 1)
    expect(kept.faults()[0]).toMatchObject({ cause: 'killed' })
  })

  it('before it ever served is started again later and later', async () => {
    const at = await place({ exit: 1, words: 'boom' })
    const kept = keep(at)
    await kept.engine.start()
    await until('two ends', () => kept.faults().length === 2)
    const starts = kept.wishes.length
    await until('backing off', () => kept.engine.state(0).phase === 'backoff')
    kept.skip(900)
    kept.engine.tick()
    expect(kept.wishes.length).toBe(starts)
    kept.skip(200)
    await until('a third', () => kept.faults().length === 3)
    kept.skip(1500)
    kept.engine.tick()
    expect(kept.wishes.length).toBe(starts + 1)
    kept.skip(600)
    await until('a fourth', () => kept.faults().length === 4)
  })

  it('since its model cannot be loaded gives one fault with its words, is tried slowly, and serves when it is mended', async () => {
    const at = await place({ exit: 3, words: 'inferward-engine: model.gguf: cut short in key 7' })
    const kept = keep(at)
    await kept.engine.start()
    await until('the fault', () => kept.faults().length === 1)
    expect(kept.faults()).toEqual([
      { cause: 'load_failed', detail: 'inferward-engine: model.gguf: cut short in key 7' },
    ])
    kept.skip(4000)
    kept.engine.tick()
    expect(kept.wishes.length).toBe(1)
    kept.skip(2000)
    await until('a second attempt', () => kept.wishes.length === 2)
    expect(kept.wishes[1]).toMatchObject({ counts: false })
    await until('its end', () => kept.engine.state(0).phase === 'backoff')
    expect(await kept.engine.verified(1000)).toContain('cut short in key 7')
    expect([...kept.engine.readings().exits.outage]).toEqual(['load_failed'])
    at.behave({})
    kept.skip(60_000)
    await serving(kept)
    expect([...kept.engine.readings().exits.outage]).toEqual([])
    expect(kept.faults().length).toBe(1)
  })

  it('has the words of its own life only, also when the log was turned over', async () => {
    const at = await place({ exit: 3, words: 'old words' })
    const log = path.join(at.directory, 'log', 'engine-default.log')
    writeFileSync(log, 'x')
    truncateSync(log, (16 << 20) + 1)
    const kept = keep(at)
    await kept.engine.start()
    await until('the fault', () => kept.faults().length === 1)
    expect(kept.faults()[0]!.detail).toBe('old words')
    expect(existsSync(`${log}.1`)).toBe(true)
  })
})

describe('an engine that stands still', () => {
  it('with work waiting is a fault and is rebuilt', async () => {
    const kept = keep(await place({ deaf: true }))
    await kept.engine.start()
    await serving(kept)
    const first = kept.pid()
    await kept.do('hang')
    await until('the rebuild', () => kept.pid() !== first && kept.pid() !== 0)
    await serving(kept)
    expect(running(first)).toBe(false)
    expect(kept.faults()).toEqual([{ cause: 'hung', detail: expect.stringMatching(/no progress/) }])
    expect(kept.wishes.at(-1)).toMatchObject({ action: 'rebuild', counts: true })
    expect(kept.events.filter((one) => one.kind === 'verdict').map((one) => one.verdict)).toContain('hung')
  })

  it('without a heartbeat is one too, though nobody waits', async () => {
    const kept = keep(await place())
    await kept.engine.start()
    await serving(kept)
    await kept.do('silence')
    await until('the fault', () => kept.faults().some((one) => one.cause === 'hung'))
    expect(kept.faults()[0]!.detail).toMatch(/^no progress for \d+ s: it stood still$/)
  })

  it('and recovers before its rebuild was allowed is left alone, and watched as before', async () => {
    const kept = keep(await place())
    await kept.engine.start()
    await serving(kept)
    kept.allow = false
    await kept.do('hang')
    await until('the fault', () => kept.faults().length === 1)
    expect(kept.engine.wants('rebuild')).toBe(true)
    const first = kept.pid()
    await kept.do('recover')
    await until('recovered', () => !kept.engine.wants('rebuild'))
    expect(kept.engine.readings().up).toBe(true)
    kept.allow = true
    process.kill(first, 'SIGKILL')
    await until('its later end is seen', () => kept.faults().length === 2)
    expect(kept.faults()[1]).toMatchObject({ cause: 'killed' })
    await until('another', () => kept.pid() !== first && kept.pid() !== 0)
  })

  it('and dies before its rebuild was allowed is one fault, and still wanted', async () => {
    const kept = keep(await place())
    await kept.engine.start()
    await serving(kept)
    kept.allow = false
    await kept.do('hang')
    await until('the fault', () => kept.faults().length === 1)
    process.kill(kept.pid(), 'SIGKILL')
    await until('gone', () => kept.pid() === 0)
    expect(kept.faults().length).toBe(1)
    expect(kept.engine.wants('rebuild')).toBe(true)
    // The rebuild that was asked for may have come to nothing: a start is asked for as well.
    kept.allow = true
    kept.skip(1000)
    await serving(kept)
    expect(kept.wishes.map((one) => one.action)).toEqual(['start', 'rebuild', 'start'])
    expect(kept.engine.wants('rebuild')).toBe(false)
  })

  it('answers but does not infer: rebuilt after as many probes as configured', async () => {
    const kept = keep(await place(), { watch: { probe_interval: '50ms', probe_failures: 3, stall_timeout: '20s' } })
    await kept.engine.start()
    await serving(kept)
    const first = kept.pid()
    await kept.do('fail')
    await until('the rebuild', () => kept.pid() !== first && kept.pid() !== 0)
    expect(kept.faults()).toEqual([{ cause: 'probe_failed', detail: '3 probes in a row failed: HTTP 500' }])
  })
})

describe('a stop', () => {
  it('is no fault, ends the whole group, and nothing starts again', async () => {
    const at = await place({ child: true })
    const kept = keep(at)
    await kept.engine.start()
    await serving(kept)
    const log = path.join(at.directory, 'log', 'engine-default.log')
    await until('the child', () => readFileSync(log, 'utf8').includes('child '))
    const child = Number(/child (\d+)/.exec(readFileSync(log, 'utf8'))![1])
    const leader = kept.pid()
    expect(running(child)).toBe(true)
    await kept.engine.perform('stop')
    await until('all gone', () => !running(child) && !running(leader))
    kept.skip(120_000)
    kept.engine.tick()
    expect(kept.wishes.length).toBe(1)
    expect(kept.faults()).toEqual([])
    expect(kept.engine.state(0)).toMatchObject({ phase: 'stopped', pid: null, incarnation: null })
    expect(existsSync(path.join(at.directory, 'run', 'engine-default.json'))).toBe(false)
  })

  it('of one that does not hear ends it by force', async () => {
    const kept = keep(await place({ deaf: true }))
    await kept.engine.start()
    await serving(kept)
    const pid = kept.pid()
    await kept.engine.perform('stop')
    expect(running(pid)).toBe(false)
  })

  it('by a crash takes the rest of the group along', async () => {
    const at = await place({ child: true })
    const kept = keep(at)
    await kept.engine.start()
    await serving(kept)
    const log = path.join(at.directory, 'log', 'engine-default.log')
    await until('the child', () => readFileSync(log, 'utf8').includes('child '))
    const child = Number(/child (\d+)/.exec(readFileSync(log, 'utf8'))![1])
    await kept.do('segv')
    await until('the child is gone', () => !running(child))
  })
})

describe('an agent that comes back', () => {
  it('adopts what still runs, says once that it was proved to serve, and sees its end', async () => {
    const at = await place()
    const before = keep(at)
    await before.engine.start()
    await serving(before)
    before.engine.release()
    const after = keep(at)
    await after.engine.start()
    await serving(after)
    expect([after.pid(), after.engine.incarnation()]).toEqual([before.pid(), before.engine.incarnation()])
    expect(after.wishes).toEqual([])
    expect(after.events).toMatchObject([
      { kind: 'change', detail: `adopted pid ${before.pid()}` },
      { kind: 'verdict', verdict: 'healthy', previous: 'loading' },
    ])
    process.kill(after.pid(), 'SIGKILL')
    await until('its end', () => after.faults().length === 1)
    expect(after.faults()).toMatchObject([{ cause: 'killed' }])
  })

  it('tells of an end that nobody watched, and starts another', async () => {
    const at = await place()
    const before = keep(at)
    await before.engine.start()
    await serving(before)
    const pid = before.pid()
    before.engine.release()
    process.kill(pid, 'SIGKILL')
    await until('gone', () => !running(pid))
    const after = keep(at)
    await after.engine.start()
    expect(after.faults()).toMatchObject([{ cause: 'killed' }])
    await serving(after)
    expect(after.pid()).not.toBe(pid)
  })

  it('with another configuration asks for a restart, which does not count', async () => {
    const at = await place()
    const before = keep(at)
    await before.engine.start()
    await serving(before)
    const pid = before.pid()
    before.engine.release()
    const after = keep(at, { threads: 2 })
    await after.engine.start()
    expect(after.wishes).toMatchObject([{ action: 'restart', counts: false }])
    await until('restarted', () => after.pid() !== 0 && after.pid() !== pid)
    await serving(after)
    expect(after.engine.wants('restart')).toBe(false)
    expect(after.faults()).toEqual([])
  })

  it.each([
    ['damaged', '{"pid": 1'],
    [
      'of another boot',
      JSON.stringify({
        pid: 1,
        startTime: '1',
        bootId: 'other',
        incarnation: 'x',
        telemetry: '',
        log: '',
        logFrom: 0,
        arguments: [],
      }),
    ],
    ['of another form', '{"pid": "me"}'],
  ])('finds a run file that is %s and simply starts', async (_title, text) => {
    const at = await place()
    writeFileSync(path.join(at.directory, 'run', 'engine-default.json'), text)
    const kept = keep(at)
    await kept.engine.start()
    expect(kept.wishes).toMatchObject([{ action: 'start' }])
    expect(kept.faults()).toEqual([])
    await serving(kept)
  })
})

describe('a disk that is full or gone', () => {
  it('keeps no engine from running: the run file is written when there is room', async () => {
    const at = await place()
    let full = true
    const files: FileLayer = {
      ...nodeFileLayer,
      writeAtomic: (file, bytes, mode) => {
        if (full) throw new Error('ENOSPC: no space left on device')
        nodeFileLayer.writeAtomic(file, bytes, mode)
      },
    }
    const kept = keep(at, { files })
    await kept.engine.start()
    await serving(kept)
    const run = path.join(at.directory, 'run', 'engine-default.json')
    expect(existsSync(run)).toBe(false)
    full = false
    kept.skip(6000)
    await until('the run file', () => existsSync(run))
    expect(JSON.parse(readFileSync(run, 'utf8'))).toMatchObject({ pid: kept.pid() })
  })

  it('makes a start fail in words, and it is tried again', async () => {
    const at = await place()
    const log = path.join(at.directory, 'log')
    renameSync(log, `${log}.away`)
    const kept = keep(at)
    await expect(kept.engine.perform('start')).rejects.toThrow(/ENOENT/)
    expect(kept.engine.state(0).phase).toBe('backoff')
    renameSync(`${log}.away`, log)
    kept.skip(2000)
    await serving(kept)
    expect(kept.wishes).toMatchObject([{ action: 'start', reason: expect.stringContaining('ENOENT') }])
  })
})
