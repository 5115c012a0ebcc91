// What is asked of rules and objectives by HTTP: backtests, each on a thread of its own, rule files to be read again, and the budgets of the objectives.

import type { Clock } from '../core/base/clock.ts'
import { entry } from '../core/base/entry.ts'
import type { ServerConfig } from './config.ts'
import { backtestApi } from './http/backtest-api.ts'
import { reloadApi } from './http/reload-api.ts'
import { sloApi } from './http/slo-api.ts'
import { openBacktests, threadRunner } from './tsdb/backtest.ts'
import type { StoreClient } from './tsdb/store-client.ts'

export function ruleRouters(deps: {
  readonly clock: Clock
  readonly config: ServerConfig
  readonly store: StoreClient
  readonly reload: () => Promise<void>
}): readonly ReturnType<typeof backtestApi>[] {
  const { clock, config, store } = deps
  const now = (): number => clock.now()
  // Found when the first one runs: a server that is not wholly built still starts.
  const runner: ReturnType<typeof threadRunner> = (...rest) =>
    threadRunner(entry('server/tsdb/backtest-worker.ts'))(...rest)
  const backtests = openBacktests({ clock, store, runner })
  return [
    backtestApi({
      now,
      retentionMs: config.storage.retention,
      run: (request, progress, signal) => {
        const settings = {
          defaultIntervalMs: config.evaluation_interval,
          externalLabels: config.server.external_labels,
        }
        return backtests.run({ ...request, ...settings }, progress, signal)
      },
    }),
    reloadApi({ reload: deps.reload }),
    sloApi({ slos: config.slos, store, timeoutMs: config.server.query_timeout, now }),
  ]
}
