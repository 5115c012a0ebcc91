// One long-running program that `up` keeps: started in its own session with its output in a file, restarted with back-off, and adopted
// when it still runs from an earlier `up`. Invariants: at most one process per run file; the file with its output is bounded while it runs.

import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import * as path from 'node:path'
import { steadyDelay } from '../core/base/backoff.ts'
import type { Clock } from '../core/base/clock.ts'
import { exitCodes } from '../core/base/errors.ts'
import { boundLogFile, maxLogBytes } from '../core/base/log-file.ts'
import { nodeFileLayer } from '../core/base/node-file-layer.ts'
import { isAlive, processStart } from './process.ts'

export type ChildSpec = {
  readonly name: string
  readonly arguments: readonly string[]
  /** Asks the child to end; SIGTERM unless the child knows better. */
  readonly stopSignal: NodeJS.Signals
  readonly stopMs: number
}

export type ChildEvent =
  | { readonly kind: 'started' | 'adopted'; readonly pid: number }
  | {
      readonly kind: 'ended'
      readonly code: number | null
      readonly signal: string | null
      readonly again: boolean
      readonly inMs: number
    }

export type Child = {
  /** Resolves when the child has ended for good: asked to, or with a code that a restart cannot mend. */
  readonly done: Promise<{ readonly code: number; readonly words: string }>
  stop(): Promise<void>
}

type RunFile = { readonly pid: number; readonly startTime: string }

/**
 * Usage, configuration and "already running" faults come back the same however often one tries. Only until the program
 * once stood: from then on the same code is a passing trouble (a port held, a database away), and giving up would stop
 * everything beside it as well.
 */
const finalCodes: readonly number[] = [exitCodes.usage, exitCodes.config, 1]
const stoodMs = 5000

export function keepChild(
  spec: ChildSpec,
  deps: {
    readonly directory: string
    readonly program: string
    readonly clock: Clock
    readonly log?: { readonly maxBytes: number; readonly lookMs: number }
    readonly onEvent: (event: ChildEvent) => void
  },
): Child {
  const runFile = path.join(deps.directory, 'run', `${spec.name}.json`)
  const logFile = path.join(deps.directory, 'log', `${spec.name}.log`)
  mkdirSync(path.dirname(runFile), { recursive: true, mode: 0o700 })
  mkdirSync(path.dirname(logFile), { recursive: true, mode: 0o700 })
  const stopping = new AbortController()
  let pid: number | null = null
  /** Where in the log the words of the present child begin. */
  let logStart = 0

  const { maxBytes, lookMs } = deps.log ?? { maxBytes: maxLogBytes, lookMs: 1000 }
  const boundLog = async (over: AbortSignal): Promise<void> => {
    while (!over.aborted) {
      if (boundLogFile(nodeFileLayer, logFile, maxBytes)) logStart = 0
      await deps.clock.sleep(lookMs, over)
    }
  }

  const readRunFile = (): RunFile | null => {
    try {
      const held = JSON.parse(readFileSync(runFile, 'utf8')) as Partial<RunFile> | null
      // Nought and negative numbers name groups of processes, to a signal; never ours.
      const whole = Number.isInteger(held?.pid) && held!.pid! > 1 && typeof held!.startTime === 'string'
      return whole ? (held as RunFile) : null
    } catch {
      return null // absent or half-written by a crash: nothing to adopt
    }
  }

  const start = (): Promise<{ code: number | null; signal: string | null; livedMs: number }> => {
    const log = openSync(logFile, 'a', 0o600)
    logStart = statSync(logFile).size
    const begun = deps.clock.monotonic()
    const child = spawn(process.execPath, [deps.program, ...spec.arguments], {
      detached: true,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    // At once, not with the event: a stop that comes before it must find whom to stop.
    pid = child.pid ?? null
    return new Promise((resolve) => {
      child.once('spawn', () => {
        const pid = child.pid!
        writeFileSync(`${runFile}.tmp`, JSON.stringify({ pid, startTime: processStart(pid) ?? '' }), { mode: 0o600 })
        renameSync(`${runFile}.tmp`, runFile)
        deps.onEvent({ kind: 'started', pid })
      })
      child.once('error', (error) => {
        writeFileSync(logFile, `${error.message}\n`, { flag: 'a' })
        resolve({ code: 1, signal: null, livedMs: 0 })
      })
      child.once('exit', (code, signal) => resolve({ code, signal, livedMs: deps.clock.monotonic() - begun }))
    })
  }

  const adopt = async (known: RunFile): Promise<void> => {
    pid = known.pid
    deps.onEvent({ kind: 'adopted', pid })
    while (isAlive(known.pid) && processStart(known.pid) === known.startTime) await deps.clock.sleep(200)
  }

  const run = async (): Promise<{ code: number; words: string }> => {
    const known = readRunFile()
    let stood = false
    if (known !== null && isAlive(known.pid) && processStart(known.pid) === known.startTime) {
      await adopt(known)
      pid = null
      stood = true
    }
    let failures = 0
    while (!stopping.signal.aborted) {
      const ended = await start()
      pid = null
      rmSync(runFile, { force: true })
      const words = tail(logFile, logStart)
      stood ||= ended.livedMs >= stoodMs
      if (stopping.signal.aborted) return { code: 0, words: '' }
      if (ended.code !== null && !stood && finalCodes.includes(ended.code)) {
        deps.onEvent({ kind: 'ended', code: ended.code, signal: null, again: false, inMs: 0 })
        return { code: ended.code, words }
      }
      failures = ended.livedMs > 60_000 ? 0 : failures
      const inMs = failures === 0 ? 0 : steadyDelay({ baseMs: 500, capMs: 30_000 }, failures - 1)
      failures++
      deps.onEvent({ kind: 'ended', code: ended.code, signal: ended.signal, again: true, inMs })
      await deps.clock.sleep(inMs, stopping.signal)
    }
    return { code: 0, words: '' }
  }
  const over = new AbortController()
  void boundLog(over.signal)
  const done = run().finally(() => over.abort())

  return {
    done,
    async stop() {
      stopping.abort()
      if (pid === null) return
      const target = pid
      signal(target, spec.stopSignal)
      const deadline = deps.clock.monotonic() + spec.stopMs
      while (isAlive(target) && deps.clock.monotonic() < deadline) await deps.clock.sleep(50)
      if (isAlive(target)) signal(-target, 'SIGKILL')
      rmSync(runFile, { force: true })
    },
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** What the child said last, for a child that ended at once: its words are the user's answer. */
function tail(file: string, from: number): string {
  let text: string
  try {
    text = readFileSync(file).subarray(from).toString('utf8')
  } catch {
    return '' // taken away under us: the child's words are gone, and that is no reason to end
  }
  return text
    .split('\n')
    .filter((line) => line.startsWith('inferward'))
    .slice(-8)
    .join('\n')
}
