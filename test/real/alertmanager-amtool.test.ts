// amtool, Alertmanager's own client, and a real Prometheus against our API: every command that asks a server does what it says, and what Prometheus
// posts is routed.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { virtualClock } from '../../core/base/virtual-clock.ts'
import { type AlertmanagerWorld, openAlertmanagerWorld } from '../helpers/alertmanager-world.ts'
import { amtool, installed, startPeer } from './prometheus-peer.ts'

const config = `
route:
  receiver: default
  group_by: [alertname]
  group_wait: 0s
  resolve_wait: 1s
  routes: [{ receiver: team, matchers: [team="x"], tell_silenced_resolved: true }]
receivers:
  - name: default
    dingtalk_configs: [{ url: "https://oapi.dingtalk.com/robot/send?access_token=abc" }]
    webhook_configs: [{ url: "https://hooks.example.org/secret-path" }]
    slack_configs: [{ api_url: "https://hooks.slack.com/services/T/B/C" }]
  - name: team
`
/** Clients name times by their own clock. */
const open = (): Promise<AlertmanagerWorld> => openAlertmanagerWorld(config, { clock: virtualClock(Date.now()) })

describe.skipIf(!installed('amtool'))('amtool', () => {
  let world: AlertmanagerWorld
  const folder = mkdtempSync(path.join(tmpdir(), 'iw-amtool-'))
  beforeAll(async () => {
    world = await open()
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true })
    await world?.[Symbol.asyncDispose]()
  })
  const run = async (...args: readonly string[]): Promise<string> => {
    const url = new URL(world.url)
    url.username = 'x'
    url.password = 'admin'
    const { status, out, err } = await amtool([`--alertmanager.url=${url}`, ...args])
    await world.clock.advance(Math.max(0, Date.now() - world.clock.now()))
    // It is of another version than ours, and says so.
    expect([err.replace(/^Warning: amtool version .* are different\.\n/gm, ''), status]).toEqual(['', 0])
    return out
  }
  const ids = async (): Promise<readonly string[]> => (await run('silence', 'query', '-q')).split('\n').filter(Boolean)

  it('shows the configuration, and tests routes with it', async () => {
    const shown = await run('config', 'show')
    expect(shown).toContain('receiver: default')
    expect(shown).not.toMatch(/secret-path|access_token|services\/T/)
    expect(await run('config', 'routes', 'show')).toContain('team="x"')
    expect(await run('config', 'routes', 'test', 'team=x')).toBe('team\n')
    expect(await run('config', 'routes', 'test', 'team=y')).toBe('default\n')
  })

  it('shows the cluster, which is one server', async () => {
    expect(await run('cluster', 'show')).toContain('disabled')
  })

  it('adds alerts and finds them by what it asks', async () => {
    await run('alert', 'add', 'Fire', 'team=x', 'room=a b', '--annotation=summary=hot', '--generator-url=http://x/g')
    await run('alert', 'add', 'Other', 'team=y')
    expect(await run('alert', 'query')).toMatch(/Fire +.* hot +active[\s\S]*Other/)
    expect(await run('alert', 'query', 'team=x')).not.toContain('Other')
    expect(await run('alert', 'query', '--receiver=team')).not.toContain('Other')
    const [fire] = JSON.parse(await run('-o', 'json', 'alert', 'query', 'alertname=~F.*')) as Record<string, unknown>[]
    expect(fire).toMatchObject({ labels: { alertname: 'Fire', room: 'a b', team: 'x' }, receivers: [{ name: 'team' }] })
  })

  it('adds, finds, changes, exports, imports and ends silences', async () => {
    const id = (
      await run('silence', 'add', '--author=me', '--comment=why', '--duration=1h', 'alertname=Fire', 'team=~"x|y"')
    ).trim()
    expect(await ids()).toEqual([id])
    expect(await run('silence', 'query')).toMatch(/alertname="Fire" team=~"x\|y" .* me +why/)
    expect(await run('alert', 'query')).not.toContain('Fire')
    expect(await run('alert', 'query', '--silenced')).toMatch(/Fire .* suppressed/)
    expect((await run('silence', 'update', '--duration=2h', '--comment=still', id)).trim()).toContain(id)
    expect(world.silences.get(id)!.endsAt - world.clock.now()).toBeGreaterThan(100 * 60_000)
    const file = path.join(folder, 'silences.json')
    writeFileSync(file, await run('-o', 'json', 'silence', 'query'))
    await run('silence', 'expire', id)
    expect(await ids()).toEqual([])
    expect(await run('silence', 'query', '--expired')).toContain(id)
    await run('silence', 'import', '--force', file)
    expect(world.silences.list().filter(({ comment }) => comment === 'still')).toHaveLength(2)
    expect(await ids()).toHaveLength(1)
  })
})

describe.skipIf(!installed('prometheus'))('a real Prometheus', () => {
  it('posts its alerts, and they are routed', async () => {
    await using world = await open()
    const folder = mkdtempSync(path.join(tmpdir(), 'iw-rules-'))
    const rules = path.join(folder, 'rules.yml')
    const rule = '{ alert: Always, expr: vector(7), labels: { team: x }, annotations: { summary: "is {{ $value }}" } }'
    writeFileSync(rules, `groups: [{ name: g, interval: 1s, rules: [${rule}] }]\n`)
    const { host } = new URL(world.url)
    const peerConfig = `
rule_files: [${rules}]
alerting:
  alertmanagers:
    - { path_prefix: /alertmanager, api_version: v2, authorization: { credentials: admin }, static_configs: [{ targets: ["${host}"] }] }
`
    try {
      await using _peer = await startPeer('prometheus', peerConfig)
      const until = performance.now() + 60_000
      while (world.received.length === 0 && performance.now() < until) {
        await world.clock.advance(Math.max(0, Date.now() - world.clock.now()))
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      expect(world.received[0]).toMatchObject({
        receiver: 'team',
        status: 'firing',
        alerts: [{ labels: { alertname: 'Always', team: 'x' }, annotations: { summary: 'is 7' } }],
      })
      expect(world.received[0]!.alerts[0]!.generatorUrl).toContain('/graph?g0.expr=vector')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
