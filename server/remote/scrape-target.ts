// One target: its page becomes a remote-write body, with what the scrape itself was like. Series that were there before and are not now get a
// staleness mark; of a page that is refused nothing is kept but that it failed.

import type { Clock } from '../../core/base/clock.ts'
import { errorText, InferwardError } from '../../core/base/errors.ts'
import { PageReader, type PageVisitor } from '../../core/sample/page-reader.ts'
import { maxTextBytes, maxTextSamples } from '../../core/sample/text.ts'
import { Write2Writer } from '../../core/sample/write-2-writer.ts'
import type { Ending } from './ending.ts'
import type { GetPage, GetRequest } from './page.ts'
import type { ScrapeJob } from './scrape-config.ts'
import { openSeriesLabels, sorted } from './scrape-labels.ts'
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

const reports = [
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
] as const
const extraReports = ['scrape_timeout_seconds', 'scrape_sample_limit', 'scrape_body_size_bytes'] as const
/** In place of a series number: labels for which the page is refused; labels that the rules drop. */
const [refused, dropped] = [-1, -2] as const

export function openScrapeTarget(spec: TargetSpec, job: ScrapeJob, deps: TargetDeps): ScrapeTarget {
  const { clock, ending } = deps
  const { timeoutMs } = spec
  const labelsOf = openSeriesLabels(job, spec.labels)
  const names = job.extra_scrape_metrics ? [...reports, ...extraReports] : reports
  let auth = deps.auth()
  const requestOf = (): GetRequest => ({
    url: spec.url,
    headers: {
      accept: job.accept,
      ...(job.enable_compression ? { 'accept-encoding': 'gzip' } : {}),
      'user-agent': 'inferward',
      'x-prometheus-scrape-timeout-seconds': String(timeoutMs / 1000),
      ...auth,
    },
    maxBytes: job.body_size_limit === 0 ? maxTextBytes : Math.min(job.body_size_limit, maxTextBytes),
    followRedirects: job.follow_redirects,
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
  /** Samples of this page, those that the rules leave, and its bytes. */
  let scraped = 0
  let kept = 0
  let size = 0
  let time = 0
  /** Why labels are refused, by number of the reader. */
  let refusals = new Map<number, string>()

  const begin = (): void => {
    reader = new PageReader()
    writer = new Write2Writer()
    reportIds = names.map((name) => writer.define(sorted([['__name__', name], ...spec.labels])))
    ids = []
    refusals = new Map()
    live.fill(0)
  }
  begin()

  const visitor: PageVisitor = {
    series(id, name, labels) {
      const found = labelsOf(name, labels)
      ids[id] = found === null ? dropped : typeof found === 'string' ? refused : writer.define(found)
      if (typeof found === 'string') refusals.set(id, found)
      if (id < live.length) return
      live = doubled(live)
      met = doubled(met)
    },
    sample(id, value, own) {
      scraped++
      const series = ids[id]!
      if (series === dropped) return
      kept++
      if (series === refused) throw fault('label_limit', refusals.get(id)!)
      // Those past the limit are counted, so that it shows by how far.
      if (job.sample_limit > 0 && kept > job.sample_limit) return
      const told = job.honor_timestamps ? own : null
      writer.sample(series, told ?? time, value)
      // Whoever says the time of a sample also says when the series ends: by sending no more.
      met[id] = told === null || job.track_timestamps_staleness ? 1 : 0
    },
  }

  const readPage = (bytes: Uint8Array, contentType: string): void => {
    const format = /^application\/openmetrics-text\b/i.test(contentType) ? 'openmetrics' : 'text'
    size = bytes.length
    reader.read(bytes, format, visitor, maxTextSamples)
    if (job.sample_limit > 0 && kept > job.sample_limit)
      throw fault('sample_limit', `page with ${kept} samples, more than sample_limit ${job.sample_limit}`)
  }
  const markGone = (): void => {
    for (let id = 0; id < ids.length; id++) {
      if (live[id] === 1 && met[id] === 0) writer.sample(ids[id]!, time, 0, true)
    }
    ;[live, met] = [met, live]
    met.fill(0)
  }
  const addedSince = (count: number): number => {
    let added = 0
    for (let id = count; id < ids.length; id++) if (ids[id]! >= 0) added++
    return added
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
      let failed: string | null = null
      scraped = 0
      kept = 0
      size = 0
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
        if ((error as { code?: unknown }).code === 'scrape.too_large') size = -1
        failed = ending.reason === 'late' ? `no page within ${timeoutMs} ms` : errorText(error).slice(0, 500)
        writer.discard()
        met.fill(0)
      }
      markGone()
      const took = clock.monotonic() - begun
      const up = failed === null
      const added = up ? addedSince(before) : 0
      const told = [up ? 1 : 0, took / 1000, scraped, kept, added, timeoutMs / 1000, job.sample_limit, size]
      for (let index = 0; index < reportIds.length; index++) writer.sample(reportIds[index]!, time, told[index]!)
      state = { lastError: failed ?? '', lastScrape: at, lastDurationMs: took, health: up ? 'up' : 'down' }
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

const fault = (code: string, message: string): InferwardError => new InferwardError({ code: `scrape.${code}`, message })

function doubled(array: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(array.length * 2)
  larger.set(array)
  return larger
}
