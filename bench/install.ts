// A clean copy of the last commit with its packages installed and built, as a new user gets it. Invariant: the copy is gone when `use` ends.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { systemClock } from '../core/base/clock.ts'

const installMs = 900_000

export async function withInstalledCopy<T>(
  project: string,
  signal: AbortSignal,
  use: (copy: { readonly folder: string; readonly installSeconds: number }) => Promise<T>,
): Promise<T> {
  const place = mkdtempSync(path.join(tmpdir(), 'iw-clone-'))
  const folder = path.join(place, 'inferward')
  try {
    await run('git', ['clone', '-q', '--no-hardlinks', project, folder], place, signal)
    const begun = systemClock.monotonic()
    await run('npm', ['ci', '--no-audit', '--no-fund'], folder, signal)
    return await use({ folder, installSeconds: (systemClock.monotonic() - begun) / 1000 })
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** Its own process group, so that an interrupt ends the program and all that it started. */
function run(program: string, args: readonly string[], folder: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    let output = ''
    const take = (part: Buffer): void => {
      output = `${output}${part.toString('utf8')}`.slice(-4000)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    const end = (): void => {
      if (child.pid === undefined) return
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // ended already
      }
    }
    const limit = systemClock.timer(installMs, end)
    signal.addEventListener('abort', end, { once: true })
    const done = (fault: Error | null): void => {
      limit[Symbol.dispose]()
      signal.removeEventListener('abort', end)
      if (fault === null) resolve()
      else reject(fault)
    }
    child.once('error', (error) => done(error))
    child.once('close', (code) =>
      done(code === 0 ? null : new Error(`${program} ${args.join(' ')} ended with ${code}: ${output}`)),
    )
  })
}
