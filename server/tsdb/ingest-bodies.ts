// Remote-write bodies into the head, 1.0 and 2.0 alike. Senders repeat themselves: the bytes that stand for a label set are looked up before
// anybody makes texts of them. Every sample that can be taken is taken; what is refused is counted by reason, the first of it in words.

import { InferwardError } from '../../core/base/errors.ts'
import { decodeLabels, decodeWriteRequest } from '../../core/sample/remote-write.ts'
import { receivedLabels } from '../../core/sample/sample.ts'
import { WriteScanner } from '../../core/sample/write-scan.ts'
import { Write2Scanner } from '../../core/sample/write-scan-2.ts'
import { decodeSamples, encodeSamples, SampleBatch } from '../../core/series/sample-record.ts'
import type { Appender, AppendRefusal, Labels, Querier, SeriesRef } from '../../core/series/seam.ts'
import type { RecordKind } from '../../core/series/wal.ts'
import { openWireCache } from '../../core/series/wire-cache.ts'
import { openWireOrder } from '../../core/series/wire-order.ts'
import type { AppendReport } from './store-client.ts'

export type BodyIntake = {
  /** Samples later than `latest` are refused. Throws `remote_write.malformed`, and then takes nothing. With a log, what is to be taken is recorded
   * there first; what the log throws is thrown, and nothing is taken. */
  take(kind: RecordKind, body: Uint8Array, latest: number, log?: SampleLog): AppendReport
  /** The log was replayed: what its numbers meant is not asked again. */
  replayedAll(): void
  /** The head gave up this series. */
  removed(ref: SeriesRef): void
}

export type SampleLog = {
  /** Changes where series must be spelled out again. */
  readonly piece: string
  record(samples: Uint8Array): void
}

/** Tables of texts that are remembered. Senders who make a new one for every body gain nothing by it, and lose little. */
const tableBytes = 8 << 20
const orderBytes = 64 << 20
/** Room for samples that is kept from one body to the next. */
const keptSamples = 1 << 17

