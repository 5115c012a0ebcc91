// How many samples a core takes in: by remote write with the log on, the same and sent on to another server, and as text that is scraped over HTTP. Ours, Prometheus 2.42 and VictoriaMetrics
// run at once over the same bodies and pages, each with one core to use; what counts is the CPU time of their processes.

import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { PageReader } from '../core/sample/page-reader.ts'
import { WriteScanner } from '../core/sample/write-scan.ts'
import type { Context, Figure, Report } from './figure.ts'
import { openLoad } from './store-load.ts'
import { installed, type Peer, type PeerKind, startPeer } from './store-peers.ts'
import { sampleEveryMs, type WorkloadSeries, workload } from './workload.ts'

const hosts = 250
const seriesPerHost = 400
const writeSteps = 24
/** Rounds whose series are new, or met for the second time: not counted. */
const warmSteps = 4
const readSteps = 20
const relaySteps = 14
const relayPatienceMs = 120_000
const scrapeEveryMs = 5000
const scrapeMs = 60_000
const warmScrapeMs = 20_000
/** Pages of a host repeat after so many. */
const pageSteps = 4

export async function ingest(context: Context): Promise<Report> {
  const series = workload(hosts)
  const written = await byRemoteWrite(context, series)
  const relayed = await bySendingOn(context, series)
  const read = byReading(series)
  const scraped = await byScraping(context, series)
  const must = { of: 'ours', bound: 'at least' } as const
  const figure = (what: string, rates: ReadonlyMap<PeerKind, number>, value: number): Figure => ({
    what,
    unit: 'samples/s per core',
    ours: rates.get('ours') ?? null,
    peer: rates.get('prometheus') ?? null,
    must: { ...must, value },
    absent: rates.has('prometheus') ? null : { part: 'required_peer', words: 'prometheus is not installed' },
  })
  const victoria = written.get('victoria-metrics')
  return {
    figures: [
      figure('remote write, log on', written, 600_000),
      {
        what: 'remote write of VictoriaMetrics',
        unit: 'samples/s per core',
        ours: victoria ?? null,
        peer: null,
        must: null,
        absent: victoria === undefined ? { part: 'optional_peer', words: 'not installed' } : null,
      },
      {
        ...figure('remote write taken in and sent on', relayed, 0),
        must: { of: 'ratio', bound: 'at least', value: 1 },
      },
      {
        what: 'text exposition, read alone',
        unit: 'samples/s per core',
        ours: read,
        peer: null,
        must: { ...must, value: 800_000 },
        absent: null,
      },
      figure('text exposition, scraped over HTTP, log on', scraped, 800_000),
    ],
    tables: [],
  }
}

async function byRemoteWrite({ tell, signal }: Context, series: readonly WorkloadSeries[]) {
  const load = openLoad(series)
  const peers: Peer[] = []
  try {
    for (const kind of (['ours', 'prometheus', 'victoria-metrics'] as const).filter(installed))
      peers.push(await startPeer(kind, null, signal))
    const spent = new Map<PeerKind, number>()
    const first = Math.floor(Date.now() / sampleEveryMs - writeSteps) * sampleEveryMs
    for (let step = 0; step < writeSteps; step++) {
      const bodies = load.bodies(step, first + step * sampleEveryMs)
      for (const peer of peers) {
        signal.throwIfAborted()
        const before = peer.cpuSeconds()
        for (let at = 0; at < bodies.length; at += 4)
          await Promise.all(bodies.slice(at, at + 4).map((one) => peer.write(one)))
        if (step >= warmSteps) spent.set(peer.kind, (spent.get(peer.kind) ?? 0) + peer.cpuSeconds() - before)
      }
    }
    tell('remote write measured')
    return new Map([...spent].map(([kind, seconds]) => [kind, ((writeSteps - warmSteps) * series.length) / seconds]))
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()))
  }
}

/** Time that is the servers' own: what they have taken in is at the other side when it ends. */
async function bySendingOn({ tell, signal }: Context, series: readonly WorkloadSeries[]) {
  const load = openLoad(series)
  const sink = await openSink()
  const peers: Peer[] = []
  try {
    for (const kind of (['ours', 'prometheus'] as const).filter(installed))
      peers.push(await startPeer(kind, null, signal, { remote_write: [{ url: `${sink.url}/${kind}` }] }))
    // Prometheus sends on what is later than its own start.
    const first = Date.now() + 1000
    const begun = new Map<PeerKind, number>()
    const arrived = async (kind: PeerKind, steps: number): Promise<void> => {
      const until = performance.now() + relayPatienceMs
      while (sink.samples(kind) < steps * series.length) {
        if (performance.now() > until)
          throw new Error(`${kind} sent ${sink.samples(kind)} samples of ${steps * series.length}`)
        await sleep(50, undefined, { signal })
      }
    }
    const spent = new Map<PeerKind, number>()
    for (let step = 0; step < relaySteps; step++) {
      if (step === warmSteps) {
        for (const { kind } of peers) await arrived(kind, warmSteps)
        for (const peer of peers) begun.set(peer.kind, peer.cpuSeconds())
      }
      const bodies = load.bodies(step, first + step * 1000)
      for (const peer of peers) {
        signal.throwIfAborted()
        for (let at = 0; at < bodies.length; at += 4)
          await Promise.all(bodies.slice(at, at + 4).map((one) => peer.write(one)))
      }
    }
    await Promise.all(
      peers.map(async (peer) => {
        await arrived(peer.kind, relaySteps)
        spent.set(peer.kind, peer.cpuSeconds() - begun.get(peer.kind)!)
      }),
    )
    tell('sending on measured')
    return new Map([...spent].map(([kind, seconds]) => [kind, ((relaySteps - warmSteps) * series.length) / seconds]))
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()))
    await sink.stop()
  }
}

