// One engine that this agent keeps: its present life, what is known of its health, and what ought to be done. It decides; processes are in
// life.ts, questions in checks.ts. Every change goes through the port `ask` (the control queue) and comes back as `perform`.
//
// Invariants: at most one life at a time; an end that nobody asked for gives exactly one fault; `up` only after a real inference.

import { steadyDelay } from '../../core/base/backoff.ts'
import { errorText, InferwardError } from '../../core/base/errors.ts'
import type { EngineAction, Event } from '../../core/event/event.ts'
import { firstLiveness, hungDetail, type Liveness, observe } from '../../core/repair/liveness.ts'
import type { EngineState } from '../../core/wire/state.ts'
import { openChecks } from './checks.ts'
import type { WatchConfig } from './config.ts'
import { type Exits, exitCounts } from './exits.ts'
import {
  beginLife,
  endOfLife,
  engineArguments,
  type Life,
  type LifeDeps,
  lifeOf,
  recordLife,
  runFilePath,
} from './life.ts'
import type { Probe } from './probe.ts'
import { readProcess } from './process-table.ts'
import { readRunFile } from './run-file.ts'
import { type Exit, lives, stopEngine } from './runtime.ts'
import { monotonicNow, readTelemetryPage } from './telemetry-page.ts'

const backoff = { baseMs: 1000, capMs: 60_000 }
const loadFailedBackoff = { baseMs: 5000, capMs: 60_000 }
const healthyResetMs = 10 * 60_000
/** How long a hung or frozen process is asked before it is killed: it will most likely not hear. */
const hungPoliteMs = 1000
/** Longest wait for the exit status of a child that is gone. */
const exitStatusMs = 2000

export type Wish = { readonly action: EngineAction; readonly reason: string; readonly counts: boolean }

export type EngineDeps = LifeDeps & {
  readonly host: string
  readonly watch: WatchConfig
  readonly probe: Probe
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
  /** Does what is known now still ask for this? */
  wants(action: EngineAction): boolean
  incarnation(): string | null
  state(budgetLeft: number): EngineState
  readings(): EngineReadings
  /** Lets go without touching the process. */
  release(): void
}

