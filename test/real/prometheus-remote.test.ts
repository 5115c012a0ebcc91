// Beside a real Prometheus and a real VictoriaMetrics: one configuration is scraped by both of us and gives the same series, each writes to the
// other, and its own page is read as it reads it itself.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { projectRoot } from '../../core/base/entry.ts'
import { openWorld, type World } from '../helpers/prometheus-world.ts'
import { exporter, remoteWorld } from '../helpers/remote-world.ts'
import { installed, startPeer } from './prometheus-peer.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'iw-real-remote-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const patience = { timeout: 60_000, interval: 500 }

type Answer = { data: { result: { metric: Record<string, string>; value: [number, string] }[] } }
const rows = ({ data }: Answer): Record<string, string> =>
  Object.fromEntries(data.result.map(({ metric, value }) => [JSON.stringify(Object.entries(metric).sort()), value[1]]))

async function theirs(url: string, query: string): Promise<Record<string, string>> {
  return rows(
    (await (await fetch(`${url}/api/v1/query?${new URLSearchParams({ query, nocache: '1' })}`)).json()) as Answer,
  )
}
/** A server of ours whose clock stands is put right first. */
async function inWorld(world: World, query: string): Promise<Record<string, string>> {
  await world.clock.advance(Math.max(0, Date.now() - world.clock.now()))
  return rows((await world.get('/api/v1/query', { query })).json() as unknown as Answer)
}
async function ours(remote: Awaited<ReturnType<typeof remoteWorld>>, query: string): Promise<Record<string, string>> {
  const answer = await remote.store.query({ query, time: Date.now(), timeoutMs: 10_000, lookbackMs: null })
  if (answer.type !== 'vector') throw new Error(answer.type)
  const text = (value: number): string =>
    Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
  return Object.fromEntries(answer.samples.map(({ labels, value }) => [JSON.stringify(labels), text(value)]))
}
/** Prometheus writes 1e+06 where we write 1000000. */
const numbers = (all: Record<string, string>): Record<string, number | string> =>
  Object.fromEntries(Object.entries(all).map(([key, text]) => [key, /inf|nan/i.test(text) ? text : Number(text)]))