/** Takes remote write 1.0 at `/KIND`, and counts. */
async function openSink() {
  const counts = new Map<string, number>()
  const scanner = new WriteScanner()
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const kind = (request.url ?? '').slice(1)
      let samples = 0
      scanner.scan(Buffer.concat(parts), { series: () => {}, sample: () => void samples++ })
      counts.set(kind, (counts.get(kind) ?? 0) + samples)
      response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    samples: (kind: string): number => counts.get(kind) ?? 0,
    stop: () => {
      server.closeAllConnections()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** Pages of one host after another, as a scraper meets them; without HTTP and without a store. */
function byReading(series: readonly WorkloadSeries[]): number {
  const targets = pagesOf(series).map((pages) => ({ pages, reader: new PageReader() }))
  let samples = 0
  const visitor = {
    series: () => {},
    sample: () => {
      samples++
    },
  }
  const sweep = (step: number): void => {
    for (const { pages, reader } of targets) reader.read(pages[step % pageSteps]!, 'text', visitor)
  }
  for (let step = 0; step < warmSteps; step++) sweep(step)
  samples = 0
  const begun = process.cpuUsage()
  for (let step = 0; step < readSteps; step++) sweep(step)
  const { user, system } = process.cpuUsage(begun)
  return (samples / (user + system)) * 1e6
}

async function byScraping({ tell, signal }: Context, series: readonly WorkloadSeries[]) {
  const fleet = await servePages(series)
  const peers: Peer[] = []
  try {
    for (const kind of (['ours', 'prometheus'] as const).filter(installed))
      peers.push(await startPeer(kind, null, signal, { scrape_configs: scrapesOf(kind, fleet.address) }))
    await sleep(warmScrapeMs, undefined, { signal })
    const before = new Map(peers.map((peer) => [peer.kind, { cpu: peer.cpuSeconds(), pages: fleet.served(peer.kind) }]))
    await sleep(scrapeMs, undefined, { signal })
    tell('scraping measured')
    return new Map(
      peers.map((peer) => {
        const { cpu, pages } = before.get(peer.kind)!
        const count = fleet.served(peer.kind) - pages
        // A server that fell behind would look cheap.
        const due = (scrapeMs / scrapeEveryMs) * hosts
        if (count < due * 0.9) throw new Error(`${peer.kind} read ${count} pages of ${due}`)
        return [peer.kind, (count * seriesPerHost) / (peer.cpuSeconds() - cpu)] as const
      }),
    )
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()))
    await fleet.stop()
  }
}

/** One job for each host, since hosts differ by their path. */
function scrapesOf(kind: PeerKind, address: string): readonly unknown[] {
  return Array.from({ length: hosts }, (_, host) => ({
    job_name: `node-${host}`,
    scrape_interval: `${scrapeEveryMs}ms`,
    scrape_timeout: `${scrapeEveryMs}ms`,
    metrics_path: `/${kind}/${host}`,
    static_configs: [{ targets: [address] }],
  }))
}

/** `/KIND/HOST`: a page whose values are others each time. */
async function servePages(series: readonly WorkloadSeries[]) {
  const pages = pagesOf(series)
  const served = new Map<string, number>()
  const server = createServer((request, response) => {
    const [, kind = '', host = ''] = (request.url ?? '').split('/')
    const count = served.get(kind) ?? 0
    served.set(kind, count + 1)
    const page = pages[Number(host)]?.[Math.floor(count / hosts) % pageSteps]
    response.setHeader('content-type', 'text/plain; version=0.0.4')
    response.end(page ?? '')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    address: `127.0.0.1:${port}`,
    served: (kind: string): number => served.get(kind) ?? 0,
    stop: () => {
      server.closeAllConnections()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** By host and step. */
function pagesOf(series: readonly WorkloadSeries[]): readonly (readonly Buffer[])[] {
  return Array.from({ length: hosts }, (_, host) => {
    const own = series.slice(host * seriesPerHost, (host + 1) * seriesPerHost)
    return Array.from({ length: pageSteps }, (_, step) => Buffer.from(pageOf(own, step)))
  })
}

/** What an exporter on the host would show: the labels that the scrape adds are left out. */
function pageOf(series: readonly WorkloadSeries[], step: number): string {
  return series
    .map(({ labels, value }) => {
      const name = labels.find(([key]) => key === '__name__')?.[1] ?? ''
      const pairs = labels.filter(([key]) => key !== '__name__' && key !== 'job' && key !== 'instance')
      return `${name}{${pairs.map(([key, one]) => `${key}="${one}"`).join(',')}} ${value(step)}\n`
    })
    .join('')
}
