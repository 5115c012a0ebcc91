// The store with scraping and sending around it, as one configuration file says, and exporters to scrape: in this process, over loopback.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { systemClock } from '../../core/base/clock.ts'
import { parseConfig } from '../../core/base/config.ts'
import { silentLog } from '../../core/base/log.ts'
import { serverConfig, withGlobal } from '../../server/config.ts'
import { openRemote, type Remote } from '../../server/remote/remote.ts'
import { inlinePacker } from '../../server/remote/send-pack.ts'
import { durableStore } from '../../server/tsdb/durable-store.ts'
import type { LocalStore } from '../../server/tsdb/local-store.ts'

/** A page that is asked for anew each time. */
export async function exporter(
  page: () => string,
): Promise<{ readonly address: string; [Symbol.asyncDispose](): Promise<void> }> {
  const server = createServer((_request, response) => void response.setHeader('content-type', 'text/plain').end(page()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as { port: number }).port}`,
    [Symbol.asyncDispose]() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** A rule `made` counts `metric`. Files are relative to `directory`. */
export async function remoteWorld(
  text: string,
  directory = '.',
): Promise<Remote<LocalStore> & { [Symbol.asyncDispose](): Promise<void> }> {
  const data = mkdtempSync(path.join(tmpdir(), 'iw-remote-'))
  const config = withGlobal(parseConfig({ file: 'server.yml', text, schema: serverConfig }))
  const options = { clock: systemClock, log: silentLog, config, data, configDirectory: directory }
  const remote = openRemote({
    ...options,
    // Others run in this process as well, and one of them may be what is sent to.
    origin: 'another process',
    packer: inlinePacker,
    // Without query threads: workers start from what is built only.
    open: (wrote) => durableStore({ ...options, wrote, rulesReady: () => true, directory: path.join(data, 'store') }),
  })
  const { store } = remote
  await store.recover()
  await store.loadRules(
    [{ file: 'r.yml', text: 'groups: [{ name: g, interval: 1s, rules: [{ record: made, expr: count(metric) }] }]' }],
    [],
    null,
  )
  store.start()
  return {
    ...remote,
    async [Symbol.asyncDispose]() {
      await store.stop()
      rmSync(data, { recursive: true, force: true })
    },
  }
}
