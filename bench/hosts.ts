// What a host costs the server: processor time per host and second at 10 and at 1 000 simulated hosts of one engine each, sampled every second under
// the default pack, where the server works all rules out and where agents work those of one host out. The clock is virtual, the work is real.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { openEvaluator } from '../agent/rules/evaluator.ts'
import { groupsOf } from '../agent/rules/rule-set.ts'
import { systemClock } from '../core/base/clock.ts'
import { projectRoot } from '../core/base/entry.ts'
import { silentLog } from '../core/base/log.ts'
import { virtualClock } from '../core/base/virtual-clock.ts'
import { parseExpression } from '../core/promql/expression.ts'
import { hostLocality } from '../core/rules/host-local.ts'
import { parseRuleFile } from '../core/rules/rule-file.ts'
import { encodeWriteRequest } from '../core/sample/remote-write.ts'
import { type SeriesSamples, sample } from '../core/sample/sample.ts'
import { localStore } from '../server/tsdb/local-store.ts'
import type { Context, Figure, Report } from './figure.ts'

const sizes = [10, 1000] as const
/** Rounds before those that count, so that ranges and plans are filled, and rounds that count. */
const [warm, counted] = [15, 30]
const file = path.join(projectRoot, 'alerts', 'default.yml')

type Mode = 'no rules' | 'server' | 'agents'

export async function hosts({ tell, signal }: Context): Promise<Report> {
  const figures: Figure[] = []
  for (const size of sizes) {
    const spent: Record<Mode, number> = { 'no rules': 0, server: 0, agents: 0 }
    for (const mode of ['no rules', 'server', 'agents'] as const) {
      tell(`${size} hosts, ${mode === 'no rules' ? mode : `rules by ${mode}`}`)
      signal.throwIfAborted()
      spent[mode] = await serverTime(size, mode, signal)
    }
    const per = (ms: number): number => (1000 * ms) / size / counted
    figures.push(
      shown(`${size} hosts: samples alone`, per(spent['no rules'])),
      shown(`${size} hosts: samples and all rules`, per(spent.server)),
      shown(`${size} hosts: samples and rules, those of one host by its agent`, per(spent.agents)),
      shown(`${size} hosts: rules that stay with the server`, per(spent.agents - spent['no rules'])),
      shown(`${size} hosts: host-local rules, where the server has them`, per(spent.server - spent.agents)),
    )
  }
  const { agentMicros, rules, series } = agentTime()
  figures.push(shown(`the same ${rules} rules in the agent, of its own processor`, agentMicros))
  return { figures, tables: [{ title: 'a simulated host', rows: [['series', series]] }] }
}

/** Microseconds of processor time for each host and second. */
const shown = (what: string, us: number): Figure => ({
  what,
  unit: 'µs/s',
  ours: us,
  peer: null,
  must: null,
  absent: null,
})

/** Milliseconds of processor time for the rounds that count. */
async function serverTime(size: number, mode: Mode, signal: AbortSignal): Promise<number> {
  const clock = virtualClock()
  const store = localStore({
    clock,
    log: silentLog,
    limits: { maxSeries: 100 * size + 1000, retentionMs: 7 * 3_600_000, samplesPerQuery: 20_000_000 },
    externalLabels: {},
    defaultIntervalMs: 15_000,
    rulesReady: () => true,
  })
  await store.recover()
  if (mode !== 'no rules') await store.loadRules([{ file, text: readFileSync(file, 'utf8') }], [], null)
  const names = Array.from({ length: size }, (_, index) => `gpu-${String(index).padStart(4, '0')}`)
  if (mode === 'agents') for (const host of names) await store.hostRules!.hold(host)
  store.start()
  let spent = 0
  for (let step = 0; step < warm + counted; step++) {
    signal.throwIfAborted()
    // What agents do is no part of it.
    const bodies = names.map(
      (host, index) => new Uint8Array(encodeWriteRequest(round(host, clock.now(), step + index))).buffer,
    )
    const before = process.cpuUsage()
    for (const body of bodies) await store.append(body)
    await clock.advance(1000)
    const { user, system } = process.cpuUsage(before)
    if (step >= warm) spent += (user + system) / 1000
  }
  await store.stop()
  return spent
}

function agentTime(): { readonly agentMicros: number; readonly rules: number; readonly series: number } {
  const text = readFileSync(file, 'utf8')
  const picks = localPicks(text)
  const groups = groupsOf({ files: [{ file, text }], picks })
  const common = { intervalMs: 15_000, externalLabels: {}, externalUrl: '' }
  const evaluator = openEvaluator({ clock: systemClock, hash: '', groups, ...common })
  const start = Date.UTC(2026, 0, 1)
  let spent = 0
  let series = 0
  for (let step = 0; step < 600 + counted; step++) {
    const samples = round('gpu-0000', start + step * 1000, step)
    series = samples.length
    const before = process.cpuUsage()
    evaluator.evaluate(samples, start + step * 1000)
    const { user, system } = process.cpuUsage(before)
    // Its ranges are full by then.
    if (step >= 600) spent += user + system
  }
  return { agentMicros: spent / counted, rules: picks.reduce((sum, pick) => sum + pick.rules.length, 0), series }
}

function localPicks(text: string) {
  return hostLocality(parseRuleFile(file, text, parseExpression))
    .filter(({ reason }) => reason === null)
    .map(({ group, index }) => ({ file, group: group.name, rules: [index] }))
}

/** What an agent with one busy engine sends, as far as the pack reads it, and a little beside. */
function round(host: string, now: number, step: number): readonly SeriesSamples[] {
  const engine = { host, engine: 'default' }
  const model = { ...engine, model: 'chat' }
  const causes = [
    'killed',
    'aborted',
    'crashed',
    'out_of_memory',
    'terminated',
    'exited',
    'hung',
    'load_failed',
    'probe_failed',
  ]
  const of = (name: string, value: number, labels: Readonly<Record<string, string>> = engine): SeriesSamples =>
    sample(name, labels, now, value)
  return [
    of('inferward_host_load1', 4 + (step % 7), { host }),
    of('inferward_host_cpu_busy_ratio', 0.5 + (step % 10) / 100, { host }),
    of('inferward_host_memory_total_bytes', 2 ** 38, { host }),
    of('inferward_host_memory_available_bytes', 2 ** 37 + step * 4096, { host }),
    of('inferward_host_disk_total_bytes', 2 ** 42, { host }),
    of('inferward_host_disk_free_bytes', 2 ** 41 - step * 4096, { host }),
    of('inferward_engine_up', 1),
    of('inferward_engine_wanted', 1),
    of('inferward_engine_stalled_seconds', 0),
    of('inferward_engine_probe_failures', 0),
    of('inferward_engine_restart_budget_left', 3),
    ...causes.map((cause) => of('inferward_engine_exits_total', 0, { ...engine, cause })),
    ...['ok', 'error', 'timeout', 'rejected'].map((outcome) =>
      of('inference_requests_total', outcome === 'ok' ? step * 20 : 0, { ...model, outcome }),
    ),
    of('inference_waiting_requests', step % 5, model),
    of('inference_running_requests', 8, model),
    of('inference_queue_capacity_requests', 256, model),
    of('inference_kv_used_ratio', 0.4 + (step % 20) / 100, model),
    of('inference_preemptions_total', 0, model),
    of('inference_tokens_total', step * 900, model),
  ]
}
