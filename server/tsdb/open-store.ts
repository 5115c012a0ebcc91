// Which store it is: the embedded one, or another server where the configuration names a backend.

import * as path from 'node:path'
import type { BackendConfig } from './backend-config.ts'
import { openBackend } from './backend-open.ts'
import type { StoreConfig } from './config.ts'
import { type DurableStoreDeps, durableStore } from './durable-store.ts'
import type { LocalStore } from './local-store.ts'

export function openStore(
  options: Pick<DurableStoreDeps, 'clock' | 'log' | 'rulesReady'> & {
    readonly config: StoreConfig & { readonly backend?: BackendConfig | undefined }
    /** The data folder, and the folder that file names of the configuration are relative to. */
    readonly data: string
    readonly configDirectory: string
  },
): LocalStore {
  const { config, data, configDirectory, ...deps } = options
  if (config.backend === undefined) return durableStore({ ...deps, config, directory: path.join(data, 'store') })
  return openBackend({
    ...deps,
    backend: config.backend,
    directory: configDirectory,
    externalLabels: config.server.external_labels,
    defaultIntervalMs: config.evaluation_interval,
  })
}
