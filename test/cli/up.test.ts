// `up` as a process, where it refuses to start.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { expect, it } from 'vitest'
import { processStart } from '../../cli/process.ts'
import { entry } from '../../core/base/entry.ts'

it('a second one on a folder is refused, and touches nothing that the first keeps', () => {
  const data = mkdtempSync(path.join(tmpdir(), 'iw-up-'))
  try {
    mkdirSync(path.join(data, 'run'))
    writeFileSync(path.join(data, 'run', 'up.lock'), `${process.pid} ${processStart(process.pid)}\n`)
    const second = spawnSync(process.execPath, [entry('cli/main.ts'), 'up', '--data', data, '--lang', 'en'], {
      encoding: 'utf8',
      timeout: 20_000,
    })
    expect(second.stderr).toContain(`already runs on this folder as pid ${process.pid}`)
    expect(second.status).toBe(1)
    expect(existsSync(path.join(data, 'log'))).toBe(false)
    expect(existsSync(path.join(data, 'admin.token'))).toBe(false)
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
})

it('a Ctrl-C in the moment of its first child stops the child as well', async () => {
  const data = mkdtempSync(path.join(tmpdir(), 'iw-up-'))
  try {
    // Children that refuse their configuration: none of them opens a port, and none stays, should this test fail.
    const config = path.join(data, 'wrong.yml')
    writeFileSync(config, 'servr: {}\n')
    const up = spawn(
      process.execPath,
      [entry('cli/main.ts'), 'up', '--data', path.join(data, 'd'), '--config', config, '--lang', 'en'],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let words = ''
    up.stderr.on('data', (part) => {
      words += part
    })
    const ended = new Promise((resolve) => up.once('exit', (code, signal) => resolve([code, signal])))
    // Its log is opened just before the child begins. Watched without a pause: the moment is shorter than a timer.
    const deadline = performance.now() + 15_000
    while (!existsSync(path.join(data, 'd', 'log', 'server.log')) && performance.now() < deadline);
    up.kill('SIGINT')
    expect(await ended).toEqual([0, null])
    expect(words).toBe('stopping …\nstopped\n')
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
})
