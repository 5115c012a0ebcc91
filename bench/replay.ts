// Starting again after SIGKILL, with one hour of 100 000 series in the log: the same bodies into every server, then each killed and started again in
// turn, from exec until it says that it is ready. Ours twice: as it comes, with its snapshots, and with nothing but the log. What was acknowledged
// must be there afterwards, or the figure is void.

import type { Context, Figure, Report } from './figure.ts'
import { openLoad } from './store-load.ts'
import { installed, type Peer, type PeerKind, startPeer } from './store-peers.ts'
import { sampleEveryMs, workload } from './workload.ts'

const hosts = 250
const steps = 240
const rounds = 3
/** One series for each host. */
const proof = 'sum(count_over_time(node_load1[2h]))'

type Runner = { readonly name: string; readonly peer: Peer; readonly times: number[]; lost: number }

export async function replay({ tell, signal }: Context): Promise<Report> {
  const wanted: readonly (readonly [name: string, kind: PeerKind, logOnly: boolean])[] = [
    ['ours', 'ours', false],
    ['ours, log only', 'ours', true],
    ['prometheus', 'prometheus', false],
    ['victoria-metrics', 'victoria-metrics', false],
  ]
  const runners: Runner[] = []
  try {
    for (const [name, kind, logOnly] of wanted.filter(([, kind]) => installed(kind)))
      runners.push({ name, peer: await startPeer(kind, null, signal, null, logOnly), times: [], lost: 0 })
    const load = openLoad(workload(hosts))
    const end = Math.floor(Date.now() / sampleEveryMs) * sampleEveryMs
    for (let step = 0; step < steps; step++) {
      const bodies = load.bodies(step, end - (steps - 1 - step) * sampleEveryMs)
      signal.throwIfAborted()
      await Promise.all(runners.map(({ peer }) => feed(peer, bodies)))
      if (step % 40 === 39) tell(`replay: ${step + 1} of ${steps} steps`)
    }
    await Promise.all(runners.map(({ peer }) => peer.kill()))
    for (let round = 0; round < rounds; round++) {
      for (const runner of runners) {
        const { name, peer, times } = runner
        signal.throwIfAborted()
        times.push(await peer.restart())
        runner.lost = hosts * steps - (await samplesHeld(peer, end))
        tell(`replay: ${name} after ${Math.round(times.at(-1)!)} ms, ${runner.lost} samples lost`)
        // VictoriaMetrics promises nothing about the last seconds.
        if (runner.lost !== 0 && peer.kind !== 'victoria-metrics')
          throw new Error(`${name}: ${runner.lost} of ${hosts * steps} samples are gone after the restart`)
        await peer.kill()
      }
    }
  } finally {
    await Promise.all(runners.map(({ peer }) => peer.stop()))
  }
  return report(runners)
}

async function feed(peer: Peer, bodies: readonly Uint8Array[]): Promise<void> {
  for (let at = 0; at < bodies.length; at += 4)
    await Promise.all(bodies.slice(at, at + 4).map((one) => peer.write(one)))
}

async function samplesHeld(peer: Peer, end: number): Promise<number> {
  const response = await fetch(`${peer.url}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({ query: proof, time: String(end / 1000) }),
  })
  const body = (await response.json()) as { data: { result: { value: [number, string] }[] } }
  return Number(body.data.result[0]?.value[1] ?? 0)
}

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!

function report(runners: readonly Runner[]): Report {
  const of = (name: string): number | null => {
    const times = runners.find((one) => one.name === name)?.times
    return times === undefined ? null : median(times)
  }
  const peer = of('prometheus')
  const row = (what: string, ours: number | null): Figure => ({
    what,
    unit: 'ms',
    ours,
    peer,
    must: { of: 'ratio', bound: 'at most', value: 1 },
    absent: peer === null ? { part: 'required_peer', words: 'prometheus is not installed' } : null,
  })
  const victoria = of('victoria-metrics')
  return {
    figures: [
      row('start after SIGKILL, 100 000 series, 1 h, as it comes', of('ours')),
      row('WAL replay of 100 000 series, 1 h, without snapshots', of('ours, log only')),
      {
        what: 'start after SIGKILL of VictoriaMetrics, which has no log',
        unit: 'ms',
        ours: victoria,
        peer: null,
        must: null,
        absent: victoria === null ? { part: 'optional_peer', words: 'not installed' } : null,
      },
    ],
    tables: [
      {
        title: `start after SIGKILL, each round, ms; samples lost of ${hosts * steps} that were looked at`,
        rows: runners.map(({ name, times, lost }) => [name, `${times.map((ms) => Math.round(ms)).join(' ')}; ${lost}`]),
      },
    ],
  }
}
