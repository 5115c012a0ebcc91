// Scrapes targets on a clock: each at its own place within the interval, so that they do not all come at once, and never twice at a time. Targets in
// files come and go while it runs.

import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import { Ending } from './ending.ts'
import { openFileTargets } from './file-sd.ts'
import type { GetPage } from './page.ts'
import { openPageGet } from './page-get.ts'
import { openAuth } from './prometheus-keys.ts'
import type { ScrapeJob } from './scrape-config.ts'
import { openScrapeTarget, type ScrapeTarget, type TargetState } from './scrape-target.ts'
import { type Discovered, type FoundGroup, openTargets, type TargetSpec, type Targets } from './targets.ts'

export type TargetView = TargetState & {
  readonly job: string
  readonly url: string
  readonly labels: Readonly<Record<string, string>>
  readonly discovered: Readonly<Record<string, string>>
  readonly intervalMs: number
  readonly timeoutMs: number
}
export type DroppedTargets = {
  readonly job: string
  readonly count: number
  readonly discovered: readonly Discovered[]
}
export type Scraper = {
  start(): void
  stop(): Promise<void>
  targets(): readonly TargetView[]
  /** Those that the rules of their job leave out; of each job as many as it keeps. */
  dropped(): readonly DroppedTargets[]
  readings(): readonly { readonly name: string; readonly value: number }[]
}
export type ScraperDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly jobs: readonly ScrapeJob[]
  /** Folder that file names of the configuration are relative to. */
  readonly directory: string
  /** A remote-write 2.0 body to the store; its memory is ours again when the call returns. */
  readonly append: (body: Uint8Array) => Promise<unknown>
  /** Left out: the real one. */
  readonly get?: GetPage
}

/** A time so near to the planned one counts as that: equal distances cost the store next to nothing. */
const toleranceMs = 10
const maxTargets = 10_000
/** Targets begin at multiples of this. */
const slotMs = 100
/** Larger bodies are rare, and their memory goes back at once. */
const keptBytes = 4 << 20

type Running = {
  readonly spec: TargetSpec
  readonly target: ScrapeTarget
  /** Its loop ends; whatever is under way is cut short. */
  stop(): void
  readonly done: Promise<void>
}

type Loop = Pick<Running, 'spec' | 'target'> & { readonly ending: Ending; readonly turn: Turn }