export function openBodyIntake(head: Appender & Pick<Querier, 'labels'>): BodyIntake {
  const wire = openWireCache()
  let tables = openWireCache(tableBytes)
  let tableCount = 0
  const order = openWireOrder(orderBytes)
  const plain = new WriteScanner()
  const numbered = new Write2Scanner()

  let taken = 0
  let refused: Partial<Record<AppendRefusal | 'histogram', number>> = {}
  let fault: string | undefined
  let latest = Number.POSITIVE_INFINITY
  let ref: SeriesRef | AppendRefusal = 'invalid_labels'
  /** Labels as sent, of a series that is not in the head. */
  let sent: Labels | null = null

  const refuse = (reason: AppendRefusal | 'histogram', time: number | null): void => {
    refused[reason] = (refused[reason] ?? 0) + 1
    fault ??= `${words[reason]}: series ${spelled(typeof ref === 'number' ? head.labels(ref) : sent)}${time === null ? '' : `, timestamp ${time}`}`
  }
  let batch = new SampleBatch()
  const sample = (time: number, value: number, stale: boolean): void => {
    if (typeof ref === 'string') refuse(ref, time)
    else if (time > latest) refuse('out_of_bounds', time)
    else batch.push(ref, time, value, stale)
  }
  const append = (): void => {
    const { refs, times, values, stale, count } = batch
    for (let i = 0; i < count; i++) {
      ref = refs[i]!
      const reason = head.append(ref, times[i]!, values[i]!, stale[i] === 1)
      if (reason === null) taken++
      else refuse(reason, times[i]!)
    }
  }

  /** Series that this piece of the log has spelled out. */
  let spelledOut = new Uint8Array(1024)
  let piece = ''
  const record = (log: SampleLog): void => {
    const { refs, count } = batch
    if (log.piece !== piece) {
      spelledOut.fill(0)
      piece = log.piece
    }
    const spell: { readonly ref: SeriesRef; readonly labels: Labels }[] = []
    for (let i = 0; i < count; i++) {
      const one = refs[i]!
      if (one >= spelledOut.length) {
        const larger = new Uint8Array(Math.max(spelledOut.length * 2, one + 1))
        larger.set(spelledOut)
        spelledOut = larger
      }
      if (spelledOut[one] === 1) continue
      spelledOut[one] = 1
      spell.push({ ref: one, labels: head.labels(one) })
    }
    try {
      log.record(encodeSamples(batch, spell))
    } catch (error) {
      for (const { ref: one } of spell) spelledOut[one] = 0
      throw error
    }
  }
  /** By the numbers of the log that is replayed. */
  const replayed = new Map<number, SeriesRef | AppendRefusal>()
  const takeSamples = (body: Uint8Array): void =>
    decodeSamples(body, {
      series(number, labels) {
        ref = head.series(labels)
        replayed.set(number, ref)
      },
      sample(number, time, value, stale) {
        const known = replayed.get(number)
        if (known === undefined) return // what spelled it out is lost, and told as damage
        ref = known
        sample(time, value, stale)
      },
    })
  const histogram = (): void => refuse('histogram', null)
  const seriesOf = (labels: Labels): SeriesRef | AppendRefusal => {
    const kept = receivedLabels(labels)
    sent = labels
    return kept === null ? 'invalid_labels' : head.series(kept)
  }

  const takePlain = (body: Uint8Array): void => {
    const scanned = plain.scan(body, {
      series: (bytes, view, from, to) => {
        ref = wire.find(view, from, to)
        if (ref >= 0) return
        ref = seriesOf(decodeLabels(bytes, from, to))
        if (typeof ref === 'number') wire.add(view, from, to, ref)
      },
      sample,
    })
    if (scanned === 'done') return
    batch.count = 0
    decodeWriteRequest(body, {
      series: (labels) => {
        ref = seriesOf(labels)
      },
      sample,
      histogram,
    })
  }

  // A series of a table seen before is known by its place and its label numbers; else by its label bytes, as 1.0 spells them.
  const takeNumbered = (body: Uint8Array): void => {
    let known = false
    numbered.scan(body, {
      symbols: (view, from, to) => {
        const table = tables.find(view, from, to)
        known = table >= 0
        if (known) return order.begin(table)
        if (tables.bytes > 2 * tableBytes) tables = openWireCache(tableBytes)
        tables.add(view, from, to, tableCount++)
      },
      series: (view, from, to) => {
        const keyed = known && from >= 0
        if (keyed) {
          ref = order.next(view, from, to)
          if (ref >= 0) return
        }
        ref = spelledSeries()
        if (keyed && typeof ref === 'number') order.put(view, from, to, ref)
      },
      sample,
      histogram,
    })
  }
  const spelledSeries = (): SeriesRef | AppendRefusal => {
    const labels = numbered.labels()
    sent = null
    if (labels === null) return 'invalid_labels'
    const known = wire.find(labels.view, 0, labels.length)
    if (known >= 0) return known
    let found: SeriesRef | AppendRefusal
    try {
      found = seriesOf(labels.decode())
    } catch (error) {
      if (!(error instanceof InferwardError)) throw error
      return 'invalid_labels'
    }
    if (typeof found === 'number') wire.add(labels.view, 0, labels.length, found)
    return found
  }

  return {
    take(kind, body, until, log) {
      taken = 0
      refused = {}
      fault = undefined
      latest = until
      batch.count = 0
      if (kind === 'samples') takeSamples(body)
      else if (kind === 'write2') takeNumbered(body)
      else takePlain(body)
      if (log !== undefined && batch.count > 0) record(log)
      append()
      if (batch.refs.length > keptSamples) batch = new SampleBatch()
      return { samples: taken, refused, ...(fault === undefined ? {} : { fault }) }
    },
    replayedAll: () => replayed.clear(),
    removed(gone) {
      if (gone < spelledOut.length) spelledOut[gone] = 0
      wire.removed(gone)
      order.forget()
    },
  }
}

/** As Prometheus says them. */
const words: Readonly<Record<AppendRefusal | 'histogram', string>> = {
  out_of_order: 'out of order sample',
  out_of_bounds: 'out of bounds',
  too_old: 'too old sample',
  duplicate: 'duplicate sample for timestamp',
  series_limit: 'the limit of series is reached',
  invalid_labels: 'invalid labels',
  histogram: 'native histograms are not supported',
}

function spelled(labels: Labels | null): string {
  if (labels === null) return 'with labels that cannot be read'
  const text = `{${labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`
  return text.length > 500 ? `${text.slice(0, 500)}…` : text
}
