// The store with what belongs to other servers around it: targets are scraped into it, and what it takes is sent on. It starts and stops as one
// with the store.

import { randomBytes } from 'node:crypto'
import * as path from 'node:path'
import type { Clock } from '../../core/base/clock.ts'
import { entry } from '../../core/base/entry.ts'
import type { Log } from '../../core/base/log.ts'
import { nodeFileLayer } from '../../core/base/node-file-layer.ts'
import type { Labels } from '../../core/sample/sample.ts'
import { openAuth } from './prometheus-keys.ts'
import { type GlobalConfig, type JobConfig, scrapeJobs } from './scrape-config.ts'
import { openScraper, type Scraper } from './scraper.ts'
import { nameOf, type RemoteWrite } from './send-config.ts'
import type { Packer, PackOptions } from './send-pack.ts'
import { openPost } from './send-post.ts'
import { threadPacker } from './send-thread.ts'
import { openSender, type Sender } from './sender.ts'

/** What is needed of a store; a body is one of remote write 1.0, or of 2.0. */
type Store = {
  append(
    body: ArrayBuffer | Uint8Array,
    kind?: 'write' | 'write2',
    durable?: boolean,
  ): Promise<{ readonly samples: number }>
  start(): void
  stop(): Promise<void>
}
export type Remote<S> = {
  readonly store: S
  readonly targets: Scraper['targets']
  readonly dropped: Scraper['dropped']
  readings(): readonly {
    readonly name: string
    readonly value: number
    readonly labels?: Readonly<Record<string, string>>
  }[]
}
export type RemoteDeps<S> = {
  readonly clock: Clock
  readonly log: Log
  readonly config: {
    readonly global: GlobalConfig
    readonly scrape_configs: readonly JobConfig[]
    readonly remote_write: readonly RemoteWrite[]
    readonly server: { readonly external_labels: Readonly<Record<string, string>> }
  }
  /** The data folder, and the folder that file names of the configuration are relative to. */
  readonly data: string
  readonly configDirectory: string
  /** Who sends; left out: this process. */
  readonly origin?: string
  /** Left out: what is sent on is packed on threads of their own. */
  readonly packer?: (options: PackOptions) => Packer
  /** `wrote` wants to hear of samples that the store makes itself. */
  readonly open: (wrote: (labels: Labels, time: number, value: number, stale: boolean) => void) => S
}

const durableEveryMs = 1000

/** Throws `config.secret_file`. */
export function openRemote<S extends Store>(deps: RemoteDeps<S>): Remote<S> {
  const { clock, log, config } = deps
  const packerOf = deps.packer ?? ((options) => threadPacker(entry('server/remote/send-worker.ts'), options))
  const senders = config.remote_write.map((one, index): readonly [name: string, sender: Sender] => {
    const name = nameOf(one, index)
    const sender = openSender({
      clock,
      log,
      name,
      files: nodeFileLayer,
      directory: path.join(deps.data, 'remote-write', name),
      config: one,
      packer: packerOf({
        lanes: one.queue_config.max_shards,
        maxSamples: one.queue_config.max_samples_per_send,
        externalLabels: config.server.external_labels,
        relabel: one.write_relabel_configs,
      }),
      auth: openAuth(one, deps.configDirectory, `remote_write: ${name}`, () => clock.monotonic()),
      post: openPost({
        url: one.url,
        headers: one.headers,
        timeoutMs: one.remote_timeout,
        ...(deps.origin === undefined ? {} : { origin: deps.origin }),
        now: () => clock.now(),
      }),
      newEpoch: () => randomBytes(8).readBigUInt64LE(),
      random: Math.random,
    })
    return [name, sender]
  })
  const inner = deps.open((labels, time, value, stale) => {
    for (const [, sender] of senders) sender.own(labels, time, value, stale)
  })
  const append: S['append'] = async (body, kind = 'write', durable = true) => {
    if (senders.length === 0) return inner.append(body, kind, durable)
    // The memory of a view is somebody else's by the time the store has answered.
    const bytes = body instanceof Uint8Array ? body.slice() : new Uint8Array(body)
    const report = await inner.append(body, kind, durable)
    if (report.samples > 0) for (const [, sender] of senders) sender.offer(bytes, kind, report.samples)
    return report
  }
  let durableAt = Number.NEGATIVE_INFINITY
  const scraper = openScraper({
    clock,
    log,
    jobs: scrapeJobs(config.scrape_configs, config.global),
    directory: deps.configDirectory,
    append(body) {
      // Nobody waits for a page to be on disk, and each of a thousand would cost a sync.
      const durable = clock.monotonic() - durableAt >= durableEveryMs
      if (durable) durableAt = clock.monotonic()
      return append(body, 'write2', durable)
    },
  })
  return {
    store: {
      ...inner,
      append,
      start() {
        inner.start()
        for (const [, sender] of senders) sender.start()
        scraper.start()
      },
      async stop() {
        await scraper.stop()
        await Promise.all(senders.map(([, sender]) => sender.stop()))
        await inner.stop()
      },
    },
    targets: scraper.targets,
    dropped: scraper.dropped,
    readings: () => [
      ...scraper.readings(),
      ...senders.flatMap(([remote, sender]) =>
        Object.entries(readingNames).map(([key, name]) => ({
          name: `inferward_remote_write_${name}`,
          value: sender.stats()[key as keyof typeof readingNames],
          labels: { remote },
        })),
      ),
    ],
  }
}

const readingNames = {
  sent: 'sent_total',
  refused: 'refused_total',
  retries: 'retries_total',
  dropped: 'dropped_total',
  waiting: 'waiting',
} as const
