// The claims of alerting, beside Alertmanager in the same run: alerts taken per second, alerts read while twenty thousand fire and while a thousand of
// them inhibit the others, and how long a new alert takes to the first byte at its receiver. Both servers have the same routing and the same load, in
// turns; ours writes every post down before it answers, Alertmanager keeps alerts in memory.

import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AlertPeer, alertmanagerInstalled, startAlertPeer } from './alert-peers.ts'
import type { Context, Figure, Must, Report } from './figure.ts'

const hosts = 1000
const perHost = 20
/** As sixteen Prometheus servers post them, 64 alerts at a time each. */
const batch = 64
const connections = 16
const passes = 9
const readings = 7
const triggers = 200
const peerName = 'prometheus-alertmanager 0.25'

export async function alerting(context: Context): Promise<Report> {
  const { tell, signal } = context
  const arrived = new Map<string, number>()
  let messages = 0
  const sink = createServer((request, response) => {
    const at = performance.now()
    messages++
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { alerts } = JSON.parse(Buffer.concat(parts).toString()) as { alerts: { labels: Record<string, string> }[] }
      for (const { labels } of alerts) {
        const trigger = labels.trigger
        if (trigger !== undefined && !arrived.has(trigger)) arrived.set(trigger, at)
      }
      response.end()
    })
  })
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
  const { port } = sink.address() as { port: number }
  const kinds: readonly AlertPeer['kind'][] = alertmanagerInstalled() ? ['ours', 'alertmanager'] : ['ours']
  const peers: AlertPeer[] = []
  try {
    for (const kind of kinds) {
      tell(`starting ${kind}`)
      peers.push(await startAlertPeer(kind, routing(port), connections, signal))
    }
    const rate = await accepted(peers, tell, signal)
    tell('until all groups are told')
    await sleep(32_000, undefined, { signal })
    await settled(() => messages, signal)
    const plain = await read(peers, signal)
    tell(`${hosts} alerts that inhibit all others`)
    for (const peer of peers) await postAll(peer, bodies(sources()), signal)
    await sleep(32_000, undefined, { signal })
    await settled(() => messages, signal)
    const inhibited = await read(peers, signal)
    const delays = await delivered(peers, arrived, tell, signal)
    return {
      figures: [
        figure('alerts accepted', 'alerts/s', rate, { of: 'ours', bound: 'at least', value: 35_000 }),
        figure(`GET /alerts, ${hosts * perHost} alerts`, 's', plain, { of: 'ours', bound: 'at most', value: 0.3 }),
        figure(`the same with ${hosts} that inhibit`, 's', inhibited, { of: 'ours', bound: 'at most', value: 0.5 }),
        figure('firing to first byte at the receiver, p99', 'ms', quantiles(delays, 0.99), {
          of: 'ours',
          bound: 'at most',
          value: 100,
        }),
        figure('firing to first byte at the receiver, p50', 'ms', quantiles(delays, 0.5), null),
      ],
      tables: [],
    }
  } finally {
    for (const peer of peers) await peer.stop()
    sink.closeAllConnections()
    await new Promise((resolve) => sink.close(resolve))
  }
}

type Values = Readonly<Partial<Record<AlertPeer['kind'], number>>>

function figure(what: string, unit: string, values: Values, must: Must | null): Figure {
  const absent = alertmanagerInstalled()
    ? null
    : { part: 'required_peer' as const, words: `${peerName} is not installed` }
  return { what, unit, ours: values.ours ?? null, peer: values.alertmanager ?? null, must, absent }
}

/** Critical alerts one group a host, all others by name and cluster; triggers alone and at once. */
const routing = (port: number): string => `
route:
  receiver: hook
  group_by: [alertname, cluster]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
  routes:
    - { receiver: hook, matchers: ['trigger=~".+"'], group_by: [trigger], group_wait: 0s }
    - { receiver: hook, matchers: ['severity="critical"'], group_by: [instance] }
inhibit_rules:
  - { source_matchers: ['alertname="HostDown"'], target_matchers: ['alertname=~"Alert.*"'], equal: [instance] }
receivers:
  - { name: hook, webhook_configs: [{ url: "http://127.0.0.1:${port}/", send_resolved: false }] }
`

