// The catalogue and what the agent really says, held against each other.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { expect, it } from 'vitest'
import { hostCollector } from '../../agent/collect/host.ts'
import type { Control } from '../../agent/control/control.ts'
import type { Engine } from '../../agent/engine/engine.ts'
import { ownSamples } from '../../agent/own-samples.ts'
import { faultCauses } from '../../core/event/event.ts'
import { metricCatalogue } from '../../core/sample/metric-catalogue.ts'
import type { SeriesSamples } from '../../core/sample/sample.ts'

const engine = (wanted: boolean) =>
  ({
    name: 'default',
    readings: () => ({
      up: true,
      wanted,
      exits: Object.fromEntries(faultCauses.map((cause) => [cause, 0])),
      stalledSeconds: 0,
      probeFailures: 0,
      probeSeconds: 0.1,
      startSeconds: 1,
      residentBytes: 1,
    }),
  }) as unknown as Engine
const control = {
  budgetLeft: () => 3,
  counts: () => [{ engine: 'default', action: 'start', result: 'done', count: 1 }],
} as unknown as Control
const own = (wanted = true): readonly SeriesSamples[] =>
  ownSamples({
    host: 'gpu-1',
    now: 1,
    engines: [engine(wanted)],
    control,
    uplink: {
      connected: true,
      connects: 1,
      failures: 0,
      lastError: '',
      refused: { samples: 0, events: 0 },
      pending: { samples: 2, events: 0 },
      spoolBytes: 9,
    },
    round: { runs: 1, failures: 0, missed: 0, seconds: 0.01 },
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

it('says everything that the catalogue promises, and nothing that it does not know, with its labels', () => {
  const found = [...own(), ...host()]
  const names = new Set(found.map((one) => label(one, '__name__')))
  const entries = metricCatalogue.filter((metric) => metric.from === 'agent')
  expect(
    entries.filter((metric) => metric.when === 'always' && !names.has(metric.name)).map(({ name }) => name),
  ).toEqual([])
  for (const one of found) {
    const entry = entries.find((metric) => metric.name === label(one, '__name__'))
    expect(
      one.labels
        .map(([key]) => key)
        .filter((key) => !['__name__', 'host'].includes(key))
        .sort(),
    ).toEqual([...(entry?.labels ?? ['not in the catalogue'])].sort())
  }
})

it('tells an engine that was stopped on purpose from one that is meant to run', () => {
  const wanted = (samples: readonly SeriesSamples[]) =>
    samples.find((one) => label(one, '__name__') === 'inferward_engine_wanted')?.values
  expect([wanted(own(true)), wanted(own(false))]).toEqual([[1], [0]])
})
