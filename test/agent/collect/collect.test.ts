// What the agent collects: the host from /proc text, engines from their page with staleness marks, and rounds that never overlap.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { hostCollector } from '../../../agent/collect/host.ts'
import { openRound } from '../../../agent/collect/round.ts'
import { engineScraper, type Scrape } from '../../../agent/collect/scrape.ts'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { metricCatalogue } from '../../../core/sample/metric-catalogue.ts'
import { type SeriesSamples, sample } from '../../../core/sample/sample.ts'

const folders: string[] = []
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true })
})
function proc(files: Readonly<Record<string, string>>): string {
  const made = mkdtempSync(path.join(tmpdir(), 'iw-proc-'))
  folders.push(made)
  mkdirSync(path.join(made, 'net'))
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(made, name), text)
  return made
}
const text = (series: SeriesSamples): string =>
  `${series.labels.map(([name, value]) => (name === '__name__' ? value : `${name}=${value}`)).join(' ')} ${series.values[0]}`
const lines = (series: readonly SeriesSamples[]): string[] =>
  series.map(text).filter((line) => !line.includes('_disk_'))

describe('the host', () => {
  const whole = {
    stat: 'cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n',
    meminfo: 'MemTotal:       2000 kB\nMemFree:         100 kB\nMemAvailable:   1500 kB\n',
    'net/dev':
      'Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs\n    lo: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9\n  eth0:1234 1 0 0 0 0 0 0 5678 2 0 0 0 0 0 0\n',
    loadavg: '0.75 0.5 0.25 1/100 12345\n',
  }

  it('is read from /proc, and CPU is the share between two looks', () => {
    const directory = proc(whole)
    const collector = hostCollector({ host: 'h', dataDirectory: directory, proc: directory })
    const expected = [
      'inferward_host_memory_total_bytes host=h 2048000',
      'inferward_host_memory_available_bytes host=h 1536000',
      'inferward_host_network_receive_bytes_total device=eth0 host=h 1234',
      'inferward_host_network_transmit_bytes_total device=eth0 host=h 5678',
      'inferward_host_load1 host=h 0.75',
    ]
    expect(lines(collector.collect(1000))).toEqual(expected)
    // 60 more ticks busy, 20 idle, 20 waiting for a disk.
    writeFileSync(path.join(directory, 'stat'), 'cpu  150 0 110 720 120 0 0 0 0 0\n')
    expect(lines(collector.collect(2000))).toEqual(['inferward_host_cpu_busy_ratio host=h 0.6', ...expected])
    // Counters that went back (a container moved) say nothing.
    writeFileSync(path.join(directory, 'stat'), 'cpu  1 0 1 7 1 0 0 0 0 0\n')
    expect(lines(collector.collect(3000))).toEqual(expected)
  })

  it.each([
    ['nothing', {}],
    ['empty files', { stat: '', meminfo: '', 'net/dev': '', loadavg: '' }],
    [
      'short and strange lines',
      {
        stat: 'cpu 1 2\n',
        meminfo: 'MemTotal: many kB\n',
        'net/dev': 'eth0: 12\neth1: a b c d e f g h i\n',
        loadavg: 'high\n',
      },
    ],
  ])('with %s there leaves out what cannot be read, and shows no zero and no NaN', (_title, files) => {
    const directory = proc(files)
    const collector = hostCollector({ host: 'h', dataDirectory: directory, proc: directory })
    for (let look = 0; look < 2; look++) expect(lines(collector.collect(look))).toEqual([])
  })

  it('has no disk when its folder is gone', () => {
    const collector = hostCollector({ host: 'h', dataDirectory: '/nonexistent', proc: proc({}) })
    expect(collector.collect(1)).toEqual([])
  })

  it('of this machine gives only names of the catalogue', () => {
    const collector = hostCollector({ host: 'h', dataDirectory: tmpdir() })
    collector.collect(1)
    const names = collector.collect(2).map((one) => one.labels.find(([name]) => name === '__name__')![1])
    expect(names.length).toBeGreaterThan(3)
    for (const name of names) expect(metricCatalogue.some((entry) => entry.name === name)).toBe(true)
  })
})

