// Once a second: every collector looks, and one frame of samples goes to the sink. Engines are asked in parallel and never waited for longer
// than a round; a frozen one costs its own rows, not those of the host. A round never overlaps itself.

import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Room } from '../../core/base/lifecycle.ts'
import type { Log } from '../../core/base/log.ts'
import type { SampleSink, SeriesSamples } from '../../core/sample/sample.ts'
import type { HostCollector } from './host.ts'
import type { Scraper } from './scrape.ts'

export type RoundDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly intervalMs: number
  readonly host: HostCollector
  readonly engines: readonly { readonly name: string; readonly scraper: Scraper }[]
  /** What the other rooms of the agent say of themselves. */
  readonly own: (now: number) => readonly SeriesSamples[]
  readonly sink: SampleSink
}

export type RoundStats = {
  readonly runs: number
  readonly failures: number
  readonly missed: number
  readonly seconds: number
}

export function openRound(
  deps: RoundDeps,
): Room & { stats(): RoundStats; latest(): readonly SeriesSamples[]; now(): Promise<void> } {
  const { clock } = deps
  let runs = 0
  let failures = 0
  let missed = 0
  let seconds = 0
  let latest: readonly SeriesSamples[] = []
  let loop: Promise<void> = Promise.resolve()
  const abort = new AbortController()

  /** The end of the round that runs or waits last. */
  let last: Promise<void> = Promise.resolve()
  const once = (): Promise<void> => {
    const next = last.then(look)
    last = next.catch(() => undefined)
    return next
  }

  const look = async (): Promise<void> => {
    const now = clock.now()
    const begun = clock.monotonic()
    const scrapes = await Promise.all(deps.engines.map((engine) => engine.scraper.scrape(now)))
    failures += scrapes.filter((scrape) => scrape.error !== null).length
    latest = [...scrapes.flatMap((scrape) => scrape.series), ...deps.host.collect(now), ...deps.own(now)]
    deps.sink.push(latest)
    runs++
    seconds = (clock.monotonic() - begun) / 1000
  }

  const run = async (): Promise<void> => {
    let next = clock.monotonic()
    while (!abort.signal.aborted) {
      try {
        await once()
      } catch (error) {
        failures++
        deps.log.error('collection round failed', { error: errorText(error) })
      }
      next += deps.intervalMs
      const late = clock.monotonic() - next
      if (late > 0) {
        const skipped = Math.floor(late / deps.intervalMs)
        missed += skipped
        next += skipped * deps.intervalMs
      }
      await clock.sleep(next - clock.monotonic(), abort.signal)
    }
  }

  return {
    name: 'collect',
    async start() {
      loop = run()
    },
    async stop() {
      abort.abort()
      await loop
    },
    stats: () => ({ runs, failures, missed, seconds }),
    latest: () => latest,
    /** An extra round at once, because something happened that should be seen. */
    now: () => once().catch((error: unknown) => deps.log.error('collection round failed', { error: errorText(error) })),
  }
}
