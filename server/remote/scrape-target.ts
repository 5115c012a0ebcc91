// One target: its page becomes a remote-write body, with what the scrape itself was like. Series that were there before and are not now get a
// staleness mark; of a page that is refused nothing is kept but that it failed.

import type { Clock } from '../../core/base/clock.ts'
import { errorText, InferwardError } from '../../core/base/errors.ts'
import { PageReader, type PageVisitor } from '../../core/sample/page-reader.ts'
import type { Labels } from '../../core/sample/sample.ts'
import { maxTextBytes, maxTextSamples } from '../../core/sample/text.ts'
import { Write2Writer } from '../../core/sample/write-2-writer.ts'
import type { Ending } from './ending.ts'
import type { GetPage, GetRequest } from './page.ts'
import { type ScrapeJob, timeoutOf } from './scrape-config.ts'
import type { TargetSpec } from './targets.ts'

export type TargetState = {
  readonly lastError: string
  /** Milliseconds; 0: never. */
  readonly lastScrape: number
  readonly lastDurationMs: number
  readonly health: 'unknown' | 'up' | 'down'
}
export type ScrapeTarget = {
  /** `time` of the samples. Resolves when the store has them; rejects only where the store refuses. One at a time. */
  scrape(time: number): Promise<void>
  /** The target is no more: all of its series end. */
  end(time: number): Promise<void>
  state(): TargetState
}
export type TargetDeps = {
  readonly clock: Clock
  /** Of the scrape under way. */
  readonly ending: Ending
  readonly get: GetPage
  readonly auth: () => Readonly<Record<string, string>>
  /** The body is ours again when the call returns. */
  readonly append: (body: Uint8Array) => Promise<unknown>
  /** Memory for bodies, one after another. */
  readonly room: (bytes: number) => Uint8Array
}

const accept = 'text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.7,*/*;q=0.1'
const reports = [
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
] as const
/** In place of a series number: labels past a limit. */
const refused = -1

export function openScrapeTarget(spec: TargetSpec, job: ScrapeJob, deps: TargetDeps): ScrapeTarget {
  const { clock, ending } = deps
  const timeoutMs = timeoutOf(job)
  let auth = deps.auth()
  const requestOf = (): GetRequest => ({
    url: spec.url,
    headers: {
      accept,
      'accept-encoding': 'gzip',
      'user-agent': 'inferward',
      'x-prometheus-scrape-timeout-seconds': String(timeoutMs / 1000),
      ...auth,
    },
    maxBytes: job.body_size_limit === 0 ? maxTextBytes : Math.min(job.body_size_limit, maxTextBytes),
    ending,
  })
  let request = requestOf()
  let reader = new PageReader()
  let writer = new Write2Writer()
  /** Series of the writer by number of the reader, and whether they had a sample last time and this time. */
  let ids: number[] = []
  let live = new Uint8Array(256)
  let met = new Uint8Array(256)
  let reportIds: readonly number[] = []
  let state: TargetState = { lastError: '', lastScrape: 0, lastDurationMs: 0, health: 'unknown' }
  let scraped = 0
  let time = 0

  const begin = (): void => {
    reader = new PageReader()
    writer = new Write2Writer()
    reportIds = reports.map((name) => writer.define(sorted([['__name__', name], ...spec.labels])))
    ids = []
    live.fill(0)
  }
  begin()

  const visitor: PageVisitor = {
    series(id, name, labels) {
      const all = withTarget(name, labels, spec.labels, job.honor_labels)
      ids[id] = pastLimit(job, all) === null ? writer.define(all) : refused
      if (id < live.length) return
      live = doubled(live)
      met = doubled(met)
    },
    sample(id, value, own) {
      scraped++
      const series = ids[id]!
      if (series === refused) throw limitFault(job)
      const told = job.honor_timestamps ? own : null
      writer.sample(series, told ?? time, value)
      // Whoever says the time of a sample also says when the series ends: by sending no more.
      met[id] = told === null ? 1 : 0
    },
  }

  const readPage = (bytes: Uint8Array, contentType: string): void => {
    const format = /^application\/openmetrics-text\b/i.test(contentType) ? 'openmetrics' : 'text'
    const most = job.sample_limit === 0 ? maxTextSamples : Math.min(job.sample_limit, maxTextSamples)
    reader.read(bytes, format, visitor, most)
  }
  const markGone = (): void => {
    for (let id = 0; id < ids.length; id++) {
      if (live[id] === 1 && met[id] === 0) writer.sample(ids[id]!, time, 0, true)
    }
    ;[live, met] = [met, live]
    met.fill(0)
  }
  const finish = async (): Promise<void> => {
    await deps.append(writer.finish(deps.room))
  }

  return {
    async scrape(at) {
      time = at
      // A target whose series change all the time is remembered anew; those that end just now fade by age alone.
      if (reader.full) begin()
      const begun = clock.monotonic()
      const before = ids.length
      let fault: string | null = null
      scraped = 0
      try {
        const now = deps.auth()
        if (now !== auth) {
          auth = now
          request = requestOf()
        }
        await deps.get(request, readPage)
      } catch (error) {
        if (ending.reason === 'stopped') {
          writer.discard()
          met.fill(0)
          return
        }
        fault = ending.reason === 'late' ? `no page within ${timeoutMs} ms` : errorText(error).slice(0, 500)
        writer.discard()
        met.fill(0)
      }
      markGone()
      const took = clock.monotonic() - begun
      const up = fault === null
      const told = [up ? 1 : 0, took / 1000, scraped, up ? scraped : 0, up ? ids.length - before : 0]
      for (const [index, id] of reportIds.entries()) writer.sample(id, time, told[index]!)
      state = { lastError: fault ?? '', lastScrape: at, lastDurationMs: took, health: up ? 'up' : 'down' }
      await finish()
    },
    async end(at) {
      time = at
      met.fill(0)
      markGone()
      for (const id of reportIds) writer.sample(id, time, 0, true)
      await finish()
    },
    state: () => state,
  }
}

/** Where page and target name the same label, the target's stays, and the page's is `exported_…`; or the page's, where it is honoured. */
function withTarget(
  name: string,
  labels: readonly (readonly [string, string])[],
  target: Labels,
  honor: boolean,
): Labels {
  const all = new Map<string, string>([['__name__', name], ...labels])
  for (const [key, value] of target) {
    const own = all.get(key)
    if (own !== undefined && !honor) {
      let moved = `exported_${key}`
      while (all.has(moved)) moved = `exported_${moved}`
      all.set(moved, own)
    }
    if (own === undefined || !honor) all.set(key, value)
  }
  return sorted([...all].filter(([, value]) => value !== ''))
}

const sorted = (labels: readonly (readonly [string, string])[]): Labels =>
  [...labels].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))

function pastLimit(job: ScrapeJob, labels: Labels): string | null {
  if (job.label_limit > 0 && labels.length > job.label_limit) return 'label_limit'
  for (const [name, value] of labels) {
    if (job.label_name_length_limit > 0 && name.length > job.label_name_length_limit) return 'label_name_length_limit'
    if (job.label_value_length_limit > 0 && value.length > job.label_value_length_limit)
      return 'label_value_length_limit'
  }
  return null
}

const limitFault = (job: ScrapeJob): InferwardError =>
  new InferwardError({
    code: 'scrape.label_limit',
    message: `a series has more or longer labels than the limits of job ${job.job_name} allow`,
  })

function doubled(array: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(array.length * 2)
  larger.set(array)
  return larger
}
