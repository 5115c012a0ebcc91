// Which store it is: the embedded one, or another server where the configuration names a backend.

import * as os from 'node:os'
import * as path from 'node:path'
import { entry } from '../../core/base/entry.ts'
import type { BlockMaker } from '../../core/series/block-maker.ts'
import type { BackendConfig } from './backend-config.ts'
import { openBackend } from './backend-open.ts'
import { blockThread } from './block-thread.ts'
import type { StoreConfig } from './config.ts'
import { type DurableStoreDeps, durableStore } from './durable-store.ts'
import type { LocalStore } from './local-store.ts'
import { lazyLane, type QueryLane, threadLane } from './query-lane.ts'

export function openStore(
  options: Pick<DurableStoreDeps, 'clock' | 'log' | 'rulesReady' | 'wrote'> & {
    readonly config: StoreConfig & { readonly backend?: BackendConfig | undefined }
    /** The data folder, and the folder that file names of the configuration are relative to. */
    readonly data: string
    readonly configDirectory: string
  },
): LocalStore {
  const { config, data, configDirectory, ...deps } = options
  if (config.backend === undefined) {
    const program = entry('server/tsdb/query-worker.ts')
    const threads = (count: number): QueryLane =>
      threadLane({ clock: deps.clock, log: deps.log, program, threads: count })
    const lane = threads(queryThreads(os.availableParallelism()))
    const ruleLane = lazyLane(() => threads(1))
    const maker = (directory: string): BlockMaker => blockThread(entry('server/tsdb/block-worker.ts'), directory)
    return durableStore({ ...deps, config, lane, ruleLane, maker, directory: path.join(data, 'store') })
  }
  return openBackend({
    ...deps,
    backend: config.backend,
    directory: configDirectory,
    externalLabels: config.server.external_labels,
    defaultIntervalMs: config.evaluation_interval,
  })
}

/** One on small hosts, a quarter of the cores on large ones, eight at most. */
function queryThreads(cores: number): number {
  return cores <= 4 ? 1 : Math.min(8, Math.floor(cores / 4))
}
