// A whole stack for a measurement: `inferward up` on an empty temporary folder and free ports, with the shipped model. Invariant: when
// `measure` has ended, in whatever way, no process of it runs and its folder is gone.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { systemClock } from '../core/base/clock.ts'
import { endAll, type Process, treeOf } from './process-tree.ts'

const firstAnswerMs = 120_000
const stopMs = 45_000

export type Stack = { readonly firstAnswerSeconds: number; readonly processes: () => readonly Process[] }

/** `project`: the folder with package.json whose build is started. */
export async function withStack<T>(
  project: string,
  signal: AbortSignal,
  measure: (stack: Stack) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'iw-bench-'))
  const seen = new Map<number, Process>()
  let up: ChildProcess | undefined
  try {
    const config = path.join(folder, 'inferward.yml')
    const model = path.join(project, 'native/model/default.gguf')
    const [server, engine] = [await freePort(), await freePort()]
    writeFileSync(
      config,
      `server: { listen: "127.0.0.1:${server}" }\nagent: { listen: null }\nengines:\n  - { name: default, model: ${JSON.stringify(model)}, listen: "127.0.0.1:${engine}" }\n`,
    )
    const begun = systemClock.monotonic()
    const started = spawn(
      process.execPath,
      [path.join(project, 'cli/inferward.mjs'), 'up', '--data', path.join(folder, 'data'), '--config', config],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, INFERWARD_LANG: 'en' }, detached: true },
    )
    up = started
    const processes = (): readonly Process[] => {
      const now = treeOf(started.pid!)
      for (const one of now) seen.set(one.pid, one)
      return now
    }
    let output = ''
    const take = (part: Buffer): void => {
      output = `${output}${part.toString('utf8')}`.slice(-20_000)
    }
    started.stdout.on('data', take)
    started.stderr.on('data', take)
    let failed: Error | undefined
    started.once('error', (error) => {
      failed = error
    })
    while (!output.includes('first answer:')) {
      signal.throwIfAborted()
      if (failed !== undefined) throw failed
      if (started.exitCode !== null) throw new Error(`the stack ended with code ${started.exitCode}: ${output}`)
      if (systemClock.monotonic() - begun > firstAnswerMs) throw new Error(`no first answer: ${output}`)
      processes()
      await systemClock.sleep(20, signal)
    }
    return await measure({ firstAnswerSeconds: (systemClock.monotonic() - begun) / 1000, processes })
  } finally {
    if (up !== undefined) await stop(up, seen)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function stop(up: ChildProcess, seen: ReadonlyMap<number, Process>): Promise<void> {
  if (up.pid !== undefined && up.exitCode === null && up.signalCode === null) {
    up.kill('SIGINT')
    const deadline = systemClock.monotonic() + stopMs
    while (up.exitCode === null && up.signalCode === null && systemClock.monotonic() < deadline)
      await systemClock.sleep(50)
  }
  const left = endAll(seen.values())
  if (left.length > 0) process.stderr.write(`bench: ended by force: ${left.map((one) => one.command).join(', ')}\n`)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}