export type EngineReadings = {
  readonly up: boolean
  readonly exits: Pick<Exits, 'counts' | 'outage'>
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
  const runPath = runFilePath(deps.directory, config.name)
  const exits = exitCounts()

  let phase: EngineState['phase'] = 'stopped'
  let since = clock.now()
  let life: Life | null = null
  let liveness: Liveness = firstLiveness(clock.monotonic())
  let wantRunning = true
  let failures = 0
  let retryAt: number | null = null
  let lastLoadFault = ''
  let lastFault = ''
  let released = false

  const setPhase = (next: EngineState['phase']): void => {
    if (next === phase) return
    phase = next
    if (next === 'serving' || next === 'stopped') exits.over()
    since = clock.now()
    deps.changed()
  }
  const scope = () => ({ engine: config.name, incarnation: life?.run.incarnation ?? null })

  const checks = openChecks({
    clock,
    log,
    name: config.name,
    url,
    watch,
    probe: deps.probe,
    isPresent: (one) => life === one,
    progress: () => liveness.progress,
    onVerified(current) {
      failures = 0
      lastLoadFault = lastFault = ''
      if (current.fate !== 'ending') setPhase('serving')
      log.info('engine serving, verified by an inference', { engine: config.name, pid: current.run.pid })
      // No action of ours brought an adopted one here, so no outcome says that it serves.
      if (!current.own) {
        const evidence = [{ source: 'probe', statement: 'the adopted engine answered an inference' }]
        deps.emit({ kind: 'verdict', ...scope(), verdict: 'healthy', previous: 'loading', evidence })
      }
    },
    onRecovered: (current) => {
      if (current.fate === 'condemned' && liveness.verdict !== 'hung') pardon(current)
    },
    onSick(current, count, words) {
      if (current.fate !== 'kept') return
      condemn(current, 'probe_failed', `${count} probes in a row failed: ${words}`, [
        { source: 'probe', statement: words },
      ])
    },
  })

  const take = (made: Life, exit: Promise<Exit> | null): void => {
    life = made
    exit?.then(
      (status) => {
        made.exit = status
        // Acted on at once, not at the next tick.
        if (life === made && made.fate !== 'ending' && !released) ended(made)
      },
      () => undefined,
    )
    liveness = firstLiveness(clock.monotonic())
    checks.reset()
    setPhase('loading')
  }

  /** The life is over and nobody asked for it: say why, once, and wish for what helps. */
  const ended = (over: Life): void => {
    life = null
    const why = endOfLife(over)
    deps.files.remove(runPath)
    if (over.fate === 'condemned') {
      // Its fault is told and its rebuild may stand in the queue; should that have failed, a start is asked for as well.
      log.warn('engine ended before it was rebuilt', { engine: config.name, pid: over.run.pid, detail: why.detail })
      retryAt = clock.monotonic() + backoff.baseMs
      return setPhase(wantRunning ? 'backoff' : 'stopped')
    }
    lastFault = why.detail
    const repeated = why.cause === 'load_failed' && why.detail === lastLoadFault
    if (!repeated) {
      exits.add(why.cause)
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

  /** Alive and not working: its fault is told, its rebuild is wished for, and until that is allowed it may still recover. */
  const condemn = (
    current: Life,
    cause: 'hung' | 'probe_failed',
    detail: string,
    evidence: Liveness['evidence'],
  ): void => {
    exits.add(cause)
    lastFault = detail
    deps.emit({ kind: 'fault', ...scope(), cause, detail, evidence: [...evidence] })
    current.fate = 'condemned'
    deps.ask({ action: 'rebuild', reason: detail, counts: true })
  }
  const pardon = (current: Life): void => {
    current.fate = 'kept'
    lastFault = ''
    exits.over()
    log.info('engine recovered before it was rebuilt', { engine: config.name, pid: current.run.pid })
  }

  return {
    name: config.name,
    url,
    async start() {
      const run = readRunFile(deps.files, runPath)
      if (run !== null && run.bootId === deps.bootId) {
        const known = lifeOf(run, false, clock.monotonic())
        if (lives(run.pid, run.startTime)) {
          take(known, null)
          log.info('engine adopted', { engine: config.name, pid: run.pid, incarnation: run.incarnation })
          deps.emit({
            kind: 'change',
            ...scope(),
            subject: 'engine',
            principal: 'agent',
            detail: `adopted pid ${run.pid}`,
          })
          if (JSON.stringify(run.arguments) !== JSON.stringify(engineArguments(config))) {
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
        if (current.fate === 'ending') return
        // An adopted process has no exit event. That of our own child comes a moment after it is gone and says why; unless it is lost.
        current.goneAt ??= now
        if (!current.own || now - current.goneAt >= exitStatusMs) ended(current)
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
          probePendingSince: checks.pendingSince,
        },
        { stallMs: watch.stall_timeout, loadStallMs: watch.load_stall_timeout },
      )
      liveness = { ...seen, verdict: before }
      verdictNow(seen.verdict, seen.evidence)
      if (current.fate === 'ending') return
      if (current.writeAgainAt !== null && now >= current.writeAgainAt) recordLife(deps, current)
      if (seen.verdict === 'hung') {
        if (current.fate === 'kept') {
          const idle = (!ours || page.running + page.waiting === 0) && checks.pendingSince === null
          const detail = hungDetail(liveness.stalledMs, idle)
          condemn(current, 'hung', detail, liveness.evidence)
        }
        return
      }
      if (before === 'hung' && current.fate === 'condemned') pardon(current)
      checks.tick(current)
    },
    async perform(action) {
      wantRunning = action !== 'stop'
      retryAt = null
      const current = life
      if (current !== null && action !== 'start') {
        current.fate = 'ending'
        setPhase('stopping')
        const sick = liveness.verdict === 'hung' || checks.failures >= watch.probe_failures
        const how = await stopEngine(current.run, { clock, politeMs: sick ? hungPoliteMs : watch.stop_timeout })
        if (lives(current.run.pid, current.run.startTime)) {
          // In uninterruptible sleep: another beside it would fight for the port and the device. Its end will be seen.
          current.fate = 'condemned'
          throw new InferwardError({
            code: 'engine.unkillable',
            message: `pid ${current.run.pid} does not end, even by SIGKILL`,
            hint: 'A driver holds it: see dmesg; the host may need a reboot.',
          })
        }
        log.info('engine stopped', { engine: config.name, pid: current.run.pid, how })
        life = null
        deps.files.remove(runPath)
      }
      if (action === 'stop') return setPhase('stopped')
      if (life !== null) return
      try {
        const begun = await beginLife(deps)
        take(begun.life, begun.exit)
        log.info('engine started', {
          engine: config.name,
          pid: begun.life.run.pid,
          incarnation: begun.life.run.incarnation,
        })
      } catch (error) {
        // No process, so no exit will tell of it: the next attempt is ours to plan.
        lastFault = errorText(error)
        retryAt = clock.monotonic() + steadyDelay(backoff, failures++)
        setPhase('backoff')
        throw error
      }
    },
    wants(action) {
      if (action === 'stop' || !wantRunning) return action === 'stop'
      if (life === null) return action !== 'restart'
      if (action === 'restart') return JSON.stringify(life.run.arguments) !== JSON.stringify(engineArguments(config))
      return action === 'rebuild' && life.fate === 'condemned'
    },
    async verified(timeoutMs) {
      const current = life
      const until = clock.monotonic() + timeoutMs
      const over = (): string => (lastFault === '' ? 'the engine ended before it served' : lastFault)
      if (current === null) return over()
      while (clock.monotonic() < until) {
        if (current.verified) return null
        if (life !== current) return over()
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
      probeFailures: checks.failures,
      probeSeconds: checks.seconds,
      startSeconds: life === null ? null : (clock.now() - (clock.monotonic() - life.startedAt)) / 1000,
      residentBytes: life === null ? null : (readProcess(life.run.pid)?.residentBytes ?? null),
    }),
    release: () => {
      released = true
    },
  }
}
