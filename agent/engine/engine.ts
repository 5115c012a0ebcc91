// One engine that this agent keeps: its present life, what is known of its health, and what ought to be done. It decides and observes; every
// change goes through the port `ask` (the control queue) and comes back as `perform`.
//
// Invariants: at most one life at a time; an end that nobody asked for gives exactly one fault; `up` only after a real inference.

import { steadyDelay } from '../../core/base/backoff.ts'
import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { FileLayer } from '../../core/base/file-layer.ts'
import type { Log } from '../../core/base/log.ts'
import { type EngineAction, type Event, type FaultCause, faultCauses } from '../../core/event/event.ts'
import { exitCause } from '../../core/repair/exit-cause.ts'
import { firstLiveness, type Liveness, observe } from '../../core/repair/liveness.ts'
import type { EngineState } from '../../core/wire/state.ts'
import type { EngineConfig, WatchConfig } from './config.ts'
import { kernelOomLine, oomCounters, readOomCount } from './kernel-evidence.ts'
import type { Probe } from './probe.ts'
import { readProcess } from './process-table.ts'
import { type RunFile, readRunFile, writeRunFile } from './run-file.ts'
import { type Exit, lastWords, lives, logSize, spawnEngine, stopEngine } from './runtime.ts'
import { monotonicNow, readTelemetryPage } from './telemetry-page.ts'

const backoff = { baseMs: 1000, capMs: 60_000 }
const loadFailedBackoff = { baseMs: 5000, capMs: 60_000 }
const healthyResetMs = 10 * 60_000
/** How long a hung or frozen process is asked before it is killed: it will most likely not hear. */
const hungPoliteMs = 1000

/** One process, from start or adoption to its end. */
type Life = {
  readonly run: RunFile
  readonly startedAt: number
  readonly oom: ReturnType<typeof oomCounters>
  readonly oomBefore: number
  exit: Exit | null
  /** Somebody here asked it to end: then the end is no fault. */
  expected: boolean
  verified: boolean
}

export type Wish = { readonly action: EngineAction; readonly reason: string; readonly counts: boolean }

export type EngineDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly files: FileLayer
  readonly host: string
  readonly bootId: string
  readonly directory: string
  readonly program: string
  readonly config: EngineConfig
  readonly watch: WatchConfig
  readonly probe: Probe
  readonly newIncarnation: () => string
  readonly emit: (event: EventBody) => void
  /** The engine wants something done. Answered by `perform` later, or never. */
  readonly ask: (wish: Wish) => void
  readonly changed: () => void
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
/** An event without what the room fills in. */
export type EventBody = DistributiveOmit<Event, 'id' | 'at' | 'host'>

export type Engine = {
  readonly name: string
  readonly url: string
  /** Adopts what still runs, or asks for a start. */
  start(): Promise<void>
  /** Looks once; called several times a second. */
  tick(): void
  /** Carries out an action that passed the guard. Resolves when the process part is done; serving is verified later. */
  perform(action: EngineAction): Promise<void>
  /** Resolves when the present life was verified, or with the words of what stopped it. */
  verified(timeoutMs: number): Promise<string | null>
  incarnation(): string | null
  state(budgetLeft: number): EngineState
  readings(): EngineReadings
  /** Lets go without touching the process. */
  release(): void
}

export type EngineReadings = {
  readonly up: boolean
  readonly exits: Readonly<Record<FaultCause, number>>
  readonly stalledSeconds: number
  readonly probeFailures: number
  readonly probeSeconds: number | null
  readonly startSeconds: number | null
  readonly residentBytes: number | null
}