describe.skipIf(!installed('prometheus'))('beside Prometheus', () => {
  it('one configuration with rules of every kind, static and file targets, gives the same series and values', async () => {
    const page = readFileSync(path.join(projectRoot, 'test/real/exposition.txt'), 'utf8')
    await using first = await exporter(() => page)
    await using second = await exporter(() => 'up_and_running 1\njob_count{job="inner",instance="x"} 2\ngo_noise 1\n')
    writeFileSync(
      path.join(folder, 'targets.yml'),
      `- targets: ['${second.address}', 'unwanted:1']\n  labels: { rack: r1, env: Prod, __scrape_timeout__: 500ms }\n`,
    )
    const text = `
global: { scrape_interval: 1s, scrape_timeout: 1s, external_labels: { site: s1 } }
scrape_configs:
  - job_name: static
    static_configs: [{ targets: ['${first.address}'], labels: { zone: z1 } }]
    metric_relabel_configs:
      - { source_labels: [__name__], regex: 'go_gc_.*|.*_bucket', action: drop }
      - { source_labels: [quantile], regex: '0\\.(.+)', target_label: percentile, replacement: 'p$1' }
      - { regex: quantile, action: labeldrop }
  - job_name: files
    file_sd_configs: [{ files: [targets.yml], refresh_interval: 1s }]
    relabel_configs:
      - { source_labels: [__address__], regex: 'unwanted:.*', action: drop }
      - { source_labels: [__address__, rack], separator: '/', target_label: place }
      - { source_labels: [__address__], modulus: 7, target_label: shard, action: hashmod }
      - { source_labels: [env], target_label: env, action: lowercase }
      - { source_labels: [__meta_filepath], regex: '.*/(.+)\\.yml', target_label: file }
    metric_relabel_configs: [{ source_labels: [__name__], regex: 'go_.*', action: drop }]
  - job_name: honest
    honor_labels: true
    static_configs: [{ targets: ['${second.address}'] }]
  - job_name: limited
    sample_limit: 2
    static_configs: [{ targets: ['${second.address}'] }]
`
    const config = path.join(folder, 'prometheus.yml')
    writeFileSync(config, text)
    await using peer = await startPeer('prometheus', text.replaceAll('[targets.yml]', `['${folder}/targets.yml']`))
    await using remote = await remoteWorld(text, folder)
    // What the scrape took, and how many series were new, is for each to say.
    const query = '{job=~".+",__name__!~"scrape_duration_seconds|scrape_series_added"}'
    const both = async () => {
      const [a, b] = [numbers(await theirs(peer.url, query)), numbers(await ours(remote, query))]
      return { same: JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort()), a, b }
    }
    await expect.poll(async () => Object.keys((await both()).a).length, patience).toBeGreaterThan(30)
    await expect.poll(async () => (await both()).same, patience).toBe(true)
    const { a, b } = await both()
    expect(b).toEqual(a)
  })

  it('its own page gives the series that it finds on it itself', async () => {
    await using peer = await startPeer('prometheus', 'global: {}\n')
    const job = (address: string) =>
      `{ job_name: self, scrape_interval: 1s, static_configs: [{ targets: ['${address}'] }] }`
    const address = new URL(peer.url).host
    await using observer = await startPeer('prometheus', `scrape_configs: [${job(address)}]\n`)
    await using remote = await remoteWorld(`scrape_configs: [${job(address)}]\n`)
    const query = '{job="self"}'
    const keys = async () => {
      const [a, b] = await Promise.all([theirs(observer.url, query), ours(remote, query)])
      return { a: Object.keys(a).sort(), b: Object.keys(b).sort() }
    }
    await expect.poll(async () => (await keys()).a.length, patience).toBeGreaterThan(200)
    await expect
      .poll(async () => {
        const { a, b } = await keys()
        return JSON.stringify(a) === JSON.stringify(b)
      }, patience)
      .toBe(true)
    const names = 'process_start_time_seconds|prometheus_build_info|prometheus_config_last_reload_successful'
    const steady = `{job="self",__name__=~"${names}"}`
    expect(numbers(await ours(remote, steady))).toEqual(numbers(await theirs(observer.url, steady)))
    expect(Object.keys(await ours(remote, steady))).toHaveLength(3)
  })

  it.each([
    'prometheus.WriteRequest',
    'io.prometheus.write.v2.Request',
  ])('takes what we send, of its rules what is left, and sends us what it scrapes (%s)', async (message) => {
    await using target = await exporter(() => 'metric{a="b"} 5\nunwanted 1\n')
    await using us = await openWorld()
    const job = (name: string) =>
      `{ job_name: ${name}, scrape_interval: 1s, static_configs: [{ targets: ['${target.address}'] }] }`
    const queue = 'queue_config: { batch_send_deadline: 200ms }'
    await using peer = await startPeer(
      'prometheus',
      `scrape_configs: [${job('theirs')}]\nremote_write: [{ url: "${us.url}/api/v1/write", ${queue} }]\n`,
    )
    // Of 2.0 this release understands nothing, says nothing of samples written, and gets 1.0.
    await using remote = await remoteWorld(`
scrape_configs: [${job('ours')}]
remote_write:
  - url: "${peer.url}/api/v1/write"
    protobuf_message: ${message}
    write_relabel_configs: [{ source_labels: [__name__], regex: unwanted, action: drop }]
    ${queue}
`)
    const wanted = {
      [JSON.stringify([
        ['__name__', 'metric'],
        ['a', 'b'],
        ['instance', target.address],
        ['job', 'ours'],
      ])]: '5',
    }
    await expect.poll(() => theirs(peer.url, 'metric{job="ours"}'), patience).toEqual(wanted)
    expect(await theirs(peer.url, 'unwanted{job="ours"}')).toEqual({})
    expect(Object.values(await ours(remote, 'unwanted'))).toEqual(['1'])
    await expect
      .poll(() => inWorld(us, 'metric{job="theirs"}'), patience)
      .toEqual(Object.fromEntries(Object.entries(wanted).map(([key, value]) => [key.replace('ours', 'theirs'), value])))
  })
})

describe.skipIf(!installed('victoria-metrics'))('beside VictoriaMetrics', () => {
  it('it takes what we send', async () => {
    await using target = await exporter(() => 'metric{a="b"} 5\n')
    await using peer = await startPeer('victoria-metrics')
    await using _ = await remoteWorld(`
scrape_configs: [{ job_name: ours, scrape_interval: 1s, static_configs: [{ targets: ['${target.address}'] }] }]
remote_write: [{ url: "${peer.url}/api/v1/write", queue_config: { batch_send_deadline: 200ms } }]
`)
    await expect.poll(async () => Object.values(await theirs(peer.url, 'metric')), patience).toEqual(['5'])
  })
})
