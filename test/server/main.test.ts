// The server as a process: whatever a start that fails or is interrupted has begun ends with it.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { entry, projectRoot } from '../../core/base/entry.ts'
import { startOf } from '../../server/db/process-start.ts'

let data: string
beforeEach(() => {
  data = mkdtempSync(path.join(tmpdir(), 'iw-server-main-'))
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

function start(config: string): {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  words(): string
} {
  const file = path.join(data, 'inferward.yml')
  writeFileSync(file, config)
  const child = spawn(process.execPath, [entry('server/main.ts'), '--data', data, '--config', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, DATABASE_URL: undefined },
  })
  let words = ''
  child.stderr?.on('data', (part: Buffer) => {
    words += part.toString()
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  return { child, ended, words: () => words }
}
/** PostgreSQL removes its pid file when it ends in order. */
const databaseRuns = (): boolean => existsSync(path.join(data, 'postgres', 'postmaster.pid'))

it('a start that fails leaves no PostgreSQL behind', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  try {
    for (const [config, reason] of [
      [`server: { listen: "127.0.0.1:${port}" }`, 'is in use by another process'],
      ['server: { listen: "127.0.0.1:0" }\nalertmanager_config: nowhere.yml', 'nowhere.yml'],
    ] as const) {
      const server = start(config)
      expect(await server.ended, server.words()).not.toBe(0)
      expect(server.words()).toContain(reason)
      expect(existsSync(path.join(data, 'postgres', 'PG_VERSION'))).toBe(true)
      expect(databaseRuns()).toBe(false)
    }
  } finally {
    taken.close()
  }
}, 60_000)

it('a start that is interrupted leaves no PostgreSQL behind', async () => {
  const server = start('server: { listen: "127.0.0.1:0" }')
  await expect.poll(databaseRuns, { timeout: 30_000, interval: 5 }).toBe(true)
  const [line = ''] = readFileSync(path.join(data, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)
  server.child.kill('SIGTERM')
  expect(await server.ended, server.words()).toBe(0)
  expect(startOf(Number(line))).toBeNull()
  expect(databaseRuns()).toBe(false)
}, 60_000)

it('goes on when its log takes nothing any more', async () => {
  const file = path.join(data, 'inferward.yml')
  writeFileSync(file, 'server: { listen: "127.0.0.1:0" }')
  // Every write to it fails, as on a full disk.
  const full = openSync('/dev/full', 'w')
  const command = path.join(projectRoot, 'cli', 'inferward.mjs')
  const child = spawn(process.execPath, [command, 'server', '--data', data, '--config', file], {
    stdio: ['ignore', full, full],
    env: { ...process.env, DATABASE_URL: undefined },
  })
  closeSync(full)
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  try {
    const ready = async (): Promise<boolean> =>
      (await fetch(`${readFileSync(path.join(data, 'run', 'server.url'), 'utf8').trim()}/-/ready`)).ok
    await expect.poll(() => ready().catch(() => false), { timeout: 30_000, interval: 100 }).toBe(true)
  } finally {
    child.kill('SIGTERM')
  }
  expect(await ended).toBe(0)
}, 60_000)
