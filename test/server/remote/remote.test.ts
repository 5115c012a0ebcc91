// The store with scraping and sending around it, over loopback: what is scraped, written and made by rules reaches another server of ours; real
// servers are met where they are installed.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../core/base/clock.ts'
import { parseConfig } from '../../../core/base/config.ts'
import { silentLog } from '../../../core/base/log.ts'
import { encodeWriteRequest } from '../../../core/sample/remote-write.ts'
import { sample } from '../../../core/sample/sample.ts'
import { serverConfig, withGlobal } from '../../../server/config.ts'
import { openRemote } from '../../../server/remote/remote.ts'
import { durableStore } from '../../../server/tsdb/durable-store.ts'
import { openWorld } from '../../helpers/prometheus-world.ts'

const root = mkdtempSync(path.join(tmpdir(), 'remote-'))
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

async function exporter(page: () => string): Promise<string> {
  const server = createServer((_request, response) => void response.setHeader('content-type', 'text/plain').end(page()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return `127.0.0.1:${(server.address() as { port: number }).port}`
}

async function stand(text: string) {
  const data = mkdtempSync(path.join(root, 'data-'))
  const config = withGlobal(parseConfig({ file: 'server.yml', text, schema: serverConfig }))
  const options = { clock: systemClock, log: silentLog, config, data, configDirectory: data }
  const { store, ...remote } = openRemote({
    ...options,
    // Without query threads: workers start from what is built only.
    open: (wrote) => durableStore({ ...options, wrote, rulesReady: () => true, directory: path.join(data, 'store') }),
  })
  await store.recover()
  await store.loadRules(
    [{ file: 'r.yml', text: 'groups: [{ name: g, interval: 1s, rules: [{ record: made, expr: count(metric) }] }]' }],
    [],
    null,
  )
  store.start()
  closers.push(() => store.stop())
  return { store, ...remote }
}

describe('the store with others around it', () => {
  it('sends on what it scraped, what was written to it, and what its rules made', async () => {
    await using there = await openWorld()
    // The other side refuses what lies far ahead: its clock stands.
    await there.clock.advance(Math.max(0, Date.now() - there.clock.now()))
    const address = await exporter(() => 'metric{a="b"} 5\n')
    const { store, readings, targets } = await stand(`
server: { external_labels: { site: s1 } }
scrape_configs: [{ job_name: j, scrape_interval: 1s, static_configs: [{ targets: ['${address}'] }] }]
remote_write: [{ name: there, url: "${there.url}/api/v1/write", queue_config: { batch_send_deadline: 100ms } }]
`)
    await store.append(new Uint8Array(encodeWriteRequest([sample('written', {}, Date.now(), 1)])).buffer)
    const seen = async (query: string): Promise<string> => {
      await there.clock.advance(Math.max(0, Date.now() - there.clock.now()))
      return (await there.get('/api/v1/query', { query })).text
    }
    for (const [query, words] of [
      ['metric', `{"__name__":"metric","a":"b","instance":"${address}","job":"j","site":"s1"}`],
      ['written', '{"__name__":"written","site":"s1"}'],
      ['made', '{"__name__":"made","site":"s1"}'],
    ] as const) {
      await expect.poll(() => seen(query), { timeout: 20_000 }).toContain(words)
    }
    expect(targets()).toMatchObject([{ job: 'j', health: 'up' }])
    const sent = readings().find(({ name }) => name === 'inferward_remote_write_sent_total')
    expect(sent).toMatchObject({ labels: { remote: 'there' } })
    expect(sent!.value).toBeGreaterThan(3)
  })

  it('shows what it scrapes as Prometheus does', async () => {
    const address = await exporter(() => 'metric 5\n')
    const { targets } = await stand(
      `scrape_configs: [{ job_name: 'a job', scrape_interval: 1s, static_configs: [{ targets: ['${address}', '127.0.0.1:1'] }] }]`,
    )
    await using world = await openWorld({ targets })
    await expect.poll(() => targets().map(({ health }) => health), { timeout: 20_000 }).toEqual(['up', 'down'])
    const { data } = (await world.get('/api/v1/targets', { scrapePool: 'a job' })).json() as unknown as {
      data: { activeTargets: readonly Record<string, unknown>[] }
    }
    expect(data.activeTargets).toMatchObject([
      {
        discoveredLabels: { __address__: address, __metrics_path__: '/metrics', __scheme__: 'http', job: 'a job' },
        labels: { instance: address, job: 'a job' },
        scrapePool: 'a job',
        scrapeUrl: `http://${address}/metrics`,
        lastError: '',
        health: 'up',
        scrapeInterval: '1s',
        scrapeTimeout: '1s',
      },
      { health: 'down', lastError: expect.stringContaining('ECONNREFUSED') },
    ])
    expect((await world.get('/api/v1/scrape_pools')).json().data).toEqual({ scrapePools: ['agent', 'a job'] })
  })
})

const installed = (name: string): string | null =>
  (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find((file) => existsSync(file)) ?? null

async function startPeer(command: string, args: readonly string[], readyAt: string): Promise<void> {
  const child: ChildProcess = spawn(command, args, { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  closers.push(async () => {
    child.kill('SIGKILL')
    await ended
  })
  await expect
    .poll(async () => (await fetch(readyAt).catch(() => null))?.ok, { timeout: 30_000, interval: 100 })
    .toBe(true)
}
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('real servers', () => {
  const prometheus = installed('prometheus')
  it.skipIf(prometheus === null)('Prometheus takes what we send, and sends us what it scrapes', async () => {
    const [port, folder] = [await freePort(), mkdtempSync(path.join(root, 'prom-'))]
    const address = await exporter(() => 'metric{a="b"} 5\n')
    await using us = await openWorld()
    await us.clock.advance(Math.max(0, Date.now() - us.clock.now()))
    writeFileSync(
      path.join(folder, 'prometheus.yml'),
      `scrape_configs: [{ job_name: theirs, scrape_interval: 1s, static_configs: [{ targets: ['${address}'] }] }]
remote_write: [{ url: "${us.url}/api/v1/write", queue_config: { batch_send_deadline: 200ms } }]\n`,
    )
    await startPeer(
      prometheus!,
      [
        `--config.file=${path.join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${path.join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--web.enable-remote-write-receiver',
      ],
      `http://127.0.0.1:${port}/-/ready`,
    )
    await stand(`
scrape_configs: [{ job_name: ours, scrape_interval: 1s, static_configs: [{ targets: ['${address}'] }] }]
remote_write: [{ url: "http://127.0.0.1:${port}/api/v1/write", queue_config: { batch_send_deadline: 200ms } }]
`)
    const theirs = async () =>
      (await fetch(`http://127.0.0.1:${port}/api/v1/query?query=metric%7Bjob%3D%22ours%22%7D`)).text()
    await expect.poll(theirs, { timeout: 20_000 }).toContain('"5"')
    const ours = async () => {
      await us.clock.advance(Math.max(0, Date.now() - us.clock.now()))
      return (await us.get('/api/v1/query', { query: 'metric{job="theirs"}' })).text
    }
    await expect.poll(ours, { timeout: 20_000 }).toContain('"5"')
  })

  const victoria = installed('victoria-metrics')
  it.skipIf(victoria === null)('VictoriaMetrics takes what we send', async () => {
    const [port, folder] = [await freePort(), mkdtempSync(path.join(root, 'vm-'))]
    const address = await exporter(() => 'metric{a="b"} 5\n')
    await startPeer(
      victoria!,
      [`-storageDataPath=${folder}`, `-httpListenAddr=127.0.0.1:${port}`, '-search.latencyOffset=0s'],
      `http://127.0.0.1:${port}/health`,
    )
    await stand(`
scrape_configs: [{ job_name: ours, scrape_interval: 1s, static_configs: [{ targets: ['${address}'] }] }]
remote_write: [{ url: "http://127.0.0.1:${port}/api/v1/write", queue_config: { batch_send_deadline: 200ms } }]
`)
    const theirs = async () => (await fetch(`http://127.0.0.1:${port}/api/v1/query?query=metric&nocache=1`)).text()
    await expect.poll(theirs, { timeout: 30_000 }).toContain('"5"')
  })
})
