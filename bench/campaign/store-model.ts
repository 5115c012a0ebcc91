// What the store is told in campaigns, as a function of the round's number alone, so that whoever reads it later knows every bit that must be there.

import { systemClock } from '../../core/base/clock.ts'
import { entry } from '../../core/base/entry.ts'
import type { FileLayer } from '../../core/base/file-layer.ts'
import { silentLog } from '../../core/base/log.ts'
import { encodeWriteRequest } from '../../core/sample/remote-write.ts'
import { labelsOf, type SeriesSamples } from '../../core/sample/sample.ts'
import { blockThread } from '../../server/tsdb/block-thread.ts'
import { durableStore } from '../../server/tsdb/durable-store.ts'
import type { LocalStore } from '../../server/tsdb/local-store.ts'

export const firstTime = Date.UTC(2026, 0, 1)
export const stepMs = 1000
const series = 40
/** Some series of a round come so many rounds later, behind newer samples of theirs. */
const lateRounds = 7

/** Small enough that a life of a second sees snapshots, blocks and merges. */
export function campaignStore(directory: string, files?: FileLayer): LocalStore {
  return durableStore({
    clock: systemClock,
    log: silentLog,
    directory,
    rulesReady: () => true,
    config: {
      server: { max_series: 100_000, retention: 180_000, query_samples: 1e9, external_labels: {} },
      storage: { retention: 1000 * 86_400_000, out_of_order_time_window: lateRounds * stepMs },
      evaluation_interval: 15_000,
    },
    tuning: {
      segmentBytes: 32 << 10,
      snapshotAfterBytes: 40 << 10,
      snapshotEveryMs: 300,
      tickMs: 20,
      blockMs: 60_000,
      graceMs: 15_000,
    },
    // As the server has it; a file layer of a test works on this thread.
    ...(files === undefined
      ? { maker: (blocks) => blockThread(entry('server/tsdb/block-worker.ts'), blocks) }
      : { files }),
  })
}

/** Series come and go with the rounds. */
const inRound = (n: number, i: number): boolean => i < 8 || Math.floor(n / 50) % 8 === i % 8
const odd = [-0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 5e-324, Number.MAX_VALUE]
function valueAt(n: number, i: number): number {
  const pick = (n * 31 + i * 17) % 97
  return odd[pick] ?? (i % 3 === 0 ? n * i : Math.sin(n * 0.7 + i) * 1e3)
}
export const timeOf = (n: number): number => firstTime + n * stepMs

/** Of this round, but sent with a later one. */
const late = (n: number, i: number): boolean => n >= 0 && inRound(n, i) && i % 5 === 3 && n % 4 === 1

/** Rounds of the samples of series `i` that the body of round `n` holds. */
function carried(n: number, i: number): readonly number[] {
  const own = inRound(n, i) && !late(n, i) ? [n] : []
  return late(n - lateRounds, i) ? [n - lateRounds, ...own] : own
}

export function roundBody(n: number): ArrayBuffer {
  const out: SeriesSamples[] = []
  for (let i = 0; i < series; i++)
    for (const of of carried(n, i))
      out.push({ labels: labelsOf('c', { i: String(i) }), times: [timeOf(of)], values: [valueAt(of, i)] })
  return new Uint8Array(encodeWriteRequest(out)).buffer
}

export type Check = {
  /** Highest round of which something is there; -1 for none. */
  readonly last: number
  /** Rounds of [from, to] that are not there as a whole. */
  readonly missing: readonly number[]
  /** Samples that nobody ever sent, or with another value. */
  readonly wrong: number
}

/** Reads every sample that came with rounds [from, …] and compares bit for bit. Rounds up to `to` must be whole, later ones are whole or not there at all. */
export async function check(store: LocalStore, from: number, to: number): Promise<Check> {
  const { maxTime } = await store.stats()
  const end = Math.max(timeOf(to), Number.isFinite(maxTime) ? maxTime : 0) + stepMs
  const range = Math.round(end - timeOf(Math.max(0, from - lateRounds))) + 1
  const result = await store.query({ query: `c[${range}ms]`, time: end, timeoutMs: 600_000, lookbackMs: null })
  if (result.type !== 'matrix') throw new Error(`a ${result.type} is no range`)
  const found = new Map<number, number>()
  let wrong = 0
  let last = -1
  for (const { labels, times, values } of result.series) {
    const i = Number(labels.find(([name]) => name === 'i')![1])
    times.forEach((time, at) => {
      const n = (time - firstTime) / stepMs
      if (!Number.isInteger(n) || !inRound(n, i) || !Object.is(values[at], valueAt(n, i))) wrong++
      const round = late(n, i) ? n + lateRounds : n
      found.set(round, (found.get(round) ?? 0) + 1)
      last = Math.max(last, round)
    })
  }
  const whole = (n: number): number =>
    Array.from({ length: series }, (_, i) => carried(n, i).length).reduce((sum, count) => sum + count, 0)
  const missing: number[] = []
  for (let n = from; n <= Math.max(to, last); n++) {
    const there = found.get(n) ?? 0
    if (there !== whole(n) && (n <= to || there !== 0)) missing.push(n)
  }
  return { last, missing, wrong }
}