async function page(answer: (response: ServerResponse) => void) {
  let reply = answer
  const server = createServer((_request, response) => reply(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    says: (next: (response: ServerResponse) => void) => {
      reply = next
    },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
const say =
  (body: string, status = 200) =>
  (response: ServerResponse): void =>
    void response.writeHead(status).end(body)
const found = (scrape: Scrape): string[] =>
  scrape.series.map((one) => text(one) + (one.stale?.[0] === true ? ' stale' : ''))

describe('an engine that is scraped', () => {
  const scraperOf = (url: string) => engineScraper({ url, labels: { host: 'h', engine: 'e' }, timeoutMs: 300 })

  it('has its labels added, and what vanishes is marked stale once', async () => {
    await using engine = await page(say('a{model="m"} 1\nb 2\n'))
    const scraper = scraperOf(engine.url)
    expect(found(await scraper.scrape(1))).toEqual(['a engine=e host=h model=m 1', 'b engine=e host=h 2'])
    engine.says(say('b 3\n'))
    expect(found(await scraper.scrape(2))).toEqual(['b engine=e host=h 3', 'a engine=e host=h model=m 0 stale'])
    expect(found(await scraper.scrape(3))).toEqual(['b engine=e host=h 3'])
  })

  it.each([
    ['answers a fault', say('a 1\n', 500), /HTTP 500/],
    ['answers half a page', say('a 1\nb{ 2\n'), /./],
    ['answers nothing in time', () => undefined, /abort|time/i],
    ['hangs up', (response: ServerResponse) => void response.destroy(), /./],
    [
      'never stops answering',
      (response: ServerResponse) => {
        const more = (): void => {
          while (response.write('# '.padEnd(1 << 16, 'x')));
          response.once('drain', more)
        }
        more()
      },
      /larger than|abort|time/i,
    ],
  ])('and %s is marked stale as a whole, with words', async (_title, reply, words) => {
    await using engine = await page(say('a 1\n'))
    const scraper = scraperOf(engine.url)
    await scraper.scrape(1)
    engine.says(reply)
    const scrape = await scraper.scrape(2)
    expect(scrape.error).toMatch(words)
    expect(found(scrape)).toEqual(['a engine=e host=h 0 stale'])
    expect(found(await scraper.scrape(3))).toEqual([])
    engine.says(say('a 5\n'))
    expect(found(await scraper.scrape(4))).toEqual(['a engine=e host=h 5'])
  })

  it('cannot pass for another engine by its own labels', async () => {
    await using engine = await page(say('a{host="evil",engine="other"} 1\n'))
    expect(found(await scraperOf(engine.url).scrape(1))).toEqual(['a engine=e host=h 1'])
  })
})

describe('a round', () => {
  const setUp = (scrape: () => Promise<Scrape>, push = (_: readonly SeriesSamples[]): void => undefined) => {
    const clock = virtualClock()
    const pushed: (readonly SeriesSamples[])[] = []
    const round = openRound({
      clock,
      log: silentLog,
      intervalMs: 1000,
      host: { collect: (now) => [sample('host', {}, now, 1)] },
      engines: [{ name: 'e', scraper: { scrape } }],
      own: (now) => [sample('own', {}, now, 2)],
      sink: {
        push: (series) => {
          pushed.push(series)
          push(series)
        },
      },
    })
    return { clock, round, pushed }
  }
  const nothing: Scrape = { series: [], error: null }

  it('comes every interval, with everything in one frame', async () => {
    const { clock, round, pushed } = setUp(async () => ({ series: [sample('engine', {}, 1, 3)], error: null }))
    await round.start(new AbortController().signal)
    await clock.advance(3500)
    expect(pushed.length).toBe(4)
    expect(pushed[0]!.map((one) => one.labels[0]![1])).toEqual(['engine', 'host', 'own'])
    expect(round.latest()).toBe(pushed.at(-1))
    await round.stop()
    await clock.advance(5000)
    expect(pushed.length).toBe(4)
  })

  it('that took too long skips those it missed and counts them', async () => {
    let slow = true
    const { clock, round, pushed } = setUp(async () => {
      if (slow) await clock.sleep(3400)
      return nothing
    })
    await round.start(new AbortController().signal)
    await clock.advance(1000)
    slow = false
    await clock.advance(4100)
    // Begun at 0, ended at 3400: the round of 3000 comes at once, those of 1000 and 2000 never, those of 4000 and 5000 on time.
    expect(round.stats()).toMatchObject({ missed: 2, failures: 0 })
    expect(pushed.length).toBe(4)
    await round.stop()
  })

  it('that fails is counted, and the next one comes', async () => {
    let bad = true
    const { clock, round, pushed } = setUp(
      async () => ({ series: [], error: 'HTTP 500' }),
      () => {
        if (bad) throw new Error('disk full')
      },
    )
    await round.start(new AbortController().signal)
    await clock.advance(500)
    expect(round.stats()).toMatchObject({ runs: 0, failures: 2 })
    bad = false
    await clock.advance(1000)
    expect(round.stats()).toMatchObject({ runs: 1, failures: 3 })
    expect(pushed.length).toBe(2)
    await round.stop()
  })

  it('that is wanted at once waits for the one that runs: never two at a time', async () => {
    let at = 0
    let most = 0
    const { clock, round, pushed } = setUp(async () => {
      most = Math.max(most, ++at)
      await clock.sleep(100)
      at--
      return nothing
    })
    await round.start(new AbortController().signal)
    await clock.advance(50)
    const extra = Promise.all([round.now(), round.now()])
    await clock.advance(400)
    await extra
    expect(most).toBe(1)
    expect(pushed.length).toBe(3)
    await round.stop()
  })
})
