// The embedded PostgreSQL in folders that somebody else prepared: a socket folder made first, a stale pid file, a process that is left.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '../../../core/base/clock.ts'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { startEmbeddedPostgres } from '../../../server/db/embedded-postgres.ts'

it.each([
  [
    'open to others',
    (folder: string) => {
      mkdirSync(folder)
      chmodSync(folder, 0o777)
    },
  ],
  ['a link to elsewhere', (folder: string, data: string) => symlinkSync(data, folder)],
])('a socket folder outside the data folder that is %s is refused', async (_name, make) => {
  const data = mkdtempSync(path.join(tmpdir(), `iw-${'long'.repeat(20)}-`))
  const digest = createHash('sha256').update(path.join(data, 'run')).digest('hex').slice(0, 16)
  const sockets = path.join(tmpdir(), `inferward-${process.getuid!()}-${digest}`)
  try {
    make(sockets, data)
    const start = startEmbeddedPostgres({ dataDirectory: data, clock: systemClock, log: silentLog })
    await expect(start).rejects.toThrow(`${sockets} is not a folder of ours alone`)
  } finally {
    rmSync(sockets, { recursive: true, force: true })
    rmSync(data, { recursive: true, force: true })
  }
})

it('a pid file that names somebody else does not hold up the start', async () => {
  const dataDirectory = mkdtempSync(path.join(tmpdir(), 'iw-pg-stale-'))
  const start = () => startEmbeddedPostgres({ dataDirectory, clock: systemClock, log: silentLog })
  const file = path.join(dataDirectory, 'postgres', 'postmaster.pid')
  try {
    const first = await start()
    const held = readFileSync(file, 'utf8').split('\n')
    await first.stop()
    // As after a crash whose pid was given to another process of ours, which PostgreSQL by itself takes for its own.
    writeFileSync(file, [String(process.pid), ...held.slice(1)].join('\n'))
    const second = await start()
    expect(second.adopted).toBe(false)
    await second.stop()
  } finally {
    rmSync(dataDirectory, { recursive: true, force: true })
  }
}, 60_000)

it('a folder that a process of PostgreSQL still works in is left alone', async () => {
  const dataDirectory = mkdtempSync(path.join(tmpdir(), 'iw-pg-left-'))
  const clock = virtualClock()
  const cluster = path.join(dataDirectory, 'postgres')
  mkdirSync(cluster)
  mkdirSync(path.join(dataDirectory, 'postgres-left'))
  writeFileSync(path.join(cluster, 'PG_VERSION'), '18\n')
  symlinkSync('/bin/sleep', path.join(dataDirectory, 'postgres-left', 'postgres'))
  const left = spawn(path.join(dataDirectory, 'postgres-left', 'postgres'), ['60'], { cwd: cluster, stdio: 'ignore' })
  try {
    const start = startEmbeddedPostgres({ dataDirectory, clock, log: silentLog })
    const refused = expect(start).rejects.toThrow(`is in use by pid ${left.pid}`)
    await clock.advance(11_000)
    await refused
  } finally {
    left.kill('SIGKILL')
    rmSync(dataDirectory, { recursive: true, force: true })
  }
})
