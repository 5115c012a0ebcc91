// How everybody talks to the store: asynchronous and message-shaped (arguments and results survive a structured clone), so that the store can
// move to a thread of its own without a caller changing.

import { decodeWriteRequest } from '../../core/sample/remote-write.ts'
import type { Labels } from '../../core/sample/sample.ts'
import { openHead } from '../../core/series/head.ts'
import type { AppendRefusal, Matcher, Window } from '../../core/series/seam.ts'

export type AppendReport = {
  readonly samples: number
  readonly refused: Readonly<Partial<Record<AppendRefusal, number>>>
}
export type LatestSample = { readonly labels: Labels; readonly time: number; readonly value: number }
export type StoreStats = { readonly series: number; readonly samples: number; readonly refused: number }

export type StoreClient = {
  /** One snappy remote-write body. Throws `remote_write.malformed`. */
  append(body: ArrayBuffer): Promise<AppendReport>
  /** Newest samples in (time - lookback, time] of the series that match; series that ended are left out. */
  latest(matchers: readonly Matcher[], time: number, lookbackMs: number): Promise<readonly LatestSample[]>
  stats(): Promise<StoreStats>
}

/** The store on the caller's own thread. */
export function localStore(limits: { readonly maxSeries: number; readonly samplesPerSeries: number }): StoreClient {
  const head = openHead(limits)
  const cell: Window = { times: new Float64Array(1), values: new Float64Array(1), stale: new Uint8Array(1) }
  let samples = 0
  let refusals = 0

  return {
    async append(body) {
      let taken = 0
      const refused: Partial<Record<AppendRefusal, number>> = {}
      const refuse = (reason: AppendRefusal): void => {
        refused[reason] = (refused[reason] ?? 0) + 1
        refusals++
      }
      let ref: number | AppendRefusal = 'invalid_labels'
      decodeWriteRequest(new Uint8Array(body), {
        series: (labels) => {
          ref = head.series(labels)
        },
        sample: (time, value, stale) => {
          const reason = typeof ref === 'string' ? ref : head.append(ref, time, value, stale)
          if (reason === null) taken++
          else refuse(reason)
        },
      })
      samples += taken
      return { samples: taken, refused }
    },
    async latest(matchers, time, lookbackMs) {
      const out: LatestSample[] = []
      for (const ref of head.select(matchers)) {
        if (head.latest(ref, time - lookbackMs, time, cell) === 0 || cell.stale[0] === 1) continue
        out.push({ labels: head.labels(ref), time: cell.times[0]!, value: cell.values[0]! })
      }
      return out
    },
    stats: async () => ({ series: head.size, samples, refused: refusals }),
  }
}
