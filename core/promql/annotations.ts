// What a query wants to tell beside its result: warnings (the result may be wrong) and infos (the query may be meant otherwise). Equal texts
// are one, placed where the last of them was. Bounded in number; what passes the bound is counted in the last line.

import { placeOf } from './errors.ts'
import { goShort, goTwoDigits } from './number-text.ts'

type Kind = 'warning' | 'info'

/** Buckets of a classic histogram whose counts fell, over all steps of a query. */
type Forced = {
  minTime: number
  maxTime: number
  minBucket: number
  maxBucket: number
  maxDiff: number
  samples: number
}
type Note = { readonly kind: Kind; readonly text: string; start: number; readonly forced: Forced | null }

const maxNotes = 1000
export const counterName = /_(?:total|sum|count|bucket)$/

const ofMetric = (name: string): string => (name === '' ? '' : ` for metric name ${JSON.stringify(name)}`)
const utc = (ms: number): string => new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z')

export class Annotations {
  private readonly notes = new Map<string, Note>()
  private dropped = 0

  private add(kind: Kind, text: string, start: number, forced: Forced | null = null): Note | undefined {
    const known = this.notes.get(text)
    if (known !== undefined) {
      known.start = start
      return known
    }
    if (this.notes.size >= maxNotes) {
      this.dropped++
      return undefined
    }
    const note = { kind, text, start, forced }
    this.notes.set(text, note)
    return undefined
  }

  quantile(value: number, start: number): void {
    this.add('warning', `quantile value should be between 0 and 1, got ${goShort(value)}`, start)
  }

  ratio(value: number, capped: number, start: number): void {
    const text = `ratio value should be between -1 and 1, got ${goShort(value)}, capping to ${goShort(capped)}`
    this.add('warning', text, start)
  }

  badBucket(metric: string, label: string, start: number): void {
    const text = `bucket label "le" is missing or has a malformed value of ${JSON.stringify(label)}${ofMetric(metric)}`
    this.add('warning', text, start)
  }

  sortInRange(start: number): void {
    this.add('warning', 'sort is ineffective for range queries since results are always ordered by labels', start)
  }

  /** Says so unless the name is a counter's. */
  counter(metric: string, start: number): void {
    if (metric === '' || counterName.test(metric)) return
    const text = `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${JSON.stringify(metric)}`
    this.add('info', text, start)
  }

  incompatible(op: string, start: number): void {
    const text = `incompatible sample types encountered for binary operator "${op}": float ${op} float`
    this.add('info', text, start)
  }

  notMonotonic(
    metric: string,
    found: Omit<Forced, 'samples' | 'minTime' | 'maxTime'>,
    time: number,
    start: number,
  ): void {
    const text =
      'input to histogram_quantile needed to be fixed for monotonicity ' +
      `(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)${ofMetric(metric)}`
    const known = this.add('info', text, start, { ...found, minTime: time, maxTime: time, samples: 1 })?.forced
    if (known === undefined || known === null) return
    known.minTime = Math.min(known.minTime, time)
    known.maxTime = Math.max(known.maxTime, time)
    known.minBucket = Math.min(known.minBucket, found.minBucket)
    known.maxBucket = Math.max(known.maxBucket, found.maxBucket)
    known.maxDiff = Math.max(known.maxDiff, found.maxDiff)
    known.samples++
  }

  /** As Prometheus words them; `query` gives the place (left out where there is no text). */
  texts(query: string | null): { warnings: readonly string[]; infos: readonly string[] } {
    const out: Record<Kind, string[]> = { warning: [], info: [] }
    for (const { kind, text, start, forced } of this.notes.values()) {
      const detail =
        forced === null
          ? ''
          : `, from buckets ${goShort(forced.minBucket)} to ${goShort(forced.maxBucket)}, with a max diff of ` +
            `${goTwoDigits(forced.maxDiff)}, over ${forced.samples} samples ` +
            `from ${utc(forced.minTime)} to ${utc(forced.maxTime)}`
      const place = query === null ? '' : ` (${placeOf(query, start)})`
      out[kind].push(`PromQL ${kind}: ${text}${detail}${place}`)
    }
    if (this.dropped > 0) out.warning.push(`${this.dropped} more annotations omitted`)
    return { warnings: out.warning, infos: out.info }
  }
}
