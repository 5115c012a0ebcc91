// The agent program: flags, configuration, lock, then the app. A kill leaves the engines to be adopted; SIGTERM as well, unless
// `--stop-engines-on-exit` was given.

import './small-heap.ts'
import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { systemClock } from '../core/base/clock.ts'
import { projectRoot } from '../core/base/entry.ts'
import { describeFailure } from '../core/base/failure.ts'
import { createLog } from '../core/base/log.ts'
import { nodeFileLayer } from '../core/base/node-file-layer.ts'
import { takeLock } from '../core/base/process-lock.ts'
import { ensureFolder, programFlags, readConfig } from '../core/base/program.ts'
import { openAgent } from './app.ts'
import { agentConfig } from './config.ts'
import { readProcess } from './engine/process-table.ts'

const log = createLog({
  write: (line) => void process.stderr.write(line),
  now: () => systemClock.now(),
  level: 'info',
  fields: { program: 'agent' },
})
const startOf = (pid: number): string | null => {
  const view = readProcess(pid)
  return view === null || view.state === 'Z' ? null : view.startTime
}

try {
  const flags = programFlags(process.argv.slice(2), (file) => path.resolve(file))
  const config = readConfig({ files: nodeFileLayer, file: flags.config, schema: agentConfig, environment: process.env })
  for (const folder of ['', 'run', 'log']) ensureFolder(nodeFileLayer, path.join(flags.data, folder))
  const lock = takeLock({
    files: nodeFileLayer,
    path: path.join(flags.data, 'run', 'agent.lock'),
    self: { pid: process.pid, startTime: startOf(process.pid) ?? '' },
    startOf,
    what: 'an agent',
  })
  const { version } = JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8')) as { version: string }
  const app = await openAgent({
    data: flags.data,
    config,
    model: flags.model,
    directory: flags.config === undefined ? process.cwd() : path.dirname(flags.config),
    files: nodeFileLayer,
    log,
    version,
  })
  let stopping = false
  const stop = (): void => {
    if (stopping) return
    stopping = true
    app
      .stop(flags.stopEnginesOnExit)
      .catch((error: unknown) => process.stderr.write(describeFailure('inferward-agent', error).text))
      .finally(() => {
        lock.release()
        process.exit(0)
      })
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
} catch (error) {
  const failure = describeFailure('inferward-agent', error)
  process.stderr.write(failure.text)
  process.exit(failure.exitCode)
}
