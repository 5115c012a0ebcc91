// The catalogue and what the agent really shows on its own port, held against each other.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { expect, it } from 'vitest'
import { hostCollector } from '../../agent/collect/host.ts'
import type { Control } from '../../agent/control/control.ts'
import type { Engine } from '../../agent/engine/engine.ts'
import { exitCounts } from '../../agent/engine/exits.ts'
import { openAgentHttp } from '../../agent/http.ts'
import { ownSamples } from '../../agent/own-samples.ts'
import { silentLog } from '../../core/base/log.ts'
import { virtualClock } from '../../core/base/virtual-clock.ts'
import { metricCatalogue } from '../../core/sample/metric-catalogue.ts'
import type { SeriesSamples } from '../../core/sample/sample.ts'
import { parseText } from '../../core/sample/text.ts'

const engine = {
  name: 'default',
  readings: () => ({
    up: true,
    exits: exitCounts(),
    stalledSeconds: 0,
    probeFailures: 0,
    probeSeconds: 0.1,
    startSeconds: 1,
    residentBytes: 1,
  }),
} as unknown as Engine
const control = (stopped: boolean) =>
  ({
    budgetLeft: () => 3,
    stopped: () => stopped,
    counts: () => [{ engine: 'default', action: 'start', result: 'done', count: 1 }],
  }) as unknown as Control
const own = (stopped = false): readonly SeriesSamples[] =>
  ownSamples({
    host: 'gpu-1',
    now: 1,
    engines: [engine],
    control: control(stopped),
    uplink: {
      connected: true,
      connects: 1,
      failures: 0,
      lastError: '',
      refused: { samples: 0, events: 0 },
      pending: { transitions: 0, samples: 2, events: 0 },
      spoolBytes: 9,
    },
    rules: { rules: 0, runs: 0, failures: 0, seconds: 0, series: 0, refused: 0 },
    round: { runs: 1, failures: 0, missed: 0, seconds: 0.01 },
    http: { listenFailures: 0, refused: { no_room: 0, other_name: 0, other_origin: 0 } },
  })
const label = ({ labels }: SeriesSamples, name: string): string => labels.find(([key]) => key === name)?.[1] ?? ''

function host(): readonly SeriesSamples[] {
  const proc = mkdtempSync(path.join(tmpdir(), 'iw-proc-'))
  mkdirSync(path.join(proc, 'net'))
  writeFileSync(path.join(proc, 'meminfo'), 'MemTotal: 100 kB\nMemAvailable: 50 kB\n')
  writeFileSync(path.join(proc, 'loadavg'), '0.5 0.4 0.3 1/2 3\n')
  writeFileSync(path.join(proc, 'net', 'dev'), `a\nb\n  eth0: ${Array.from({ length: 16 }, () => 7).join(' ')}\n`)
  const collector = hostCollector({ host: 'gpu-1', dataDirectory: proc, proc })
  writeFileSync(path.join(proc, 'stat'), 'cpu 1 1 1 10 0 0 0 0 0 0\n')
  collector.collect(1)
  writeFileSync(path.join(proc, 'stat'), 'cpu 2 2 2 20 0 0 0 0 0 0\n')
  const found = collector.collect(2)
  rmSync(proc, { recursive: true })
  return found
}

it('shows everything that the catalogue promises, and nothing that it does not know, with its labels', async () => {
  const latest = [...own(), ...host()]
  const http = openAgentHttp({
    clock: virtualClock(),
    log: silentLog,
    listen: { host: '127.0.0.1', port: 0 },
    names: [],
    latest: () => latest,
    ready: () => true,
  })
  const page = await (await fetch(`${await http.start()}/metrics`)).text()
  await http.stop()
  const shown: { readonly name: string; readonly labels: readonly string[] }[] = []
  const types = new Map<string, string>()
  parseText(page, {
    sample: (name, labels) => void shown.push({ name, labels: labels.map(([key]) => key) }),
    type: (name, type) => void types.set(name, type),
  })
  expect(shown.length).toBe(latest.length)

  const names = new Set(shown.map(({ name }) => name))
  const entries = metricCatalogue.filter((metric) => metric.from === 'agent')
  const promised = entries.filter((metric) => metric.when === 'always').map(({ name }) => name)
  expect(promised.filter((name) => !names.has(name))).toEqual([])
  for (const { name, labels } of shown) {
    const entry = entries.find((metric) => metric.name === name)
    expect([name, types.get(name), ...labels.filter((key) => key !== 'host').sort()]).toEqual([
      name,
      entry?.type,
      ...[...(entry?.labels ?? ['not in the catalogue'])].sort(),
    ])
  }
})

it('tells an engine that was stopped on purpose from one that is meant to run', () => {
  const wanted = (samples: readonly SeriesSamples[]) =>
    samples.find((one) => label(one, '__name__') === 'inferward_engine_wanted')?.values
  expect([wanted(own(false)), wanted(own(true))]).toEqual([[1], [0]])
})
