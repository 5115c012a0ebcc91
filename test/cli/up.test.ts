// `up` as a process, where it refuses to start.

import { spawnSync } from 'node:child_process'
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
