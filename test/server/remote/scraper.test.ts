// Scraping as a story: pages come from a double or over loopback, samples land in a real store, time stands still until it is told to go on.

import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { parseConfig } from '../../../core/base/config.ts'
import { createLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import type { GetPage } from '../../../server/remote/page.ts'
import {
  globalConfig,
  type JobConfig,
  type ScrapeJob,
  scrapeConfigs,
  scrapeJobs,
} from '../../../server/remote/scrape-config.ts'
import { openScraper } from '../../../server/remote/scraper.ts'
import { localStore } from '../../../server/tsdb/local-store.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'scrape-'))
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const jobs = (text: string, global = '{}'): readonly ScrapeJob[] =>
  scrapeJobs(
    parseConfig({ file: 'server.yml', text, schema: scrapeConfigs }) as readonly JobConfig[],
    parseConfig({ file: 'server.yml', text: global, schema: globalConfig }),
  )

/** The pages of this fleet by URL; a function answers or throws. */
type Pages = Record<string, string | (() => string | Promise<string>)>

async function stand(text: string, pages: Pages | GetPage, contentType = 'text/plain') {
  const clock = virtualClock()
  const lines: string[] = []
  const log = createLog({ write: (line) => void lines.push(line), now: () => 0, level: 'debug' })
  const store = localStore({
    clock,
    log,
    limits: { maxSeries: 10_000, retentionMs: 7_200_000, samplesPerQuery: 1e6 },
    externalLabels: {},
    defaultIntervalMs: 15_000,
    rulesReady: () => true,
  })
  const asked: { url: string; at: number; headers: Readonly<Record<string, string>> }[] = []
  const get: GetPage =
    typeof pages === 'function'
      ? pages
      : async (request, use) => {
          asked.push({ url: request.url, at: clock.now(), headers: request.headers })
          const page = pages[request.url]
          const body = typeof page === 'function' ? await page() : page
          if (body === undefined) throw new Error('connection refused')
          use(new TextEncoder().encode(body), contentType)
        }
  const scraper = openScraper({
    clock,
    log,
    jobs: jobs(text),
    directory: folder,
    append: (body) => store.append(body, 'write2'),
    get,
  })
  scraper.start()
  closers.push(() => scraper.stop())
  const query = async (query: string): Promise<Record<string, number>> => {
    const answer = await store.query({ query, time: clock.now(), timeoutMs: 1000, lookbackMs: null })
    if (answer.type !== 'vector') throw new Error(answer.type)
    return Object.fromEntries(
      answer.samples.map(({ labels, value }) => [labels.map(([name, one]) => `${name}=${one}`).join(' '), value]),
    )
  }
  return { clock, lines, scraper, asked, query, store }
}

const simple = `
- job_name: node
  scrape_interval: 10s
  static_configs:
    - targets: ['a:9100']
      labels: { zone: z1 }
`

describe('a target', () => {
  it('is read once an interval, and says how that went', async () => {
    const { clock, query, asked, scraper } = await stand(simple, {
      'http://a:9100/metrics': 'load 1.5\nload{cpu="0"} 2\n',
    })
    await clock.advance(60_000)
    expect(asked).toHaveLength(6)
    expect(new Set(asked.slice(1).map(({ at }, i) => at - asked[i]!.at))).toEqual(new Set([10_000]))
    expect(asked[0]!.headers.accept).toContain('openmetrics')
    expect(await query('load')).toEqual({
      '__name__=load instance=a:9100 job=node zone=z1': 1.5,
      '__name__=load cpu=0 instance=a:9100 job=node zone=z1': 2,
    })
    const where = 'instance=a:9100 job=node zone=z1'
    expect(await query('up')).toEqual({ [`__name__=up ${where}`]: 1 })
    expect(await query('scrape_samples_scraped')).toEqual({ [`__name__=scrape_samples_scraped ${where}`]: 2 })
    expect(await query('sum_over_time(scrape_series_added[2m])')).toEqual({ [where]: 2 })
    expect(await query('count_over_time(load{cpu=""}[1m])')).toEqual({ [where]: 6 })
    expect(scraper.targets()).toMatchObject([
      { job: 'node', url: 'http://a:9100/metrics', health: 'up', lastError: '', intervalMs: 10_000, timeoutMs: 10_000 },
    ])
  })

  it('that cannot be reached is down, its series end, and both are over when it is back', async () => {
    let page: string | null = 'load 1\n'
    const { clock, query, scraper } = await stand(simple, {
      'http://a:9100/metrics': () => {
        if (page === null) throw new Error('connection refused')
        return page
      },
    })
    await clock.advance(20_000)
    expect(Object.values(await query('load'))).toEqual([1])
    page = null
    await clock.advance(10_000)
    expect(await query('load')).toEqual({})
    expect(Object.values(await query('up'))).toEqual([0])
    expect(scraper.targets()[0]).toMatchObject({ health: 'down', lastError: 'connection refused' })
    page = 'load 3\n'
    await clock.advance(10_000)
    expect(Object.values(await query('load'))).toEqual([3])
    expect(Object.values(await query('up'))).toEqual([1])
    expect(scraper.readings()).toContainEqual({ name: 'inferward_scrape_failures_total', value: 1 })
  })

  it('of which a series is gone ends that series, and no other', async () => {
    let page = 'a 1\nb 2\nc 3\n'
    const { clock, query } = await stand(simple, { 'http://a:9100/metrics': () => page })
    await clock.advance(20_000)
    page = 'a 1\nc 3\n'
    await clock.advance(10_000)
    expect(await query('b')).toEqual({})
    expect(Object.values(await query('{__name__=~"a|c"}'))).toEqual([1, 3])
    page = 'a 1\nb 5\nc 3\n'
    await clock.advance(10_000)
    expect(Object.values(await query('b'))).toEqual([5])
  })

  it('whose page has a fault keeps nothing of it', async () => {
    let page = 'a 1\n'
    const { clock, query, scraper } = await stand(simple, { 'http://a:9100/metrics': () => page })
    await clock.advance(10_000)
    page = 'a 2\nbroken{ 1\n'
    await clock.advance(10_000)
    expect(await query('a')).toEqual({})
    expect(Object.values(await query('max_over_time(a[1m])'))).toEqual([1])
    expect(scraper.targets()[0]!.lastError).toContain('metrics page, line 2')
  })

  it('that says the times of its samples is believed, and ends its series itself', async () => {
    const { clock, query } = await stand(simple, { 'http://a:9100/metrics': () => `own 1 ${stamp}\n` })
    const stamp = clock.now() - 2000
    await clock.advance(20_000)
    expect(Object.values(await query('timestamp(own)'))).toEqual([stamp / 1000])
    expect(Object.values(await query('count_over_time(own[5m])'))).toEqual([1])
  })

  it('that takes longer than it may is given up, and the next time is on the grid again', async () => {
    let hang = false
    const { clock, scraper, query } = await stand(
      `${simple.replace('scrape_interval: 10s', 'scrape_interval: 10s\n  scrape_timeout: 4s')}`,
      async (request, use) => {
        if (!hang) return use(new TextEncoder().encode('a 1\n'), '')
        return new Promise((_, reject) => request.ending.listen(() => reject(new Error('cut short'))))
      },
    )
    await clock.advance(10_000)
    hang = true
    await clock.advance(15_000)
    expect(scraper.targets()[0]).toMatchObject({ health: 'down', lastError: 'no page within 4000 ms' })
    hang = false
    await clock.advance(10_000)
    expect(Object.values(await query('up'))).toEqual([1])
    const answer = await query('min_over_time(timestamp(up)[1m:1s]) % 10 == bool (timestamp(up) % 10)')
    expect(Object.values(answer)).toEqual([1])
  })

  it('under way when everything stops says nothing', async () => {
    let hang = false
    const { clock, scraper, query } = await stand(simple, async (request, use) => {
      if (!hang) return use(new TextEncoder().encode('a 1\n'), '')
      return new Promise((_, reject) => request.ending.listen(() => reject(new Error('cut short'))))
    })
    await clock.advance(10_000)
    hang = true
    await clock.advance(10_000)
    await scraper.stop()
    expect([Object.values(await query('up')), Object.values(await query('a'))]).toEqual([[1], [1]])
  })

  it('is read as OpenMetrics where it says so', async () => {
    const { clock, query, scraper } = await stand(
      simple,
      { 'http://a:9100/metrics': '# TYPE a counter\na_total 3 # {x="y"} 1\n# EOF\n' },
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    )
    await clock.advance(10_000)
    expect(scraper.targets()[0]!.lastError).toBe('')
    expect(Object.values(await query('a_total'))).toEqual([3])
  })
})

describe('labels', () => {
  const page = { 'http://a:9100/metrics': 'm{job="own",instance="i",exported_job="x",empty=""} 1\n' }
  it('that page and target both have are the target’s, and the page’s are moved aside', async () => {
    const { clock, query } = await stand(simple, page)
    await clock.advance(10_000)
    expect(Object.keys(await query('m'))).toEqual([
      '__name__=m exported_exported_job=own exported_instance=i exported_job=x instance=a:9100 job=node zone=z1',
    ])
  })

  it('are the page’s where they are honoured', async () => {
    const { clock, query } = await stand(simple.replace('job_name: node', 'job_name: node\n  honor_labels: true'), page)
    await clock.advance(10_000)
    expect(Object.keys(await query('m'))).toEqual(['__name__=m exported_job=x instance=i job=own zone=z1'])
  })

  it('with two underscores steer the scrape and are not kept', async () => {
    const text = `
- job_name: probe
  scrape_interval: 10s
  params: { module: [http, tcp], target: [x] }
  static_configs:
    - targets: ['a:9115']
      labels: { __metrics_path__: /probe, __scheme__: https, __param_target: 'b c' }
`
    const url = 'https://a:9115/probe?module=tcp&module=http&target=b+c'
    const { clock, query, scraper } = await stand(text, { [url]: 'probe_success 1\n' })
    await clock.advance(10_000)
    expect(scraper.targets()[0]!.url).toBe(url)
    expect(Object.keys(await query('probe_success'))).toEqual(['__name__=probe_success instance=a:9115 job=probe'])
  })
})

describe('rules that rewrite labels', () => {
  it('make an address out of what a probe is asked about, as users of the blackbox exporter write it', async () => {
    const text = `
- job_name: probe
  scrape_interval: 10s
  metrics_path: /probe
  params: { module: [http_2xx] }
  static_configs: [{ targets: ['https://example.org/a?b=c', 'skip:1'] }]
  relabel_configs:
    - { source_labels: [__address__], regex: 'skip:.*', action: drop }
    - { source_labels: [__address__], target_label: __param_target }
    - { source_labels: [__param_target], target_label: instance }
    - { target_label: __address__, replacement: '127.0.0.1:9115' }
`
    const url = 'http://127.0.0.1:9115/probe?module=http_2xx&target=https%3A%2F%2Fexample.org%2Fa%3Fb%3Dc'
    const { clock, query, scraper } = await stand(text, { [url]: 'probe_success 1\n' })
    await clock.advance(10_000)
    expect(Object.keys(await query('probe_success'))).toEqual([
      '__name__=probe_success instance=https://example.org/a?b=c job=probe',
    ])
    expect(scraper.dropped()).toMatchObject([{ job: 'probe', count: 1, discovered: [{ __address__: 'skip:1' }] }])
  })

  it('set the interval and the timeout of one target', async () => {
    const text = `
- job_name: j
  scrape_interval: 10s
  static_configs: [{ targets: ['a:1', 'b:1', 'c:1'] }]
  relabel_configs:
    - { source_labels: [__address__], regex: 'a:1', target_label: __scrape_interval__, replacement: 30s }
    - { source_labels: [__address__], regex: 'a:1', target_label: __scrape_timeout__, replacement: 1s500ms }
    - { source_labels: [__address__], regex: 'c:1', target_label: __scrape_interval__, replacement: soon }
`
    const { clock, asked, scraper, lines } = await stand(text, {})
    await clock.advance(59_999)
    const times = (url: string): number => asked.filter((one) => one.url === url).length
    expect([times('http://a:1/metrics'), times('http://b:1/metrics'), times('http://c:1/metrics')]).toEqual([2, 6, 0])
    expect(scraper.targets()[0]).toMatchObject({ intervalMs: 30_000, timeoutMs: 1500 })
    expect(lines.filter((line) => line.includes('__scrape_interval__ is no duration'))).toHaveLength(1)
  })

  it('of samples rename, rewrite and drop series, and those are not counted', async () => {
    const text = `
- job_name: j
  scrape_interval: 10s
  static_configs: [{ targets: ['a:1'] }]
  metric_relabel_configs:
    - { source_labels: [__name__], regex: 'go_.*', action: drop }
    - { source_labels: [__name__], regex: 'old_(.*)', target_label: __name__, replacement: 'new_$1' }
    - { regex: 'pod|instance', action: labeldrop }
`
    const { clock, query } = await stand(text, {
      'http://a:1/metrics': 'go_a 1\ngo_b 2\nold_c{pod="p"} 3\nd 4\n',
    })
    await clock.advance(20_000)
    const where = 'instance=a:1 job=j'
    expect(await query('{__name__=~"go_.*|old_.*|new_.*|d"}')).toEqual({
      '__name__=new_c job=j': 3,
      '__name__=d job=j': 4,
    })
    expect(await query('scrape_samples_scraped')).toEqual({ [`__name__=scrape_samples_scraped ${where}`]: 4 })
    const left = await query('scrape_samples_post_metric_relabeling')
    expect(Object.values(left)).toEqual([2])
    expect(await query('sum_over_time(scrape_series_added[2m])')).toEqual({ [where]: 2 })
  })

  it('of samples that leave one without a name refuse the page', async () => {
    const text = `- { job_name: j, scrape_interval: 10s, static_configs: [{ targets: ['a:1'] }], metric_relabel_configs: [{ action: labeldrop, regex: __name__ }] }`
    const { clock, scraper } = await stand(text, { 'http://a:1/metrics': 'a 1\n' })
    await clock.advance(10_000)
    expect(scraper.targets()[0]!.lastError).toContain('left without a metric name')
  })

  it('come before the limit of samples, which says by how far it is passed', async () => {
    const text = (limit: number) => `
- job_name: j
  scrape_interval: 10s
  sample_limit: ${limit}
  extra_scrape_metrics: true
  static_configs: [{ targets: ['a:1'] }]
  metric_relabel_configs: [{ source_labels: [__name__], regex: x, action: drop }]
`
    const page = { 'http://a:1/metrics': 'a 1\nb 1\nc 1\nx 1\n' }
    for (const [limit, up] of [
      [3, 1],
      [2, 0],
    ] as const) {
      const { clock, query } = await stand(text(limit), page)
      await clock.advance(10_000)
      const names = [
        'up',
        'scrape_samples_scraped',
        'scrape_samples_post_metric_relabeling',
        'scrape_timeout_seconds',
        'scrape_sample_limit',
        'scrape_body_size_bytes',
      ]
      const values = await Promise.all(names.map(async (name) => Object.values(await query(name))[0]))
      expect(values).toEqual([up, 4, 3, 10, limit, 16])
    }
  })
})

describe('what global says', () => {
  const job = "- { job_name: j, static_configs: [{ targets: ['a:1'] }] }"
  it.each([
    ['{}', 60_000, 10_000, 0],
    ['{ scrape_interval: 5s }', 5000, 5000, 0],
    ['{ scrape_interval: 30s, scrape_timeout: 20s, sample_limit: 7 }', 30_000, 20_000, 7],
  ])('%s holds for a job that says nothing', (global, interval, timeout, limit) => {
    expect(jobs(job, global)).toMatchObject([
      { scrape_interval: interval, scrape_timeout: timeout, sample_limit: limit },
    ])
  })

  it('does not hold for a job that says otherwise', () => {
    const own = "- { job_name: j, scrape_interval: 2s, sample_limit: 0, static_configs: [{ targets: ['a:1'] }] }"
    expect(jobs(own, '{ scrape_interval: 30s, scrape_timeout: 20s, sample_limit: 7 }')).toMatchObject([
      { scrape_interval: 2000, scrape_timeout: 2000, sample_limit: 0 },
    ])
  })

  it('may not be more than it can be', () => {
    expect(() => jobs(job, '{ scrape_interval: 1s, scrape_timeout: 2s }')).toThrow('no longer than scrape_interval')
    expect(() => jobs(job, '{ scrape_intervall: 1s }')).toThrow('did you mean "scrape_interval"')
  })

  it('of formats is asked for, the dearest first', () => {
    const [one] = jobs(job, '{ scrape_protocols: [OpenMetricsText1.0.0, PrometheusProto, PrometheusText0.0.4] }')
    expect(one!.accept).toBe(
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.9,text/plain;version=0.0.4;q=0.8,*/*;q=0.1',
    )
  })
})

describe('limits', () => {
  it.each([
    ['sample_limit: 2', 'a 1\nb 2\nc 3\n', 'page with 3 samples, more than sample_limit 2'],
    ['label_limit: 4', 'a{x="1",y="2"} 1\n', 'more or longer labels'],
    ['label_name_length_limit: 8', 'a{very_long_name="1"} 1\n', 'more or longer labels'],
    ['label_value_length_limit: 8', 'a{x="123456789"} 1\n', 'more or longer labels'],
  ])('%s: a page past it is refused as a whole, every time', async (limit, page, words) => {
    const text = `- { job_name: j, scrape_interval: 10s, ${limit}, static_configs: [{ targets: ['a:1'] }] }`
    const { clock, query, scraper } = await stand(text, { 'http://a:1/metrics': page })
    for (let time = 0; time < 2; time++) {
      await clock.advance(10_000)
      expect(scraper.targets()[0]).toMatchObject({ health: 'down', lastError: expect.stringContaining(words) })
      expect(await query('a')).toEqual({})
      expect(Object.values(await query('up'))).toEqual([0])
    }
  })

  it('targets past the limit are not scraped, and that is said once', async () => {
    const text = `- { job_name: j, scrape_interval: 10s, target_limit: 2, static_configs: [{ targets: ['a:1', 'b:1', 'c:1', 'a:1'] }] }`
    const { scraper, lines } = await stand(text, {})
    expect(scraper.targets().map(({ url }) => url)).toEqual(['http://a:1/metrics', 'http://b:1/metrics'])
    expect(lines.filter((line) => line.includes('3 targets, 2 are scraped'))).toHaveLength(1)
  })
})

describe('many targets', () => {
  it('are spread over the interval', async () => {
    const targets = Array.from({ length: 200 }, (_, i) => `host-${i}:9100`)
    const { clock, asked } = await stand(
      `- { job_name: j, scrape_interval: 10s, static_configs: [{ targets: ${JSON.stringify(targets)} }] }`,
      {},
    )
    await clock.advance(9999)
    expect(asked).toHaveLength(200)
    const seconds = new Map<number, number>()
    for (const { at } of asked) seconds.set(Math.floor(at / 1000), (seconds.get(Math.floor(at / 1000)) ?? 0) + 1)
    expect(Math.max(...seconds.values())).toBeLessThan(45)
  })
})

describe('targets in files', () => {
  const text = `
- job_name: files
  scrape_interval: 10s
  file_sd_configs: [{ files: ['fleet-*.yml', 'one.json'], refresh_interval: 20s }]
`
  const put = (name: string, words: string): void => {
    writeFileSync(path.join(folder, `.${name}`), words)
    renameSync(path.join(folder, `.${name}`), path.join(folder, name))
  }
  const pages = { 'http://a:1/metrics': 'm 1\n', 'http://b:1/metrics': 'm 2\n', 'http://c:1/metrics': 'm 3\n' }

  it('come and go; a file that is broken keeps its own, and the series of one that went end', async () => {
    put('fleet-1.yml', "- targets: ['a:1']\n  labels: { rack: r1 }\n")
    put('one.json', '[{"targets": ["b:1"]}]')
    const { clock, query, lines, scraper } = await stand(text, pages)
    await clock.advance(15_000)
    expect(await query('sum by (instance, rack) (m)')).toEqual({ 'instance=a:1 rack=r1': 1, 'instance=b:1': 2 })
    put('fleet-1.yml', "- targets: ['a:1'\n")
    put('fleet-2.yml', "- targets: ['c:1']\n")
    await clock.advance(20_000)
    expect(Object.values(await query('m')).sort()).toEqual([1, 2, 3])
    expect(lines.filter((line) => line.includes('fleet-1.yml'))).toHaveLength(1)
    put('fleet-1.yml', '[]')
    put('one.json', '[{"targets": ["b:1"], "labels": {"rack": "r2"}}]')
    await clock.advance(40_000)
    expect(await query('sum by (instance, rack) (m)')).toEqual({ 'instance=b:1 rack=r2': 2, 'instance=c:1': 3 })
    expect(Object.keys(await query('up'))).toHaveLength(2)
    expect(scraper.targets()).toHaveLength(2)
  })
})

describe('what the configuration may say', () => {
  it.each([
    ['- { scrape_interval: 10s }', '1:3: [0].job_name: '],
    ['- { job_name: a }\n- { job_name: a }', 'there is another job "a"'],
    ['- job_name: a\n  relabel_configs: [{ regex: "(" }]', '[0].relabel_configs[0].regex: '],
    ['- job_name: a\n  relabel_configs: [{ action: jump }]', '[0].relabel_configs[0].action: one of replace, keep'],
    [
      '- job_name: a\n  metric_relabel_configs: [{ action: hashmod, target_label: a }]',
      'hashmod needs one that is not 0',
    ],
    ['- job_name: a\n  relabel_configs: [{ action: replace }]', 'target_label: replace needs one'],
    ['- job_name: a\n  relabel_configs: [{ action: labeldrop, source_labels: [a] }]', 'means nothing for labeldrop'],
    ['- job_name: a\n  metric_name_validation_scheme: legacy', 'names are UTF-8 here'],
    [
      '- job_name: a\n  kubernetes_sd_configs: []',
      '[0].kubernetes_sd_configs: known to Prometheus, not supported here',
    ],
    ['- job_name: a\n  consul_sd_configs: []', '[0].consul_sd_configs: known to Prometheus, not supported here'],
    ['- job_name: a\n  tls_config: {}', 'not supported here'],
    ['- job_name: a\n  honour_labels: true', 'unknown key, did you mean "honor_labels"?'],
    ['- job_name: a\n  scrape_interval: 1m\n  scrape_timeout: 2m', 'no longer than scrape_interval'],
    ['- job_name: a\n  scrape_interval: 0s', 'must be longer than 0'],
    ['- job_name: a\n  static_configs: [{ targets: ["http://a:1"] }]', 'write host:port, without scheme and path'],
    ['- job_name: a\n  static_configs: [{ targets: ["a:99999"] }]', 'write host:port, without scheme and path'],
    ['- job_name: a\n  static_configs: [{ targets: ["a:1"], labels: { "": c } }]', '[0].static_configs[0].labels'],
    ['- job_name: a\n  file_sd_configs: [{ files: [x.txt] }]', 'a name that ends in .yml, .yaml or .json'],
    ['- job_name: a\n  body_size_limit: big', 'write 512KB or 10MB'],
    [
      '- job_name: a\n  basic_auth: { username: u, password: canary }',
      'write it into another and name that as password_file',
    ],
    ['- job_name: a\n  authorization: { credentials: canary }', 'name that as credentials_file'],
    [
      '- job_name: a\n  basic_auth: { username: u, password_file: p }\n  authorization: { credentials_file: c }',
      'not both',
    ],
  ])('%j is refused', (text, words) => {
    expect(() => jobs(text)).toThrow(words)
    expect(() => jobs(text)).not.toThrow('canary')
  })

  it('a secret that cannot be read stops the start, by the name of its file', () => {
    const text = '- { job_name: a, authorization: { credentials_file: nowhere } }'
    expect(() =>
      openScraper({
        clock: virtualClock(),
        log: createLog({ write: () => {}, now: () => 0, level: 'debug' }),
        jobs: jobs(text),
        directory: folder,
        append: async () => {},
      }),
    ).toThrow(/job a: .*nowhere cannot be used \(ENOENT\)/)
  })

  it('a secret is sent, and read again when it changes', async () => {
    writeFileSync(path.join(folder, 'password'), 'first\n')
    const text = `- { job_name: a, scrape_interval: 20s, basic_auth: { username: u, password_file: password }, static_configs: [{ targets: ['a:1'] }] }`
    const { clock, asked } = await stand(text, { 'http://a:1/metrics': '' })
    await clock.advance(20_000)
    writeFileSync(path.join(folder, 'password'), 'second\n')
    await clock.advance(20_000)
    const sent = asked.map(({ headers }) => Buffer.from(headers.authorization!.slice(6), 'base64').toString())
    expect(sent).toEqual(['u:first', 'u:second'])
  })
})
