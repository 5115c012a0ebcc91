// The agent as a list: control queue, engines, uplink, collection. Engines live on when the agent ends, unless it is told to stop them.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { systemClock } from '../core/base/clock.ts'
import { entry } from '../core/base/entry.ts'
import { errorText } from '../core/base/errors.ts'
import type { FileLayer } from '../core/base/file-layer.ts'
import type { Log } from '../core/base/log.ts'
import { secret } from '../core/base/redact.ts'
import { type Event, eventId } from '../core/event/event.ts'
import type { AgentState } from '../core/wire/state.ts'
import { hostCollector } from './collect/host.ts'
import { openRound } from './collect/round.ts'
import { engineScraper } from './collect/scrape.ts'
import { type AgentConfig, defaultModel } from './config.ts'
import { openControl } from './control/control.ts'
import { openJournal } from './control/journal.ts'
import { type Engine, type EventBody, openEngine } from './engine/engine.ts'
import { httpProbe } from './engine/probe.ts'
import { readBootId } from './engine/process-table.ts'
import { openAgentHttp } from './http.ts'
import { ownSamples } from './own-samples.ts'
import { openRules } from './rules/rules.ts'
import { hostKey } from './uplink/host-key.ts'
import { defaultSpoolLimits } from './uplink/spool.ts'
import { openUplink } from './uplink/uplink.ts'

const tickMs = 100
const verifyMs = 30 * 60_000

export type AgentApp = { stop(engines: boolean): Promise<void> }

export async function openAgent(options: {
  readonly data: string
  readonly config: AgentConfig
  readonly model: string | undefined
  /** Folder that file names of the configuration are relative to. */
  readonly directory: string
  readonly files: FileLayer
  readonly log: Log
  readonly version: string
}): Promise<AgentApp> {
  const { data, config, files, log } = options
  const clock = systemClock
  const host = config.agent.host ?? os.hostname()
  const bootId = readBootId()
  const startedAt = clock.now()
  const random = (bytes: Uint8Array): Uint8Array => {
    bytes.set(randomBytes(bytes.length))
    return bytes
  }
  const newId = (): string => eventId(clock.now(), random)
  const newEpoch = (): bigint => randomBytes(8).readBigUInt64LE()
  const emit = (body: EventBody): void => uplink.emit({ ...body, id: newId(), at: clock.now(), host } as Event)

  const journal = openJournal(files, path.join(data, 'journal'), newEpoch)
  const engines: Engine[] = []
  const state = (): AgentState => ({
    host,
    bootId,
    version: options.version,
    startedAt,
    engines: engines.map((engine) => engine.state(control.budgetLeft(engine.name))),
  })
  const rules = openRules({
    clock,
    log,
    files,
    directory: path.join(data, 'rules'),
    newEpoch,
    recentSamples: () => uplink.recentSamples(),
    wake: () => uplink.wake(),
  })
  const uplink = openUplink({
    clock,
    log,
    files,
    directory: path.join(data, 'spool'),
    url: () => serverUrl(config, data),
    token: () => tokenOf(data),
    key: () => hostKey({ files, path: path.join(data, 'host.key'), random }),
    limits: defaultSpoolLimits,
    state,
    onCommand: (command) => control.command(command),
    onLease: (lease) => control.lease(lease),
    rules: { log: rules.stream, onOffer: rules.onOffer },
    random: Math.random,
    newEpoch,
  })
  const control = openControl({
    clock,
    log,
    journal,
    host,
    budget: { actionsPerEngine: config.agent.budget.actions, windowMs: config.agent.budget.window },
    verifyMs,
    newId,
    emit,
  })

  const wanted = config.engines ?? [
    {
      name: 'default',
      model: options.model ?? defaultModel,
      listen: { host: '127.0.0.1', port: 9720 },
      allowed_hosts: [],
    },
  ]
  for (const one of wanted) {
    const engine = openEngine({
      clock,
      log,
      files,
      host,
      bootId,
      directory: data,
      program: entry('native/host/main.ts'),
      config: { ...one, model: path.resolve(options.directory, one.model) },
      watch: config.agent,
      probe: httpProbe(() => clock.monotonic()),
      newIncarnation: () => randomBytes(8).toString('hex'),
      emit,
      ask: ({ action, reason, counts }) => control.wish(one.name, action, reason, counts),
      changed: () => uplink.stateChanged(),
    })
    engines.push(engine)
    control.add(engine)
  }

  const round = openRound({
    clock,
    log,
    intervalMs: config.agent.scrape_interval,
    host: hostCollector({ host, dataDirectory: data }),
    engines: engines.map((engine) => ({
      name: engine.name,
      scraper: engineScraper({
        url: engine.url,
        labels: { host, engine: engine.name },
        timeoutMs: Math.min(900, config.agent.scrape_interval),
      }),
    })),
    own: (now) =>
      ownSamples({
        host,
        now,
        engines,
        control,
        uplink: uplink.stats(),
        rules: rules.stats(),
        round: round.stats(),
        http: http.stats(),
      }),
    sink: { push: (series) => uplink.push([...series, ...rules.arrived(series)]) },
  })
  const http = openAgentHttp({
    clock,
    log,
    listen: config.agent.listen,
    names: [os.hostname(), ...config.agent.allowed_hosts],
    latest: () => round.latest(),
    ready: () => round.stats().runs > 0,
  })

  const ticker = setInterval(() => {
    for (const engine of engines) {
      try {
        engine.tick()
      } catch (error) {
        log.error('engine check failed', { engine: engine.name, error: errorText(error) })
      }
    }
  }, tickMs)

  await Promise.all(engines.map((engine) => engine.start()))
  const signal = new AbortController().signal
  rules.start()
  await uplink.start(signal)
  await round.start(signal)
  log.info('agent ready', { host, engines: engines.length, url: await http.start() })

  return {
    async stop(stopEngines) {
      clearInterval(ticker)
      await http.stop()
      await round.stop()
      if (stopEngines) await Promise.all(engines.map((engine) => engine.perform('stop')))
      for (const engine of engines) engine.release()
      await control.stop()
      await uplink.stop()
      await rules.stop()
    },
  }
}

/** The configured server, else the one of this data folder: it writes its address when it listens. */
function serverUrl(config: AgentConfig, data: string): string | null {
  const base = config.agent.server ?? readText(path.join(data, 'run', 'server.url'))
  return base === null ? null : `${base.replace(/^http/, 'ws').replace(/\/$/, '')}/agent`
}

function tokenOf(data: string): ReturnType<typeof secret> | null {
  const text = readText(path.join(data, 'agent.token'))
  return text === null ? null : secret(text)
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return null // not there yet
  }
}