type Posted = {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

const instance = (host: number): string => `gpu-${String(host).padStart(4, '0')}.example.org:9710`

const targets = (): readonly Posted[] =>
  Array.from({ length: hosts * perHost }, (_, index) => {
    const host = Math.floor(index / perHost)
    const n = index % perHost
    return {
      labels: {
        alertname: `Alert${n}`,
        cluster: `c${host % 4}`,
        gpu: String(n % 8),
        instance: instance(host),
        job: 'agent',
        severity: n === 0 ? 'critical' : 'warning',
      },
      annotations: {
        summary: `Alert ${n} on host ${host}`,
        description: 'A value passed its threshold for five minutes.',
      },
    }
  })

const sources = (): readonly Posted[] =>
  Array.from({ length: hosts }, (_, host) => ({
    labels: { alertname: 'HostDown', cluster: `c${host % 4}`, instance: instance(host), severity: 'none' },
    annotations: { summary: `Host ${host} is down` },
  }))

function bodies(alerts: readonly Posted[]): readonly string[] {
  const startsAt = new Date(Date.now() - 1000).toISOString()
  const endsAt = new Date(Date.now() + 3_600_000).toISOString()
  const out: string[] = []
  for (let from = 0; from < alerts.length; from += batch) {
    const part = alerts.slice(from, from + batch)
    out.push(
      JSON.stringify(part.map((one) => ({ ...one, startsAt, endsAt, generatorURL: 'http://prometheus:9090/graph' }))),
    )
  }
  return out
}

async function postAll(peer: AlertPeer, list: readonly string[], signal: AbortSignal): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < list.length) {
      signal.throwIfAborted()
      await peer.post(list[next++]!)
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
}

/** Passes of all alerts, in turns; the first of each server is new to it, the others confirm. All of them count. */
async function accepted(peers: readonly AlertPeer[], tell: Context['tell'], signal: AbortSignal): Promise<Values> {
  const rates = new Map<AlertPeer['kind'], number[]>()
  for (let pass = 0; pass < passes; pass++) {
    for (const peer of peers) {
      const list = bodies(targets())
      const begun = performance.now()
      await postAll(peer, list, signal)
      const rate = (hosts * perHost * 1000) / (performance.now() - begun)
      rates.set(peer.kind, [...(rates.get(peer.kind) ?? []), rate])
    }
  }
  for (const [kind, list] of rates)
    tell(`${kind}: ${list.map((one) => Math.round(one / 1000)).join(', ')} thousand alerts/s`)
  return quantiles(rates, 0.5)
}

async function read(peers: readonly AlertPeer[], signal: AbortSignal): Promise<Values> {
  const times = new Map<AlertPeer['kind'], number[]>()
  for (let reading = 0; reading < readings; reading++) {
    for (const peer of peers) {
      signal.throwIfAborted()
      const begun = performance.now()
      const bytes = await peer.get('/api/v2/alerts')
      if (bytes < hosts * perHost * 200) throw new Error(`${peer.kind} answered ${bytes} bytes`)
      times.set(peer.kind, [...(times.get(peer.kind) ?? []), (performance.now() - begun) / 1000])
    }
  }
  return quantiles(times, 0.5)
}

async function delivered(
  peers: readonly AlertPeer[],
  arrived: ReadonlyMap<string, number>,
  tell: Context['tell'],
  signal: AbortSignal,
): Promise<ReadonlyMap<AlertPeer['kind'], number[]>> {
  tell(`${triggers} alerts, one by one`)
  const sent = new Map<AlertPeer['kind'], Map<string, number>>()
  for (let n = 0; n < triggers; n++) {
    for (const peer of peers) {
      signal.throwIfAborted()
      const trigger = `${peer.kind}-${n}`
      const body = bodies([{ labels: { alertname: 'Trigger', trigger }, annotations: {} }])[0]!
      sent.set(peer.kind, (sent.get(peer.kind) ?? new Map()).set(trigger, performance.now()))
      await peer.post(body)
      await sleep(15 + ((n * 37) % 20))
    }
  }
  await sleep(3000)
  return new Map(
    [...sent].map(([kind, times]) => [
      kind,
      [...times].map(([trigger, at]) => (arrived.get(trigger) ?? Number.POSITIVE_INFINITY) - at),
    ]),
  )
}

/** Until no message came for two seconds: what is measured next is not the tail of what was before. */
async function settled(messages: () => number, signal: AbortSignal): Promise<void> {
  const until = performance.now() + 120_000
  for (let before = -1; before !== messages() && performance.now() < until; ) {
    before = messages()
    signal.throwIfAborted()
    await sleep(2500)
  }
}

function quantiles(of: ReadonlyMap<AlertPeer['kind'], readonly number[]>, q: number): Values {
  return Object.fromEntries(
    [...of].map(([kind, list]) => {
      const sorted = [...list].sort((a, b) => a - b)
      return [kind, sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))]!]
    }),
  )
}
