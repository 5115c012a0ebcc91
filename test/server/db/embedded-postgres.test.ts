// Where the socket of the embedded PostgreSQL lies when the data folder has a long path.

import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '../../../core/base/clock.ts'
import { silentLog } from '../../../core/base/log.ts'
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
