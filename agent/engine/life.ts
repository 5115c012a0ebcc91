// One life of an engine: the process from its start or adoption to its end, and why it ended. Invariant: a life is never born twice; what it
// holds of the outside (process, page, log) is named by its run file.

import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { FileLayer } from '../../core/base/file-layer.ts'
import type { Log } from '../../core/base/log.ts'
import { type ExitCause, exitCause } from '../../core/repair/exit-cause.ts'
import type { EngineConfig } from './config.ts'
import { kernelOomLine, oomCounters, readOomCount } from './kernel-evidence.ts'
import { signalGroup } from './process-table.ts'
import { type RunFile, writeRunFile } from './run-file.ts'
import { type Exit, lastWords, spawnEngine } from './runtime.ts'
import { readTelemetryPage } from './telemetry-page.ts'

export type Life = {
  readonly run: RunFile
  readonly startedAt: number
  readonly oom: ReturnType<typeof oomCounters>
  readonly oomBefore: number
  /** Our own child: its end comes with a status. */
  readonly own: boolean
  exit: Exit | null
  /** When it was first seen to be gone, monotonic. */
  goneAt: number | null
  /** `condemned`: its fault is told and its rebuild is asked for, not yet allowed. `ending`: we are ending it, so its end is no fault. */
  fate: 'kept' | 'condemned' | 'ending'
  verified: boolean
  /** The run file could not be written (disk full): to be tried again then, monotonic. */
  writeAgainAt: number | null
}

export type LifeDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly files: FileLayer
  readonly bootId: string
  readonly directory: string
  readonly program: string
  readonly config: EngineConfig
  readonly newIncarnation: () => string
}

export const runFilePath = (directory: string, name: string): string => `${directory}/run/engine-${name}.json`

export function lifeOf(run: RunFile, own: boolean, now: number): Life {
  const oom = oomCounters(run.pid)
  const oomBefore = readOomCount(oom)
  return {
    run,
    startedAt: now,
    oom,
    oomBefore,
    own,
    exit: null,
    goneAt: null,
    fate: 'kept',
    verified: false,
    writeAgainAt: null,
  }
}

/** Arguments that make an engine what it is: others are another engine. */
export function engineArguments(config: EngineConfig): string[] {
  const host = config.listen.host.includes(':') ? `[${config.listen.host}]` : config.listen.host
  const optional: [string, number | string | undefined][] = [
    ['--threads', config.threads],
    ['--max-batch', config.max_batch],
    ['--max-queue', config.max_queue],
    ['--kv-tokens', config.kv_tokens],
    ['--step-tokens', config.step_tokens],
    ['--request-timeout', config.request_timeout],
    ['--allowed-hosts', config.allowed_hosts.join(',') || undefined],
  ]
  return [
    '--model',
    config.model,
    '--name',
    config.name,
    '--listen',
    `${host}:${config.listen.port}`,
    ...optional.flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)])),
  ]
}

/** Starts the process. `exit` resolves when it is gone. Throws when there is no process to speak of. */
export async function beginLife(deps: LifeDeps): Promise<{ readonly life: Life; readonly exit: Promise<Exit> }> {
  const { files, directory, config } = deps
  const incarnation = deps.newIncarnation()
  const log = `${directory}/log/engine-${config.name}.log`
  const telemetry = `${directory}/run/engine-${config.name}.${incarnation}.telemetry`
  for (const file of files.list(`${directory}/run`)) {
    if (file.startsWith(`engine-${config.name}.`) && file.endsWith('.telemetry'))
      files.remove(`${directory}/run/${file}`)
  }
  const line = engineArguments(config)
  const spawned = await spawnEngine({
    program: deps.program,
    arguments: [...line, '--telemetry', telemetry, '--incarnation', incarnation],
    log,
  })
  const life = lifeOf(
    {
      pid: spawned.pid,
      startTime: spawned.startTime,
      bootId: deps.bootId,
      incarnation,
      telemetry,
      log,
      logFrom: spawned.logFrom,
      arguments: line,
    },
    true,
    deps.clock.monotonic(),
  )
  recordLife(deps, life)
  return { life, exit: spawned.exit }
}

/** Writes the run file. An engine that runs is kept although it cannot be written: it could not be adopted, but it serves. */
export function recordLife(deps: LifeDeps, life: Life): void {
  try {
    writeRunFile(deps.files, runFilePath(deps.directory, deps.config.name), life.run)
    life.writeAgainAt = null
  } catch (error) {
    life.writeAgainAt = deps.clock.monotonic() + 5000
    deps.log.error('run file could not be written', { engine: deps.config.name, error: errorText(error) })
  }
}

/** Why the process is gone; what is left of its group goes with it, since it may hold the port or the device. */
export function endOfLife(over: Life): ExitCause {
  // Only right after the exit of our own child: later the number may be somebody else's.
  if (over.exit !== null) signalGroup(over.run.pid, 'SIGKILL')
  const page = readTelemetryPage(over.run.telemetry)
  return exitCause({
    exitCode: over.exit?.exitCode ?? null,
    signal: over.exit?.signal ?? null,
    fatalSignal: page?.fatalSignal ?? 0,
    fatalReason: page?.fatalReason ?? 'none',
    pageState: page?.state ?? null,
    lastWords: lastWords(over.run.log, over.run.logFrom),
    kernelOom:
      readOomCount(over.oom) > over.oomBefore ? 'the memory cgroup counted an OOM kill' : kernelOomLine(over.run.pid),
  })
}
