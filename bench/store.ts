// The claims of the store beside Prometheus 2.42 and VictoriaMetrics: taking samples in, keeping them, evaluating twenty rules over 100 000 series,
// and answering the same twenty expressions. All servers run at once and are fed the same bodies in turn, each with one core to use.

import { setTimeout as sleep } from 'node:timers/promises'
import { atMost, type Context, type Figure, type Must, type Report } from './figure.ts'
import { openLoad } from './store-load.ts'
import { installed, type Peer, startPeer } from './store-peers.ts'
import { sampleEveryMs, workload, workloadRules } from './workload.ts'

const hosts = 250
const backfill = 80
/** Live steps: those that warm up, and those whose evaluations of rules are measured. */
const warmSteps = 5
const liveSteps = 11
const queryRounds = 3

type Measured = {
  readonly samplesPerCpuSecond: number
  readonly bytesPerSeries: number
  /** Milliseconds by rule: medians over the measured evaluations, and over the answers. */
  readonly rules: ReadonlyMap<string, number>
  readonly queries: ReadonlyMap<string, number>
  /** Of the first answer to each. */
  readonly firsts: ReadonlyMap<string, number>
  readonly rows: ReadonlyMap<string, number>
}

const rulesText = JSON.stringify({
  groups: [
    {
      name: 'fleet',
      interval: '15s',
      rules: workloadRules.map(({ name, expr, for: hold }) => ({ alert: name, expr, for: hold })),
    },
  ],
})

export async function store(context: Context): Promise<Report> {
  const { tell, signal } = context
  const kinds = (['ours', 'prometheus', 'victoria-metrics'] as const).filter(installed)
  const series = workload(hosts)
  const load = openLoad(series)
  const peers: Peer[] = []
  try {
    for (const kind of kinds) peers.push(await startPeer(kind, kind === 'victoria-metrics' ? null : rulesText, signal))
    const empty = new Map(peers.map((peer) => [peer.kind, peer.residentBytes()]))
    const spent = new Map<string, number>()
    const feed = async (step: number, time: number, counted: boolean): Promise<void> => {
      const bodies = load.bodies(step, time)
      for (const peer of peers) {
        signal.throwIfAborted()
        const before = peer.cpuSeconds()
        for (let at = 0; at < bodies.length; at += 4)
          await Promise.all(bodies.slice(at, at + 4).map((one) => peer.write(one)))
        if (counted) spent.set(peer.kind, (spent.get(peer.kind) ?? 0) + peer.cpuSeconds() - before)
      }
    }
    const end = Math.floor(Date.now() / sampleEveryMs) * sampleEveryMs
    const first = end - (backfill - 1) * sampleEveryMs
    // The first step makes the series; what a steady flow costs is measured from the second on.
    for (let step = 0; step < backfill; step++) {
      await feed(step, first + step * sampleEveryMs, step > 0)
      if (step % 20 === 19) tell(`${step + 1} of ${backfill} steps`)
    }
    const resident = new Map(peers.map((peer) => [peer.kind, peer.residentBytes()]))
    let step = backfill
    const upToNow = async (): Promise<void> => {
      for (; first + step * sampleEveryMs <= Date.now(); step++) await feed(step, first + step * sampleEveryMs, false)
    }
    await upToNow()
    const lastStep = step + liveSteps
    const judges = peers.filter((peer) => peer.kind !== 'victoria-metrics')
    const evaluated = new Map<string, Map<string, number[]>>()
    while (step < lastStep) {
      await sleep(Math.max(0, first + step * sampleEveryMs - Date.now()), undefined, { signal })
      if (lastStep - step < liveSteps - warmSteps)
        for (const peer of judges) add(evaluated, peer, await evaluations(peer))
      await upToNow()
    }
    await sleep(8000, undefined, { signal })
    tell('asking')
    const at = first + (step - 1) * sampleEveryMs
    const measured = new Map<string, Measured>()
    const queries = await ask(peers, at, signal)
    for (const peer of peers) {
      measured.set(peer.kind, {
        samplesPerCpuSecond: ((backfill - 1) * series.length) / spent.get(peer.kind)!,
        bytesPerSeries: (resident.get(peer.kind)! - empty.get(peer.kind)!) / series.length,
        rules: medians(evaluated.get(peer.kind) ?? new Map()),
        queries: queries.get(peer.kind)!.times,
        firsts: queries.get(peer.kind)!.firsts,
        rows: queries.get(peer.kind)!.rows,
      })
    }
    return report(measured)
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()))
  }
}

