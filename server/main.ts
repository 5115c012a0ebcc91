// The server program: flags, configuration, lock, then the app; SIGTERM stops it and its PostgreSQL, a kill leaves PostgreSQL to be adopted.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { systemClock } from '../core/base/clock.ts'
import { projectRoot } from '../core/base/entry.ts'
import { exitCodes } from '../core/base/errors.ts'
import { describeFailure } from '../core/base/failure.ts'
import { createLog } from '../core/base/log.ts'
import { nodeFileLayer } from '../core/base/node-file-layer.ts'
import { takeLock } from '../core/base/process-lock.ts'
import { ensureFolder, programFlags, readConfig } from '../core/base/program.ts'
import { shownConfig } from '../core/base/shown-config.ts'
import { openServer, type ServerApp } from './app.ts'
import { serverConfig, withGlobal } from './config.ts'
import { openDatabase } from './db/database.ts'
import { startOf } from './db/process-start.ts'
import { takeOffice } from './office.ts'

const log = createLog({
  write: (line) => void process.stderr.write(line),
  now: () => systemClock.now(),
  level: 'info',
  fields: { program: 'server' },
})

try {
  const flags = programFlags(process.argv.slice(2), (file) => path.resolve(file))
  const config = withGlobal(
    readConfig({
      files: nodeFileLayer,
      file: flags.config,
      schema: serverConfig,
      environment: process.env,
    }),
  )
  ensureFolder(nodeFileLayer, flags.data)
  ensureFolder(nodeFileLayer, path.join(flags.data, 'run'))
  const lock = takeLock({
    files: nodeFileLayer,
    path: path.join(flags.data, 'run', 'server.lock'),
    self: { pid: process.pid, startTime: startOf(process.pid) ?? '' },
    startOf,
    what: 'a server',
  })
  const { version } = JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8')) as { version: string }
  let stopping = false
  const stopped = new AbortController()
  /** Null: stopped before it was its turn. */
  const begin = async (): Promise<ServerApp | null> => {
    const databaseUrl = process.env.DATABASE_URL || undefined // set to nothing is not set
    const database = await openDatabase({ dataDirectory: flags.data, databaseUrl, clock: systemClock, log })
    const office = await takeOffice({
      database,
      data: flags.data,
      config: config.server,
      clock: systemClock,
      log,
      stopping: stopped.signal,
      onLost: () => {
        // Nothing is put in order: whatever it would write is refused, and the next life waits for its turn.
        log.error('another server acts now; this one ends, to stand by in its next life')
        process.exit(exitCodes.unreachable)
      },
    }).catch(async (error: unknown) => {
      await database.stop(true)
      throw error
    })
    if (office === null) {
      await database.stop(true)
      return null
    }
    return openServer({
      configText: flags.config === undefined ? '' : shownConfig(readFileSync(flags.config, 'utf8')),
      configDirectory: flags.config === undefined ? process.cwd() : path.dirname(flags.config),
      data: flags.data,
      config,
      clock: systemClock,
      log,
      version,
      environment: process.env,
      database: office.database,
      mayAct: office.mayAct,
    }).catch(async (error: unknown) => {
      // Of a start that failed nothing goes on.
      await office.database.stop(true)
      throw error
    })
  }
  const stop = (): void => {
    if (stopping) return
    stopping = true
    stopped.abort()
    begun
      .then((app) => app?.stop(true))
      .catch((error: unknown) => process.stderr.write(describeFailure('inferward-server', error).text))
      .finally(() => {
        lock.release()
        process.exit(0)
      })
  }
  // Heard before anything is begun: what a start under way began would otherwise outlive it.
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  // What is wrong is in the log, and what was in force stays.
  process.on('SIGHUP', () => void begun.then((app) => app?.reload()).catch(() => {}))
  const begun = begin()
  await begun
} catch (error) {
  const failure = describeFailure('inferward-server', error)
  process.stderr.write(failure.text)
  process.exit(failure.exitCode)
}
