// Rules in the agent, without a server: what it takes, what it keeps over a kill, what it does when there is no sense or a clock is set back.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRules, type Rules } from '../../../agent/rules/rules.ts'
import { silentLog } from '../../../core/base/log.ts'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { sample } from '../../../core/sample/sample.ts'
import { decodeRulesRecord, type RulesOffer, type RulesRecord } from '../../../core/wire/host-rules.ts'

const start = Date.UTC(2026, 0, 1)
const file = 'r.yml'
const rule = { alert: 'Busy', expr: 'inferward_host_load1 > 5', for: '3s' }
const text = JSON.stringify({ groups: [{ name: 'g', interval: '10s', rules: [rule] }] })
const offer = (more: Partial<RulesOffer> = {}): RulesOffer => ({
  type: 'rules',
  term: 't1',
  hash: 'a'.repeat(64),
  files: [{ file, text }],
  picks: [{ file, group: 'g', rules: [0] }],
  externalLabels: {},
  externalUrl: '',
  intervalMs: 15_000,
  alerts: [],
  ...more,
})

let folder = ''
const opened: Rules[] = []
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'iw-agent-rules-'))
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop()
  rmSync(folder, { recursive: true, force: true })
})

function boot() {
  let wake = (): void => {}
  const rules = openRules({
    clock: virtualClock(start),
    log: silentLog,
    files: nodeFileLayer,
    directory: folder,
    newEpoch: () => 7n,
    recentSamples: () => [],
    wake: () => wake(),
  })
  opened.push(rules)
  rules.start()
  /** Everything that may be sent, once so many records may. */
  const records = async (count: number): Promise<readonly RulesRecord[]> => {
    const { stream } = rules
    await new Promise<void>((resolve) => {
      wake = () => stream.next - stream.first >= count && resolve()
      wake()
    })
    return stream.read(stream.first, 1 << 20).map(({ payload }) => {
      const parsed = decodeRulesRecord(payload)
      if (!parsed.ok) throw new Error(parsed.fault)
      return parsed.record
    })
  }
  const load = (second: number, value: number) =>
    rules.arrived([sample('inferward_host_load1', { host: 'h' }, start + second * 1000, value)])
  return { rules, records, load }
}
const said = (records: readonly RulesRecord[]): readonly string[] =>
  records.flatMap((record) => {
    if (record.kind === 'changes') return record.transitions.map((one) => `${one.state} ${(one.at - start) / 1000}`)
    return record.kind === 'statement' ? [`states ${record.alerts.map((one) => one.state).join(' ')}`] : [record.reason]
  })

describe('rules in the agent', () => {
  it('are worked out with the round, and say what changed', async () => {
    const { rules, records, load } = boot()
    expect(load(0, 9)).toEqual([])
    rules.onOffer(offer())
    for (let second = 1; second <= 6; second++) load(second, second < 6 ? 9 : 1)
    expect(said(await records(4))).toEqual(['states ', 'pending 1', 'firing 4', 'resolved 6'])
    expect(rules.stats()).toMatchObject({ rules: 1, failures: 0, refused: 0 })
  })

  it('hand the series of their alerts on when they change, and else at the interval of their group', () => {
    const { rules, load } = boot()
    rules.onOffer(offer())
    const names = Array.from({ length: 15 }, (_, i) =>
      load(i + 1, 9).map(({ labels }) => labels.find(([name]) => name === 'alertstate')?.[1] ?? 'since'),
    )
    expect(names[0]).toEqual(['pending', 'since'])
    expect(names[1]).toEqual([])
    expect(names[3]).toEqual(['firing', 'pending'])
    expect(names[9]).toEqual([])
    expect(names.flat().filter((one) => one === 'firing')).toHaveLength(2)
  })

  it('take the alerts that are offered, with their timers', async () => {
    const { rules, records, load } = boot()
    const labels = { alertname: 'Busy', host: 'h' }
    const known = { fingerprint: 'x', file, group: 'g', rule: 'Busy', expression: '', labels, annotations: {} }
    const times = { activeAt: start - 2000, firedAt: null, keepFiringSince: null }
    rules.onOffer(offer({ alerts: [{ ...known, ...times, state: 'pending', value: 9 }] }))
    load(1, 9)
    expect(said(await records(2))).toEqual(['states pending', 'firing 1'])
  })

  it('go on after a kill: the alerts, the timers, and what was not sent', async () => {
    const one = boot()
    one.rules.onOffer(offer())
    one.load(1, 9)
    one.load(2, 9)
    await one.records(2)
    const two = boot()
    expect(two.rules.stats().rules).toBe(1)
    two.load(4, 9)
    expect(said(await two.records(3))).toEqual(['states ', 'pending 1', 'firing 4'])
  })

  it('wait for the server when their log is lost: what the alerts were is not known', async () => {
    const one = boot()
    one.rules.onOffer(offer())
    await one.records(1)
    rmSync(path.join(folder, 'log'), { recursive: true })
    expect(boot().rules.stats().rules).toBe(0)
  })

  it('stop when nothing is offered any more, and after a restart as well', async () => {
    const one = boot()
    one.rules.onOffer(offer())
    await one.records(1)
    one.rules.onOffer(offer({ hash: 'b'.repeat(64), files: [], picks: [] }))
    expect(one.rules.stats().rules).toBe(0)
    expect(readdirSync(folder)).toEqual(['log'])
    expect(boot().rules.stats().rules).toBe(0)
  })

  it.each([
    ['a text that is no rule file', { files: [{ file, text: 'groups: 5' }] }, 'groups: must be a list'],
    ['a group that is not there', { picks: [{ file, group: 'other', rules: [0] }] }, 'group "other" is not in r.yml'],
    ['a place without an alert', { picks: [{ file, group: 'g', rules: [4] }] }, 'rule 5 of group "g" in r.yml'],
  ])('are refused in words when the offer holds %s', async (_what, more, words) => {
    const { rules, records } = boot()
    rules.onOffer(offer(more))
    expect(said(await records(1))[0]).toContain(words)
    expect(rules.stats().rules).toBe(0)
  })

  it('drop from their log what is acknowledged, and keep what they need after a kill', async () => {
    const { rules, records, load } = boot()
    rules.onOffer(offer())
    for (let second = 1; second <= 900; second++) load(second, Math.floor(second / 4) % 2 === 0 ? 1 : 9)
    const before = await records(300)
    rules.stream.ack(rules.stream.next - 1)
    const statements = before.filter(({ kind }) => kind === 'statement').length
    expect(statements).toBeGreaterThan(1)
    expect(rules.stream.acked).toBeGreaterThan(200)
    expect(rules.stream.acked).toBeLessThan(rules.stream.next - 1)
    const two = boot()
    expect(two.rules.stats().rules).toBe(1)
    // It was pending since 900, and is known to have been.
    const held = two.rules.stream.next - two.rules.stream.first
    two.load(902, 1)
    expect(said(await two.records(held + 1)).at(-1)).toBe('inactive 902')
  })

  it('end nothing when the clock is set back by an hour', async () => {
    const { rules, records, load } = boot()
    rules.onOffer(offer())
    for (let second = 1; second <= 5; second++) load(second, 9)
    for (let second = -3600; second < -3590; second++) load(second, 9)
    expect(said(await records(3))).toEqual(['states ', 'pending 1', 'firing 4'])
    load(-3580, 1)
    expect(said(await records(4)).at(-1)).toBe('resolved -3580')
  })
})
