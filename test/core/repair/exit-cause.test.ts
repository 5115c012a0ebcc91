// Why a process is gone: one row per cause, with the evidence it rests on.

import { describe, expect, it } from 'vitest'
import { faultCauses } from '../../../core/event/event.ts'
import { type ExitSignals, exitCause } from '../../../core/repair/exit-cause.ts'
import { cpuMs } from '../../helpers/cpu-time.ts'

const nothing: ExitSignals = {
  exitCode: null,
  signal: null,
  fatalSignal: 0,
  fatalReason: 'none',
  pageState: null,
  lastWords: '',
  kernelOom: null,
}
const rows: readonly (readonly [string, Partial<ExitSignals>, string, string])[] = [
  [
    'the kernel killed it for memory',
    { signal: 'SIGKILL', kernelOom: 'oom_kill rose by 1' },
    'out_of_memory',
    'kernel',
  ],
  [
    'the kernel killed it, though it noted a crash',
    { signal: 'SIGSEGV', kernelOom: 'Killed process 7' },
    'out_of_memory',
    'kernel',
  ],
  ['it noted that memory ran out', { signal: 'SIGABRT', fatalReason: 'out_of_memory' }, 'out_of_memory', 'telemetry'],
  ['it ended with its code for memory', { exitCode: 12 }, 'out_of_memory', 'parent'],
  [
    'its heap was exhausted',
    { signal: 'SIGABRT', lastWords: 'FATAL ERROR: JavaScript heap out of memory\n 1: 0xdead node::Abort' },
    'out_of_memory',
    'log',
  ],
  [
    'it could not allocate',
    { signal: 'SIGABRT', lastWords: "terminate called after throwing 'std::bad_alloc'" },
    'out_of_memory',
    'log',
  ],
  ['an adopted one said that memory ran out', { lastWords: 'Cannot allocate memory' }, 'out_of_memory', 'log'],
  ['it could not load', { exitCode: 3, lastWords: 'model.gguf: no such file' }, 'load_failed', 'log'],
  ['its port was taken', { exitCode: 13, lastWords: 'port 9720 is in use' }, 'load_failed', 'log'],
  ['SIGKILL from outside', { signal: 'SIGKILL' }, 'killed', 'parent'],
  ['an adopted one vanished while it served', { pageState: 'serving' }, 'killed', 'parent'],
  ['an adopted one vanished while it loaded', { pageState: 'loading' }, 'killed', 'parent'],
  ['a signal nobody has a row for', { signal: 'SIGUSR2' }, 'killed', 'parent'],
  ['an assertion', { signal: 'SIGABRT', lastWords: 'assertion failed: x > 0' }, 'aborted', 'log'],
  ['a trap', { signal: 'SIGTRAP' }, 'aborted', 'parent'],
  ['an adopted one that noted SIGABRT', { fatalSignal: 6, pageState: 'serving' }, 'aborted', 'telemetry'],
  ['SIGSEGV', { signal: 'SIGSEGV' }, 'crashed', 'parent'],
  ['SIGBUS', { signal: 'SIGBUS' }, 'crashed', 'parent'],
  ['SIGILL', { signal: 'SIGILL' }, 'crashed', 'parent'],
  ['an adopted one that noted SIGFPE', { fatalSignal: 8 }, 'crashed', 'telemetry'],
  ['SIGTERM', { signal: 'SIGTERM' }, 'terminated', 'parent'],
  ['SIGINT', { signal: 'SIGINT' }, 'terminated', 'parent'],
  ['SIGHUP', { signal: 'SIGHUP' }, 'terminated', 'parent'],
  ['it returned 0', { exitCode: 0 }, 'exited', 'parent'],
  ['it heard SIGTERM, finished and left', { exitCode: 0, pageState: 'stopped' }, 'terminated', 'parent'],
  [
    'it returned 7, though its log speaks of memory it once lacked',
    { exitCode: 7, lastWords: 'retry: out of memory' },
    'exited',
    'log',
  ],
  ['an adopted one that had stopped', { pageState: 'stopped' }, 'unknown', 'parent'],
  ['nothing at all', {}, 'unknown', 'parent'],
]

describe('the cause of an exit', () => {
  it.each(rows)('when %s', (_name, signals, cause, source) => {
    const found = exitCause({ ...nothing, ...signals })
    expect(found.cause).toBe(cause)
    expect(found.detail).not.toBe('')
    expect(found.evidence.map((one) => one.source)).toContain(source)
  })

  it('is in the table above for every cause that an exit can have', () => {
    const told = new Set(rows.map(([, , cause]) => cause))
    expect(faultCauses.filter((cause) => !told.has(cause))).toEqual(['hung', 'probe_failed'])
  })

  it('always says how the process ended, and quotes the line a person would', () => {
    const found = exitCause({
      ...nothing,
      signal: 'SIGABRT',
      lastWords: 'assertion failed: a == b\n 1: 0xabc frame\n    at run (x.js:1)\n----\n#\n\n',
    })
    expect(found.evidence).toEqual([
      { source: 'parent', statement: 'ended by SIGABRT' },
      { source: 'log', statement: 'assertion failed: a == b' },
    ])
    expect(found.detail).toBe('assertion failed: a == b')
  })

  it('does not quote what our own log said while the engine was well', () => {
    const log = (level: string, message: string): string =>
      JSON.stringify({ '@timestamp': '2026-01-01T00:00:00.000Z', 'log.level': level, message })
    const found = exitCause({ ...nothing, signal: 'SIGABRT', lastWords: `${log('info', 'engine serving')}\n` })
    expect(found.detail).toBe('ended itself by SIGABRT')
    expect(found.evidence).toEqual([{ source: 'parent', statement: 'ended by SIGABRT' }])
    const failing = `${log('error', 'telemetry lost')}\n${log('info', 'engine serving')}\n`
    expect(exitCause({ ...nothing, signal: 'SIGABRT', lastWords: failing }).detail).toContain('telemetry lost')
  })

  it.each([3, 13])('quotes the fault that the engine named with exit code %i, not the advice after it', (exitCode) => {
    const said = [
      '127.0.0.1:9720 is in use by another process',
      'because: listen EADDRINUSE',
      'See who it is: ss -ltnp',
    ]
    const lastWords = `${said.map((line) => `inferward-engine: ${line}`).join('\n')}\n`
    expect(exitCause({ ...nothing, exitCode, lastWords }).detail).toBe(`inferward-engine: ${said[0]}`)
  })

  it.each([3, 13])('never leaves the detail of exit code %i empty when the process said nothing', (exitCode) => {
    expect(exitCause({ ...nothing, exitCode }).detail).not.toBe('')
  })

  it('cuts what was said to 300 characters, and takes a megabyte without a pause', () => {
    const begun = cpuMs()
    const found = exitCause({
      ...nothing,
      signal: 'SIGABRT',
      lastWords: `${'x'.repeat(1 << 20)}\n${' '.repeat(1 << 20)}`,
    })
    expect(found.detail).toHaveLength(300)
    expect(cpuMs() - begun).toBeLessThan(2000)
  })
})