/** Throws `config.secret_file`. */
export function openScraper(deps: ScraperDeps): Scraper {
  const { clock, log } = deps
  const http = deps.get === undefined ? openPageGet() : null
  const get = deps.get ?? http!.get
  const monotonic = (): number => clock.monotonic()
  const jobs = deps.jobs.map((job) => ({
    job,
    auth: openAuth(job, deps.directory, `scrape_configs: job ${job.job_name}`, monotonic),
    files: job.file_sd_configs.map((one) => openFileTargets(one.files, deps.directory)),
    targetsOf: openTargets(job),
    running: new Map<string, Running>(),
    dropped: [] as readonly Discovered[],
  }))
  const timers = new Set<Disposable>()
  const ending = new Set<Promise<void>>()
  const told = new Map<string, string>()
  let over = false
  let scrapes = 0
  let failures = 0
  let missed = 0
  let lost = 0

  let kept = new Uint8Array(1 << 16)
  const room = (bytes: number): Uint8Array => {
    if (bytes > keptBytes) return new Uint8Array(bytes)
    if (bytes > kept.length) kept = new Uint8Array(Math.min(keptBytes, bytes * 2))
    return kept.subarray(0, bytes)
  }

  /** One target until it is stopped. */
  const loop = async (job: ScrapeJob, { spec, target, ending, turn }: Loop): Promise<void> => {
    const { intervalMs: interval, timeoutMs } = spec
    // A few at a time: to be woken for each of them alone costs more than to read it.
    const slot = Math.min(slotMs, Math.max(1, Math.floor(interval / 50)))
    const place = Math.floor((hashOf(spec.key) % interval) / slot) * slot
    let due = next(clock.now(), place, interval)
    for (;;) {
      await turn.until(due)
      if (turn.stopped) return
      const now = clock.now()
      // Woken early or late by more than a little, or the clock was set: the true time counts.
      const time = Math.abs(now - due) <= Math.min(toleranceMs, interval / 100) ? due : now
      ending.begin()
      const timer = clock.timer(timeoutMs, () => ending.end('late'))
      try {
        await target.scrape(time)
      } catch (error) {
        lost++
        log.warn('scraped samples could not be stored', { job: job.job_name, error: errorText(error) })
      } finally {
        timer[Symbol.dispose]()
      }
      scrapes++
      if (target.state().health === 'down') failures++
      const after = next(Math.max(clock.now(), due + 1), place, interval)
      if (after - due > interval && after - due < 1000 * interval) missed += Math.round((after - due) / interval) - 1
      due = after
    }
  }

  const begin = (one: (typeof jobs)[number], spec: TargetSpec): void => {
    const ending = new Ending()
    const target = openScrapeTarget(spec, one.job, { clock, ending, get, auth: one.auth, append: deps.append, room })
    const turn = openTurn(clock)
    const stop = (): void => {
      turn.stop()
      ending.end('stopped')
    }
    one.running.set(spec.key, { spec, target, stop, done: loop(one.job, { spec, target, ending, turn }) })
  }
  const end = async ({ target, stop, done }: Running): Promise<void> => {
    stop()
    await done
    await target.end(clock.now())
  }

  /** What runs becomes what is wanted. */
  const put = (one: (typeof jobs)[number], groups: readonly FoundGroup[]): void => {
    const most = one.job.target_limit === 0 ? maxTargets : Math.min(one.job.target_limit, maxTargets)
    const { active: all, dropped, faults }: Targets = one.targetsOf(groups)
    one.dropped = dropped
    if (faults.length > 0) tell(`targets ${one.job.job_name}`, faults.slice(0, 10).join('; '))
    if (all.length > most) tell(`target_limit ${one.job.job_name}`, `${all.length} targets, ${most} are scraped`)
    const wanted = new Map(all.slice(0, most).map((spec) => [spec.key, spec]))
    for (const [key, running] of one.running) {
      if (wanted.has(key)) continue
      one.running.delete(key)
      const gone: Promise<void> = end(running)
        .catch((error: unknown) => log.warn('the end of a target could not be stored', { error: errorText(error) }))
        .finally(() => ending.delete(gone))
      ending.add(gone)
    }
    for (const [key, spec] of wanted) if (!one.running.has(key)) begin(one, spec)
  }
  /** Each fault once, until it changes. */
  const tell = (what: string, fault: string): void => {
    if (told.get(what) === fault) return
    told.set(what, fault)
    log.warn('scraping', { what, fault })
  }
  const refresh = (one: (typeof jobs)[number]): void => {
    const found = one.files.flatMap((files) => [...files.refresh()])
    for (const files of one.files) for (const [file, fault] of files.faults) tell(file, fault)
    put(one, [...one.job.static_configs, ...found])
  }
  const refreshLater = (one: (typeof jobs)[number]): void => {
    const timer = clock.timer(Math.min(...one.job.file_sd_configs.map((files) => files.refresh_interval)), () => {
      timers.delete(timer)
      if (over) return
      refresh(one)
      refreshLater(one)
    })
    timers.add(timer)
  }

  return {
    start() {
      for (const one of jobs) {
        refresh(one)
        if (one.files.length > 0) refreshLater(one)
      }
    },
    async stop() {
      over = true
      for (const timer of timers) timer[Symbol.dispose]()
      const all = jobs.flatMap(({ running }) => [...running.values()])
      for (const { stop } of all) stop()
      // No mark at the end of the program: whoever starts again goes on with the same series.
      await Promise.all([...all.map(({ done }) => done), ...ending])
      http?.close()
    },
    targets: () =>
      jobs.flatMap(({ job, running }) =>
        [...running.values()].map(({ spec, target }) => ({
          ...target.state(),
          job: job.job_name,
          url: spec.url,
          labels: Object.fromEntries(spec.labels),
          discovered: spec.discovered,
          intervalMs: spec.intervalMs,
          timeoutMs: spec.timeoutMs,
        })),
      ),
    dropped: () =>
      jobs.map(({ job, dropped }) => ({
        job: job.job_name,
        count: dropped.length,
        discovered: job.keep_dropped_targets === 0 ? dropped : dropped.slice(0, job.keep_dropped_targets),
      })),
    readings: () => [
      { name: 'inferward_scrape_targets', value: jobs.reduce((sum, { running }) => sum + running.size, 0) },
      { name: 'inferward_scrape_runs_total', value: scrapes },
      { name: 'inferward_scrape_failures_total', value: failures },
      { name: 'inferward_scrape_missed_total', value: missed },
      { name: 'inferward_scrape_lost_total', value: lost },
    ],
  }
}

/** Waits for the next scrape, unless that is not to come. */
type Turn = { until(time: number): Promise<void>; readonly stopped: boolean; stop(): void }

function openTurn(clock: Clock): Turn {
  let stopped = false
  let timer: Disposable | null = null
  let wake: (() => void) | null = null
  return {
    until: (time) =>
      new Promise((resolve) => {
        if (stopped) return resolve()
        wake = resolve
        timer = clock.timer(time - clock.now(), resolve)
      }),
    get stopped() {
      return stopped
    },
    stop() {
      stopped = true
      timer?.[Symbol.dispose]()
      wake?.()
    },
  }
}

/** First time from `now` on that lies at `place` within the interval. */
function next(now: number, place: number, interval: number): number {
  return Math.ceil((now - place) / interval) * interval + place
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}