/** Rounds of all expressions, the servers in turn; the first time and the median of each. */
async function ask(peers: readonly Peer[], at: number, signal: AbortSignal) {
  const found = new Map(
    peers.map((peer) => [
      peer.kind as string,
      { firsts: new Map<string, number>(), times: new Map<string, number>(), rows: new Map<string, number>() },
    ]),
  )
  for (const { name, expr } of workloadRules) {
    const times = new Map<string, number[]>()
    for (let round = 0; round < queryRounds; round++) {
      for (const peer of peers) {
        signal.throwIfAborted()
        const begun = performance.now()
        const response = await fetch(`${peer.url}/api/v1/query`, {
          method: 'POST',
          // Another moment each time: nobody may answer with what it said before.
          body: new URLSearchParams({ query: expr, time: String((at + round) / 1000) }),
        })
        const body = (await response.json()) as { data: { result: unknown[] } }
        times.set(peer.kind, [...(times.get(peer.kind) ?? []), performance.now() - begun])
        found.get(peer.kind)!.rows.set(name, body.data.result.length)
      }
    }
    for (const [kind, list] of times) {
      found.get(kind)!.firsts.set(name, list[0]!)
      found.get(kind)!.times.set(name, list.sort((a, b) => a - b)[Math.floor(list.length / 2)]!)
    }
  }
  return found
}

function add(all: Map<string, Map<string, number[]>>, { kind }: Peer, one: ReadonlyMap<string, number>): void {
  const lists = all.get(kind) ?? new Map<string, number[]>()
  all.set(kind, lists)
  for (const [name, ms] of one) lists.set(name, [...(lists.get(name) ?? []), ms])
}

function medians(lists: ReadonlyMap<string, readonly number[]>): ReadonlyMap<string, number> {
  return new Map(
    [...lists].map(([name, list]) => [name, [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!]),
  )
}

/** Of the newest evaluation. */
async function evaluations(peer: Peer): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${peer.url}/api/v1/rules`)
  const body = (await response.json()) as {
    data: { groups: { rules: { name: string; evaluationTime: number; health: string; lastError?: string }[] }[] }
  }
  return new Map(
    body.data.groups.flatMap((group) =>
      group.rules.map((rule) => {
        if (rule.health !== 'ok')
          throw new Error(`${peer.kind}: rule ${rule.name} is ${rule.health}: ${rule.lastError}`)
        return [rule.name, rule.evaluationTime * 1000] as const
      }),
    ),
  )
}

const sum = (values: ReadonlyMap<string, number>): number => [...values.values()].reduce((all, one) => all + one, 0)

function report(measured: ReadonlyMap<string, Measured>): Report {
  const ours = measured.get('ours')!
  const prometheus = measured.get('prometheus')
  const victoria = measured.get('victoria-metrics')
  const beside = (what: string, own: number, peer: number | undefined, most: number): Figure => ({
    what,
    unit: 'ms',
    ours: own,
    peer: peer ?? null,
    must: { of: 'ratio', bound: 'at most', value: most } satisfies Must,
    absent: peer === undefined ? { part: 'required_peer', words: 'prometheus is not installed' } : null,
  })
  const shown = (what: string, unit: string, value: number | undefined): Figure => ({
    what,
    unit,
    ours: value ?? null,
    peer: null,
    must: null,
    absent: value === undefined ? { part: 'optional_peer', words: 'not installed' } : null,
  })
  return {
    figures: [
      beside(
        '20 rules over 100 000 series, one evaluation',
        sum(ours.rules),
        prometheus && sum(prometheus.rules),
        1 / 20,
      ),
      beside(
        'P99 by instance over 21 000 buckets',
        ours.rules.get('SlowHost')!,
        prometheus?.rules.get('SlowHost'),
        1 / 20,
      ),
      beside(
        'instant query, the 20 expressions summed',
        sum(ours.queries),
        prometheus && sum(prometheus.queries),
        1 / 4,
      ),
      {
        ...shown('instant query asked for the first time, the 20 expressions summed', 'ms', sum(ours.firsts)),
        peer: prometheus === undefined ? null : sum(prometheus.firsts),
      },
      {
        what: 'remote write, log on',
        unit: 'samples/s per core',
        ours: ours.samplesPerCpuSecond,
        peer: prometheus?.samplesPerCpuSecond ?? null,
        must: { of: 'ours', bound: 'at least', value: 600_000 },
        absent: null,
      },
      shown('remote write of VictoriaMetrics', 'samples/s per core', victoria?.samplesPerCpuSecond),
      {
        what: 'memory, 20 min at 15 s',
        unit: 'bytes/series',
        ours: ours.bytesPerSeries,
        peer: prometheus?.bytesPerSeries ?? null,
        must: atMost(2048),
        absent: null,
      },
      shown('memory of VictoriaMetrics', 'bytes/series', victoria?.bytesPerSeries),
      shown('instant query of VictoriaMetrics, summed', 'ms', victoria && sum(victoria.queries)),
    ],
    tables: [
      {
        title: 'evaluation of each rule, ours / Prometheus, ms; rows of the query, ours / Prometheus',
        rows: [...ours.rules].map(([name, ms]) => [
          name,
          `${ms.toFixed(2)} / ${prometheus?.rules.get(name)?.toFixed(2) ?? '-'}; ${ours.rows.get(name)} / ${prometheus?.rows.get(name) ?? '-'}`,
        ]),
      },
      {
        title: 'instant query, median, ours / Prometheus / VictoriaMetrics, ms',
        rows: [...ours.queries].map(([name, ms]) => [
          name,
          `${ms.toFixed(1)} / ${prometheus?.queries.get(name)?.toFixed(1) ?? '-'} / ${victoria?.queries.get(name)?.toFixed(1) ?? '-'}`,
        ]),
      },
    ],
  }
}
