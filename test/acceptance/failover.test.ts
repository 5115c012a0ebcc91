// Two servers on one PostgreSQL, with real processes: one acts, one stands by. Whatever is stopped, resumed, killed or taken away, every alert is
// told once.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../core/base/clock.ts'
import { silentLog } from '../../core/base/log.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../server/db/embedded-postgres.ts'
import { openWebhookSink, type WebhookSink } from '../helpers/sinks/webhook-sink.ts'
import { freePort, within } from '../helpers/within.ts'

const root = path.resolve(import.meta.dirname, '../..')
const command = path.join(root, 'cli', 'inferward.mjs')

type Running = {
  readonly process: ChildProcess
  readonly url: string
  readonly ended: Promise<number | null>
  output(): string
}

describe('two servers on one database', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'iw-failover-'))
  const running = new Set<Running>()
  let postgres: EmbeddedPostgres
  let sink: WebhookSink
  let a: Running
  let b: Running
  const ports: Record<string, number> = {}

  const database = () =>
    startEmbeddedPostgres({
      dataDirectory: path.join(folder, 'db'),
      clock: systemClock,
      log: silentLog,
      existing: false,
    })

  /** Rules are of this moment: an alert that fires by itself from `seconds` from now on. */
  const rules = (...alerts: readonly (readonly [name: string, seconds: number])[]): void => {
    const lines = alerts.map(
      ([name, seconds]) =>
        `      - { alert: ${name}, expr: 'vector(time()) >= ${Math.floor(Date.now() / 1000) + seconds}' }`,
    )
    writeFileSync(
      path.join(folder, 'r.yml'),
      `groups:\n  - name: g\n    interval: 1s\n    rules:\n${lines.join('\n')}\n`,
    )
  }

  const start = async (name: string): Promise<Running> => {
    ports[name] ??= await freePort()
    const { host, port, user, database } = postgres.connection
    const config = path.join(folder, `${name}.yml`)
    writeFileSync(
      config,
      [
        `server: { listen: 127.0.0.1:${ports[name]}, failover_after: 2s }`,
        'default_rules: false',
        'rule_files: [r.yml]',
        'alertmanager_config: am.yml',
        '',
      ].join('\n'),
    )
    const child = spawn(process.execPath, [command, 'server', '--data', path.join(folder, name), '--config', config], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        DATABASE_URL: `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`,
      },
    })
    let output = ''
    const take = (part: Buffer): void => {
      output += part.toString()
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    const one: Running = {
      process: child,
      url: `http://127.0.0.1:${ports[name]}`,
      ended: new Promise((resolve) => child.once('exit', (code) => resolve(code))),
      output: () => output,
    }
    running.add(one)
    void one.ended.then(() => running.delete(one))
    return one
  }
  const status = async (one: Running, what: string): Promise<number> =>
    (await fetch(`${one.url}${what}`, { signal: AbortSignal.timeout(1000) })).status
  const ready = (one: Running, ms = 20_000) =>
    within(ms, `ready\n${one.output()}`, async () => (await status(one, '/-/ready')) === 200)
  const standsBy = (one: Running) =>
    within(20_000, `standing by\n${one.output()}`, async () => (await status(one, '/-/ready')) === 503)
  /** `alertname status` of every message that arrived, also of those that arrived again. */
  const told = (): readonly string[] =>
    sink.posted().map(({ text }) => {
      const body = JSON.parse(text) as { status: string; groupLabels: { alertname: string } }
      return `${body.groupLabels.alertname} ${body.status}`
    })
  const hears = (what: string) => within(15_000, `${what} of ${told()}`, async () => told().includes(what))
  const times = (what: string): number => told().filter((one) => one === what).length

  beforeAll(async () => {
    postgres = await database()
    sink = await openWebhookSink()
    writeFileSync(
      path.join(folder, 'am.yml'),
      [
        'route: { receiver: sink, group_by: [alertname], group_wait: 0s, group_interval: 1s }',
        `receivers: [{ name: sink, webhook_configs: [{ url: "${sink.url}" }] }]`,
        '',
      ].join('\n'),
    )
  })
  afterAll(async () => {
    for (const one of [...running]) {
      one.process.kill('SIGCONT')
      one.process.kill('SIGKILL')
      await one.ended
    }
    await sink.close()
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('one of them acts; the other one lives, is not ready, and takes nothing', async () => {
    rules(['First', 0])
    a = await start('a')
    await ready(a)
    await hears('First firing')
    b = await start('b')
    await standsBy(b)
    expect(await status(b, '/-/healthy')).toBe(200)
    const answer = await fetch(`${b.url}/api/v1/write`, { method: 'POST', body: 'x' })
    expect([answer.status, await answer.json()]).toMatchObject([503, { error: { code: 'server.standby' } }])
  })

  it('when the acting one is stopped for long, the other acts; the one that goes on changes nothing and ends', async () => {
    const begun = Date.now()
    a.process.kill('SIGSTOP')
    await ready(b)
    expect(Date.now() - begun).toBeGreaterThan(1000)
    a.process.kill('SIGCONT')
    expect(await a.ended).toBe(5)
    expect(a.output()).toContain('another server acts now')
    // Rules were evaluated again by now, whoever did it: whatever there was to say was said.
    const ended = Date.now()
    await within(10_000, 'rules evaluated anew', async () => (await evaluatedAt(b)) > ended + 1000)
    expect(times('First firing')).toBe(1)
  })

  it('when the acting one is killed, the other tells what comes next, and nothing again', async () => {
    rules(['First', -3600], ['Second', 0])
    a = await start('a')
    await standsBy(a)
    b.process.kill('SIGKILL')
    await ready(a)
    await hears('Second firing')
    expect([times('First firing'), times('Second firing')]).toEqual([1, 1])
  })

  it('when PostgreSQL is killed and comes back, one of them acts, and nothing is told again', async () => {
    b = await start('b')
    await standsBy(b)
    process.kill(postgres.pid, 'SIGKILL')
    await within(10_000, 'an unreachable database', async () => !postgres.alive())
    await within(15_000, `a server that noticed\n${a.output()}`, async () => a.output().includes('was not told'))
    postgres = await database()
    const resumed = Date.now()
    // Whoever of the two is first after the pause acts.
    const acting = await within(20_000, `one that acts\n${a.output()}\n${b.output()}`, async () => {
      for (const one of running)
        if ((await evaluatedAt(one).catch(() => 0)) > resumed + 1000 && (await status(one, '/-/ready')) === 200)
          return one
      return null
    })
    expect((await group(acting)).rules.map((rule) => rule.name)).toEqual(['First', 'Second'])
    expect([times('First firing'), times('Second firing')]).toEqual([1, 1])
  })

  it('when the acting one is asked to stop, the other need not wait', async () => {
    const states = await Promise.all([...running].map(async (one) => ({ one, code: await status(one, '/-/ready') })))
    const acting = states.find(({ code }) => code === 200)!.one
    const other = states.find(({ code }) => code === 503)?.one ?? (await start('a'))
    await within(20_000, 'one that stands by', async () => (await status(other, '/-/ready')) === 503)
    acting.process.kill('SIGTERM')
    expect(await acting.ended).toBe(0)
    await ready(other)
    expect([times('First firing'), times('Second firing')]).toEqual([1, 1])
  })

  it('one that stands by is asked to stop: it ends at once and without complaint', async () => {
    const acting = [...running][0]!
    const other = await start(acting.url.endsWith(`:${ports.a}`) ? 'b' : 'a')
    await standsBy(other)
    other.process.kill('SIGTERM')
    expect(await other.ended).toBe(0)
    expect(other.output()).not.toContain('inferward-server:')
    expect(await status(acting, '/-/ready')).toBe(200)
  })

  type Group = { readonly lastEvaluation: string; readonly rules: readonly { readonly name: string }[] }
  const group = async (one: Running): Promise<Group> => {
    const answer = await fetch(`${one.url}/api/v1/rules`, { signal: AbortSignal.timeout(2000) })
    return ((await answer.json()) as { data: { groups: Group[] } }).data.groups[0]!
  }
  const evaluatedAt = async (one: Running): Promise<number> => Date.parse((await group(one)).lastEvaluation)
})
