// Starts and stops engine processes. A child lives in its own session with its output in a file, never a pipe, so that it outlives its
// supervisor; it is stopped as a whole process group, politely first.

import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import { readProcess, signalGroup } from './process-table.ts'

const maxLogBytes = 16 << 20

export type Exit = { readonly exitCode: number | null; readonly signal: string | null }

export type Spawned = {
  readonly pid: number
  readonly startTime: string
  /** Size of the log when this life began. */
  readonly logFrom: number
  /** Resolves when the child is gone, with its status. */
  readonly exit: Promise<Exit>
}

export async function spawnEngine(options: {
  readonly program: string
  readonly arguments: readonly string[]
  readonly log: string
}): Promise<Spawned> {
  rotate(options.log)
  const logFrom = logSize(options.log)
  const output = openSync(options.log, 'a', 0o600)
  const child = spawn(process.execPath, [options.program, ...options.arguments], {
    detached: true,
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  const exit = new Promise<Exit>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }))
    child.once('error', (error) => resolve({ exitCode: null, signal: errorText(error) }))
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  child.unref()
  const pid = child.pid!
  return { pid, startTime: readProcess(pid)?.startTime ?? '', logFrom, exit }
}

/** True while this very process is there and not a zombie. */
export function lives(pid: number, startTime: string): boolean {
  const view = readProcess(pid)
  return view !== null && view.startTime === startTime && view.state !== 'Z' && view.state !== 'X'
}

/** Asks, waits, then kills the whole group. Resolves when the process is gone. */
export async function stopEngine(
  target: { readonly pid: number; readonly startTime: string },
  deps: { readonly clock: Clock; readonly politeMs: number },
): Promise<'asked' | 'killed' | 'gone'> {
  if (!lives(target.pid, target.startTime)) return 'gone'
  signalGroup(target.pid, 'SIGTERM')
  const asked = deps.clock.monotonic()
  while (lives(target.pid, target.startTime)) {
    if (deps.clock.monotonic() - asked >= deps.politeMs) {
      signalGroup(target.pid, 'SIGKILL')
      const killed = deps.clock.monotonic()
      // A process in uninterruptible sleep (a hung driver) survives even this for a while; the caller must not wait for ever.
      while (lives(target.pid, target.startTime) && deps.clock.monotonic() - killed < 10_000) await deps.clock.sleep(20)
      return 'killed'
    }
    await deps.clock.sleep(20)
  }
  // Children that did not hear the polite word must not outlive their leader.
  signalGroup(target.pid, 'SIGKILL')
  return 'asked'
}

/** Last lines of the log written since `from`. */
export function lastWords(log: string, from: number): string {
  try {
    const text = readFileSync(log).subarray(from).toString('utf8')
    return text.trimEnd().split('\n').slice(-80).join('\n').slice(-16_000)
  } catch {
    return ''
  }
}

function logSize(log: string): number {
  try {
    return statSync(log).size
  } catch {
    return 0
  }
}

function rotate(log: string): void {
  if (logSize(log) > maxLogBytes) renameSync(log, `${log}.1`)
}
