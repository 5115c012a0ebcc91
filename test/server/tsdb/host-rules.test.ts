// Rules that an agent works out for its host: the server leaves that host out and nothing else, ends nothing by it, and goes on to the
// millisecond when it takes the host back.

import { afterEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { fingerprint } from '../../../core/rules/labels.ts'
import type { RestoredAlert, Transition } from '../../../core/rules/transition.ts'
import { encodeWriteRequest } from '../../../core/sample/remote-write.ts'
import { sample } from '../../../core/sample/sample.ts'
import { localStore } from '../../../server/tsdb/local-store.ts'

const start = Date.UTC(2026, 0, 1)
const file = 'r.yml'
const rules = JSON.stringify({
  groups: [
    {
      name: 'g',
      interval: '1s',
      rules: [
        { alert: 'Down', expr: 'inferward_engine_up == 0', for: '30s' },
        { alert: 'Fleet', expr: 'count(inferward_engine_up == 0) > 0' },
      ],
    },
  ],
})

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function world() {
  const clock = virtualClock(start)
  const store = localStore({
    clock,
    log: silentLog,
    limits: { maxSeries: 100, retentionMs: 3_600_000, samplesPerQuery: 1e6 },
    externalLabels: {},
    defaultIntervalMs: 15_000,
    rulesReady: () => true,
  })
  const told: string[] = []
  store.subscribe((transitions: readonly Transition[]) => {
    for (const one of transitions)
      told.push(`${one.rule} ${one.labels.host ?? '-'} ${one.state} ${(one.at - start) / 1000}`)
  })
  await store.loadRules([{ file, text: rules }], [], null)
  store.start()
  stops.push(() => store.stop())
  const up: Record<string, number> = { a: 1, b: 1 }
  const seconds = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const series = Object.entries(up).map(([host, value]) =>
        sample('inferward_engine_up', { host, engine: 'e' }, clock.now(), value),
      )
      await store.append(new Uint8Array(encodeWriteRequest(series)).buffer)
      await clock.advance(1000)
    }
  }
  const rows = async (query: string): Promise<number> => {
    const answer = await store.query({ query, time: clock.now(), timeoutMs: 1000, lookbackMs: null })
    return answer.type === 'vector' ? answer.samples.length : -1
  }
  return { clock, store, told, up, seconds, rows, hosts: store.hostRules! }
}

const labels = { alertname: 'Down', host: 'a', engine: 'e' }
const alert = (activeAt: number, firedAt: number | null): RestoredAlert => ({
  fingerprint: fingerprint(labels),
  file,
  group: 'g',
  rule: 'Down',
  expression: 'inferward_engine_up == 0',
  labels,
  annotations: {},
  activeAt,
  firedAt,
  state: firedAt === null ? 'pending' : 'firing',
  value: 0,
  keepFiringSince: null,
})

describe('a store whose agents work out rules', () => {
  it('names the host-local rules of those in force', async () => {
    const { hosts } = await world()
    expect(await hosts.picks()).toEqual([{ file, group: 'g', rules: [0], names: ['Down'] }])
  })

  it('leaves a host that is held out of host-local rules, and of no other', async () => {
    const { told, up, seconds, hosts } = await world()
    await hosts.hold('a')
    Object.assign(up, { a: 0, b: 0 })
    await seconds(40)
    expect(told).toEqual(['Down b pending 1', 'Fleet - firing 1', 'Down b firing 31'])
  })

  it('ends neither an alert nor its series when it gives them away, and goes on to the millisecond when it gets them back', async () => {
    const { told, up, seconds, rows, hosts } = await world()
    up.a = 0
    await seconds(10)
    await hosts.hold('a')
    await seconds(10)
    expect(await rows('ALERTS{alertname="Down",host="a"}')).toBe(1)
    await hosts.release('a', [alert(start + 1000, null)])
    await seconds(20)
    expect(told.filter((one) => one.startsWith('Down'))).toEqual(['Down a pending 1', 'Down a firing 31'])
  })

  it('shows what the agent tells among the alerts of the rule, until it judges for itself', async () => {
    const { seconds, store, hosts } = await world()
    await hosts.hold('a')
    await hosts.show('a', [alert(start, start + 30_000)])
    await seconds(2)
    const shown = async () => {
      const rule = (await store.rules())[0]!.rules[0]!
      return rule.kind === 'alerting' ? [rule.state, rule.alerts.map((one) => `${one.labels.host} ${one.state}`)] : null
    }
    expect(await shown()).toEqual(['firing', ['a firing']])
    await hosts.release('a', [])
    expect(await shown()).toEqual(['inactive', []])
  })

  it('ends an alert that comes back and belongs to no rule', async () => {
    const { told, hosts } = await world()
    await hosts.hold('a')
    await hosts.release('a', [{ ...alert(start, start), rule: 'Gone' }])
    expect(told).toEqual(['Gone a resolved 0'])
  })

  it('is not blind while a host that is held has the data', async () => {
    const { seconds, store, up, hosts } = await world()
    delete up.b
    await hosts.hold('a')
    await seconds(5)
    const rule = (await store.rules())[0]!.rules[0]!
    expect(rule.kind === 'alerting' && rule.blind).toBe(false)
  })
})
