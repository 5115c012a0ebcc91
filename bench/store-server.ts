// Our store as a process of its own, for benches: the durable store behind the real HTTP edge, without the rest of the server. Arguments: folder for
// the data, rule file or `-`, file of what is scraped and sent on or `-`, `log-only` for a store that writes no snapshots. Says its address when it listens.

import { readFileSync } from 'node:fs'
import { systemClock } from '../core/base/clock.ts'
import { entry } from '../core/base/entry.ts'
import { silentLog } from '../core/base/log.ts'
import { openHttp } from '../server/http/http.ts'
import { prometheusApi } from '../server/http/prometheus/prometheus-api.ts'
import { openRoutes } from '../server/http/prometheus/route.ts'
import { writeApi } from '../server/http/prometheus/write-api.ts'
import { openRemote } from '../server/remote/remote.ts'
import { scrapeConfigs } from '../server/remote/scrape-config.ts'
import { remoteWrite } from '../server/remote/send-config.ts'
import { blockThread } from '../server/tsdb/block-thread.ts'
import { durableStore } from '../server/tsdb/durable-store.ts'
import { lazyLane, type QueryLane, threadLane } from '../server/tsdb/query-lane.ts'
import type { RemoteParts } from './store-peers.ts'

const [directory, rules, remoteFile = '-', only = '-'] = process.argv.slice(2) as [string, string, string?, string?]
const limits = {
  retentionMs: 3 * 3_600_000,
  queryTimeoutMs: 60_000,
  querySamples: 50_000_000,
  queryConcurrency: 20,
  queryQueue: 200,
}
const queryThread = (): QueryLane =>
  threadLane({ clock: systemClock, log: silentLog, program: entry('server/tsdb/query-worker.ts'), threads: 1 })
const remote = (remoteFile === '-' ? {} : JSON.parse(readFileSync(remoteFile, 'utf8'))) as RemoteParts
const { store } = openRemote({
  clock: systemClock,
  log: silentLog,
  data: directory,
  configDirectory: directory,
  config: {
    scrape_configs: scrapeConfigs.parse(remote.scrape_configs),
    global: {},
    remote_write: remoteWrite.parse(remote.remote_write),
    server: { external_labels: {} },
  },
  open: () =>
    durableStore({
      clock: systemClock,
      log: silentLog,
      rulesReady: () => true,
      directory,
      ...(only === 'log-only'
        ? { tuning: { snapshotEveryMs: Number.POSITIVE_INFINITY, snapshotAfterBytes: Number.POSITIVE_INFINITY } }
        : {}),
      config: {
        server: {
          max_series: 1_000_000,
          retention: limits.retentionMs,
          query_samples: limits.querySamples,
          external_labels: {},
        },
        storage: { retention: 15 * 86_400_000, out_of_order_time_window: 0 },
        evaluation_interval: 15_000,
      },
      lane: queryThread(),
      ruleLane: lazyLane(queryThread),
      maker: (blocks) => blockThread(entry('server/tsdb/block-worker.ts'), blocks),
    }),
})
const begun = performance.now()
await store.recover()
const recoveredMs = performance.now() - begun
if (rules !== '-') await store.loadRules([{ file: rules, text: readFileSync(rules, 'utf8') }], [], null)
/** Every change of an alert: when it was due and when it was told. */
let ticks: { readonly group: string; readonly at: number; readonly told: number }[] = []
store.subscribe((transitions) => {
  const told = performance.timeOrigin + performance.now()
  for (const { group, rule, at } of transitions) if (rule === 'Beat') ticks.push({ group, at, told })
})
store.start()
const api = prometheusApi({
  clock: systemClock,
  store,
  version: 'bench',
  startedAt: Date.now(),
  configText: () => '',
  hosts: () => [],
  externalLabels: {},
  limits,
})
const ticksApi = openRoutes()
ticksApi.add('/bench/ticks', ['get'], (_params, response) => {
  response.json(ticks)
  ticks = []
})
const http = openHttp({
  log: silentLog,
  listen: { host: '127.0.0.1', port: 0 },
  authenticate: async () => ({ name: 'bench', role: 'admin', scope: '*' }),
  routers: [...api.routers, writeApi({ store }), ticksApi.router],
  metrics: async () => ({ text: '', contentType: 'text/plain' }),
  ready: () => true,
  upgrade: (_request, socket) => void socket.destroy(),
  span: (_name, work) => work(),
})
const { url } = await http.start()
process.stdout.write(`${JSON.stringify({ url, recoveredMs })}\n`)
process.once('SIGTERM', () => {
  void http
    .stop()
    .then(() => store.stop())
    .then(() => process.exit(0))
})
