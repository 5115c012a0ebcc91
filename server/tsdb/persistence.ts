// What the store asks of whoever keeps it over restarts; without one it lives in memory alone. Order matters: what came in is recorded before it
// is taken, and acknowledged after `commit`.

import type { Head } from '../../core/series/head.ts'
import type { Labels, Querier } from '../../core/series/seam.ts'
import type { BodyVisitor, RecordKind } from '../../core/series/wal.ts'
import type { StorageStats } from './store-client.ts'

export type Persistence = {
  /** Fills an empty head with what earlier lives kept: `apply` takes a body as if it had come again, without samples later than `latest`. Once, before anything else. */
  recover(head: Head, apply: BodyVisitor): Promise<void>
  /** Throws an error that may be tried again where it cannot be written; then the body must not be taken. Its samples later than `latest` are
   * refused, now and when it is replayed, give or take a minute; of `samples` none such may be recorded. */
  record(kind: RecordKind, body: Uint8Array, latest: number): void
  /** Changes where the next record must stand alone: series that it means are to be spelled out again. */
  readonly piece: string
  /** A sample that the server made itself and has taken; written with all others of the same turn, and acknowledged to nobody. */
  own(labels: Labels, time: number, value: number, stale: boolean): void
  /** Resolves when everything recorded is durable. */
  commit(): Promise<void>
  /** Makes ready, in turns, what `querier` for this stretch stands on. */
  prepare(from: number, to: number, pause: () => Promise<void>): Promise<void>
  /** Reads samples of (from, to], wherever they lie. For one query: its references mean nothing in the next. */
  querier(from: number, to: number): Querier
  /** Later than this everything is in the head; -Infinity: everything there is. */
  readonly seam: number
  start(): void
  /** Writes down what a quick start needs. */
  stop(): Promise<void>
  stats(): StorageStats
}