export function openEngine(deps: EngineDeps): Engine {
  const { clock, config, watch, log } = deps
  const host = config.listen.host.includes(':') ? `[${config.listen.host}]` : config.listen.host
  const url = `http://${host}:${config.listen.port}`
  const runPath = `${deps.directory}/run/engine-${config.name}.json`
  const logPath = `${deps.directory}/log/engine-${config.name}.log`
  const exits = Object.fromEntries(faultCauses.map((cause) => [cause, 0])) as Record<FaultCause, number>

  let phase: EngineState['phase'] = 'stopped'
  let since = clock.now()
  let life: Life | null = null
  let liveness: Liveness = firstLiveness(clock.monotonic())
  let wantRunning = true
  let failures = 0
  let retryAt: number | null = null
  let lastLoadFault = ''
  let lastFault = ''
  let probing = false
  let probeFailures = 0
  let probeSeconds: number | null = null
  let probePendingSince: number | null = null
  let nextProbeAt = 0
  let probeProgress: number | null = null
  let checking = false
  let released = false

  const setPhase = (next: EngineState['phase']): void => {
    if (next === phase) return
    phase = next
    since = clock.now()
    deps.changed()
  }
  const scope = () => ({ engine: config.name, incarnation: life?.run.incarnation ?? null })

  const commandLine = (): string[] => {
    const optional: [string, number | string | undefined][] = [
      ['--threads', config.threads],
      ['--max-batch', config.max_batch],
      ['--max-queue', config.max_queue],
      ['--kv-tokens', config.kv_tokens],
      ['--step-tokens', config.step_tokens],
      ['--request-timeout', config.request_timeout],
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

  const begin = (run: RunFile, exit: Promise<Exit> | null): Life => {
    const oom = oomCounters(run.pid)
    const made: Life = {
      run,
      startedAt: clock.monotonic(),
      oom,
      oomBefore: readOomCount(oom),
      exit: null,
      expected: false,
      verified: false,
    }
    exit?.then(
      (status) => {
        made.exit = status
        // Acted on at once, not at the next tick.
        if (life === made && !made.expected && !released) ended(made)
      },
      () => undefined,
    )
    liveness = firstLiveness(clock.monotonic())
    probeFailures = 0
    probePendingSince = null
    nextProbeAt = 0
    return made
  }

  const spawnLife = async (): Promise<void> => {
    const incarnation = deps.newIncarnation()
    const telemetry = `${deps.directory}/run/engine-${config.name}.${incarnation}.telemetry`
    for (const file of deps.files.list(`${deps.directory}/run`)) {
      if (file.startsWith(`engine-${config.name}.`) && file.endsWith('.telemetry'))
        deps.files.remove(`${deps.directory}/run/${file}`)
    }
    const line = commandLine()
    const logFrom = logSize(logPath)
    const spawned = await spawnEngine({
      program: deps.program,
      arguments: [...line, '--telemetry', telemetry, '--incarnation', incarnation],
      log: logPath,
    })
    const run: RunFile = {
      pid: spawned.pid,
      startTime: spawned.startTime,
      bootId: deps.bootId,
      incarnation,
      telemetry,
      log: logPath,
      logFrom,
      arguments: line,
    }
    writeRunFile(deps.files, runPath, run)
    life = begin(run, spawned.exit)
    setPhase('loading')
    log.info('engine started', { engine: config.name, pid: run.pid, incarnation })
  }

  /** The life is over and nobody asked for it: say why, once, and wish for what helps. */
  const ended = (over: Life): void => {
    life = null
    const page = readTelemetryPage(over.run.telemetry)
    const kernel =
      readOomCount(over.oom) > over.oomBefore ? 'the memory cgroup counted an OOM kill' : kernelOomLine(over.run.pid)
    const why = exitCause({
      exitCode: over.exit?.exitCode ?? null,
      signal: over.exit?.signal ?? null,
      fatalSignal: page?.fatalSignal ?? 0,
      fatalReason: page?.fatalReason ?? 'none',
      pageState: page?.state ?? null,
      lastWords: lastWords(over.run.log, over.run.logFrom),
      kernelOom: kernel,
    })
    deps.files.remove(runPath)
    lastFault = why.detail
    const repeated = why.cause === 'load_failed' && why.detail === lastLoadFault
    if (!repeated) {
      exits[why.cause]++
      deps.emit({
        kind: 'fault',
        engine: config.name,
        incarnation: over.run.incarnation,
        cause: why.cause,
        detail: why.detail,
        evidence: [...why.evidence],
      })
      log.error('engine ended', { engine: config.name, pid: over.run.pid, cause: why.cause, detail: why.detail })
    }
    if (why.cause === 'load_failed') lastLoadFault = why.detail
    verdictNow('dead', why.evidence)
    if (clock.monotonic() - over.startedAt > healthyResetMs) failures = 0
    const wait =
      why.cause === 'load_failed'
        ? steadyDelay(loadFailedBackoff, failures)
        : failures === 0
          ? 0
          : steadyDelay(backoff, failures - 1)
    failures++
    retryAt = clock.monotonic() + wait
    setPhase('backoff')
    if (wait === 0) wishStart()
  }

  const wishStart = (): void => {
    retryAt = null
    // What cannot load is tried again slowly and does not eat the budget that crashes need.
    deps.ask({
      action: 'start',
      reason: lastFault === '' ? 'engine is to run' : lastFault,
      counts: lastFault !== '' && lastFault !== lastLoadFault,
    })
  }

  const verdictNow = (verdict: Liveness['verdict'], evidence: Liveness['evidence']): void => {
    if (verdict === liveness.verdict) return
    const previous = liveness.verdict
    liveness = { ...liveness, verdict, evidence }
    // Busy and idle alternate all day; only what a person would want to read becomes history.
    if (verdict === 'hung' || previous === 'hung') {
      deps.emit({ kind: 'verdict', ...scope(), verdict, previous, evidence: [...evidence] })
    }
    deps.changed()
  }

  const hung = (current: Life): void => {
    exits.hung++
    lastFault = `no progress for ${Math.round(liveness.stalledMs / 1000)} s while work waited`
    deps.emit({ kind: 'fault', ...scope(), cause: 'hung', detail: lastFault, evidence: [...liveness.evidence] })
    current.expected = true // from here on its end is ours
    deps.ask({ action: 'rebuild', reason: lastFault, counts: true })
  }

  /** Waits for the first real inference of this life. */
  const verify = async (current: Life): Promise<void> => {
    const health = await deps.probe.health(url)
    if (life !== current || health.status !== 'ok') return
    if (health.incarnation !== current.run.incarnation) {
      log.warn('another engine answers on this address', { engine: config.name, url })
      return
    }
    probePendingSince = clock.monotonic()
    const inference = await deps.probe.infer(url, Math.max(1000, watch.stall_timeout))
    probePendingSince = null
    if (life !== current || !inference.ok) return
    current.verified = true
    probeSeconds = inference.tookMs / 1000
    nextProbeAt = clock.monotonic() + watch.probe_interval
    failures = 0
    lastLoadFault = ''
    lastFault = ''
    setPhase('serving')
    log.info('engine serving, verified by an inference', { engine: config.name, pid: current.run.pid })
  }

  const runProbe = async (current: Life): Promise<void> => {
    probePendingSince = clock.monotonic()
    probeProgress = liveness.progress
    const inference = await deps.probe.infer(url, Math.min(watch.probe_interval, 30_000))
    probePendingSince = null
    if (life !== current) return
    probeSeconds = inference.tookMs / 1000
    nextProbeAt = clock.monotonic() + watch.probe_interval
    if (inference.ok) {
      probeFailures = 0
      return
    }
    probeFailures++
    log.warn('probe failed', { engine: config.name, failures: probeFailures, words: inference.words })
    // Failed, yet it moved meanwhile: saturated, not sick. Restarting it would make that worse.
    const moved = liveness.progress !== null && liveness.progress !== probeProgress
    if (probeFailures >= watch.probe_failures && !moved && !current.expected) {
      exits.probe_failed++
      lastFault = `${probeFailures} probes in a row failed: ${inference.words}`
      deps.emit({
        kind: 'fault',
        ...scope(),
        cause: 'probe_failed',
        detail: lastFault,
        evidence: [{ source: 'probe', statement: inference.words }],
      })
      current.expected = true
      deps.ask({ action: 'rebuild', reason: lastFault, counts: true })
    }
  }

  const once = (work: Promise<void>, done: () => void): void => {
    work
      .catch((error: unknown) => log.error('engine check failed', { engine: config.name, error: errorText(error) }))
      .finally(done)
  }

  return {
    name: config.name,
    url,
    async start() {
      const run = readRunFile(deps.files, runPath)
      if (run !== null && run.bootId === deps.bootId) {
        const known = begin(run, null)
        if (lives(run.pid, run.startTime)) {
          life = known
          setPhase('loading')
          log.info('engine adopted', { engine: config.name, pid: run.pid, incarnation: run.incarnation })
          deps.emit({
            kind: 'change',
            ...scope(),
            subject: 'engine',
            principal: 'agent',
            detail: `adopted pid ${run.pid}`,
          })
          if (JSON.stringify(run.arguments) !== JSON.stringify(commandLine())) {
            deps.ask({ action: 'restart', reason: 'the configuration of this engine changed', counts: false })
          }
          return
        }
        // It died while nobody watched.
        ended(known)
        return
      }
      wishStart()
    },
    tick() {
      if (released) return
      const current = life
      const now = clock.monotonic()
      if (current === null) {
        if (wantRunning && retryAt !== null && now >= retryAt) wishStart()
        return
      }
      const process = readProcess(current.run.pid)
      if (!lives(current.run.pid, current.run.startTime)) {
        // Adopted processes have no exit event; for our own it comes by itself, unless it was lost.
        if (!current.expected && (current.exit !== null || now - current.startedAt >= 200)) ended(current)
        return
      }
      const page = readTelemetryPage(current.run.telemetry)
      const ours = page !== null && page.pid === current.run.pid
      const before = liveness.verdict
      const seen = observe(
        liveness,
        {
          at: now,
          process: process?.state === 'T' || process?.state === 't' ? 'stopped' : 'running',
          phase: current.verified ? 'serving' : 'loading',
          progress: ours ? page.progress : null,
          running: ours ? page.running : 0,
          waiting: ours ? page.waiting : 0,
          heartbeatAgeMs: ours && page.state === 'serving' ? Math.max(0, monotonicNow() - page.heartbeatMs) : null,
          probePendingSince,
        },
        { stallMs: watch.stall_timeout, loadStallMs: watch.load_stall_timeout },
      )
      liveness = { ...seen, verdict: before }
      verdictNow(seen.verdict, seen.evidence)
      if (seen.verdict === 'hung' && !current.expected) return hung(current)
      if (current.expected) return
      if (!current.verified) {
        if (checking) return
        checking = true
        once(verify(current), () => {
          checking = false
        })
      } else if (!probing && now >= nextProbeAt) {
        probing = true
        once(runProbe(current), () => {
          probing = false
        })
      }
    },
    async perform(action) {
      wantRunning = action !== 'stop'
      retryAt = null
      const current = life
      if (current !== null && action !== 'start') {
        current.expected = true
        setPhase('stopping')
        const sick = liveness.verdict === 'hung' || probeFailures >= watch.probe_failures
        const how = await stopEngine(current.run, { clock, politeMs: sick ? hungPoliteMs : watch.stop_timeout })
        log.info('engine stopped', { engine: config.name, pid: current.run.pid, how })
        life = null
        deps.files.remove(runPath)
      }
      if (action === 'stop') return setPhase('stopped')
      if (life === null) await spawnLife()
    },
    async verified(timeoutMs) {
      const current = life
      const until = clock.monotonic() + timeoutMs
      while (current !== null && clock.monotonic() < until) {
        if (current.verified) return null
        if (life !== current) return lastFault === '' ? 'the engine ended before it served' : lastFault
        await clock.sleep(50)
      }
      return 'not serving in time'
    },
    incarnation: () => life?.run.incarnation ?? null,
    state: (budgetLeft) => ({
      name: config.name,
      incarnation: life?.run.incarnation ?? null,
      pid: life?.run.pid ?? null,
      phase,
      verdict: life === null ? 'dead' : liveness.verdict,
      make: 'inferward',
      model: config.model,
      url,
      since,
      budgetLeft,
    }),
    readings: () => ({
      up: life?.verified === true && liveness.verdict !== 'hung',
      exits,
      stalledSeconds: life === null ? 0 : liveness.stalledMs / 1000,
      probeFailures,
      probeSeconds,
      startSeconds: life === null ? null : (clock.now() - (clock.monotonic() - life.startedAt)) / 1000,
      residentBytes: life === null ? null : (readProcess(life.run.pid)?.residentBytes ?? null),
    }),
    release: () => {
      released = true
    },
  }
}
