// The store that lives on: the local store with its write-ahead log, snapshots and blocks in a folder of its own.

import { randomFillSync } from 'node:crypto'
import type { FileLayer } from '../../core/base/file-layer.ts'
import { nodeFileLayer } from '../../core/base/node-file-layer.ts'
import type { BlockMaker } from '../../core/series/block-maker.ts'
import type { StoreConfig } from './config.ts'
import { type LocalStore, type LocalStoreDeps, localStore } from './local-store.ts'
import type { QueryLane } from './query-lane.ts'
import { openStorage, type StorageLimits } from './storage.ts'

export type DurableStoreDeps = Pick<LocalStoreDeps, 'clock' | 'log' | 'rulesReady' | 'wrote'> & {
  readonly config: StoreConfig
  readonly directory: string
  /** Left out: the real ones. */
  readonly files?: FileLayer
  readonly tuning?: Partial<StorageLimits>
  /** Makes the blocks of a folder; left out: on this thread. */
  readonly maker?: (directory: string) => BlockMaker
  /** Where heavy queries are worked out; left out: in place. */
  readonly lane?: QueryLane
  /** The same for rules. */
  readonly ruleLane?: QueryLane
}

/** Call `recover` before anything else. */
export function durableStore(deps: DurableStoreDeps): LocalStore {
  const { clock, log, directory, rulesReady } = deps
  const { server, storage, evaluation_interval, evaluation_on_arrival } = deps.config
  const outOfOrderMs = storage.out_of_order_time_window
  // What may still change is in memory, and in no block.
  const headMs = Math.max(server.retention, outOfOrderMs)
  const persistence = openStorage({
    clock,
    log,
    directory,
    files: deps.files ?? nodeFileLayer,
    random: (bytes) => randomFillSync(bytes),
    headMs,
    outOfOrderMs,
    turn: () => new Promise((resolve) => setImmediate(resolve)),
    ...(deps.maker === undefined ? {} : { maker: deps.maker }),
    limits: { ...deps.tuning, retentionMs: storage.retention, maxBytes: storage.max_bytes ?? null },
  })
  return localStore({
    clock,
    log,
    rulesReady,
    limits: {
      maxSeries: server.max_series,
      retentionMs: headMs,
      outOfOrderMs,
      samplesPerQuery: server.query_samples,
    },
    externalLabels: server.external_labels,
    defaultIntervalMs: evaluation_interval,
    persistence,
    ...(evaluation_on_arrival === undefined ? {} : { earlyEveryMs: evaluation_on_arrival }),
    ...(deps.lane === undefined ? {} : { lane: deps.lane }),
    ...(deps.ruleLane === undefined ? {} : { ruleLane: deps.ruleLane }),
    ...(deps.wrote === undefined ? {} : { wrote: deps.wrote }),
  })
}
