// The main job with the real processes, as a user would: start from an empty folder, use it, break it, read what happened, stop it.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Event, event as eventSchema } from '../../core/event/event.ts'
import { batchBuckets, latencyBuckets } from '../../core/sample/catalogue-engine.ts'
import { readGolden } from '../helpers/golden.ts'
import { type DingtalkSink, openDingtalkSink } from '../helpers/sinks/dingtalk-sink.ts'
import { freePort, within } from '../helpers/within.ts'

const root = path.resolve(import.meta.dirname, '../..')
const command = path.join(root, 'cli', 'inferward.mjs')
const stallMs = 3000
const robotSecret = 'SECacceptance'

type EngineRow = {
  readonly pid: number | null
  readonly phase: string
  readonly incarnation: string | null
  readonly host: string
}

const alive = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return !stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
  } catch {
    return false
  }
}

describe('a whole fleet on one host', () => {
  const data = mkdtempSync(path.join(tmpdir(), 'iw-main-job-'))
  const config = path.join(data, 'inferward.yml')
  const fleet = path.join(data, 'fleet')
  let server = ''
  let engine = ''
  let up: ChildProcess | undefined
  let output = ''
  let robot: DingtalkSink

  const start = async (): Promise<void> => {
    up = spawn(process.execPath, [command, 'up', '--data', fleet, '--config', config, '--lang', 'en'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const take = (part: Buffer): void => {
      output += part.toString()
    }
    up.stdout?.on('data', take)
    up.stderr?.on('data', take)
    await within(20_000, `the first answer\n${output}`, async () => output.includes('first answer:'))
  }
  const stop = async (): Promise<void> => {
    if (up === undefined) return
    const ended = new Promise((resolve) => up?.once('exit', resolve))
    up.kill('SIGINT')
    await ended
    up = undefined
    output = ''
  }
  const get = async (what: string): Promise<unknown> => {
    const response = await fetch(`${server}${what}`, { signal: AbortSignal.timeout(2000) })
    if (!response.ok) throw new Error(`${what}: HTTP ${response.status}`)
    return response.json()
  }
  /** Value of an instant query with one result. */
  const value = async (query: string): Promise<number> => {
    const answer = (await get(`/api/v1/query?query=${encodeURIComponent(query)}`)) as {
      data: { result: { value: [number, string] }[] }
    }
    const found = answer.data.result
    if (found.length !== 1) throw new Error(`${found.length} results of ${query}`)
    return Number(found[0]!.value[1])
  }
  /** Text of every message that the robot took, each `msgUuid` once. */
  const told = (): { at: number; text: string }[] =>
    robot.messages().map(({ at, body }) => ({ at, text: body.markdown?.text ?? body.text?.content ?? '' }))
  const message = (ms: number, what: string, from: number, ...words: string[]) =>
    within(ms, what, async () =>
      told()
        .slice(from)
        .find(({ text }) => words.every((word) => text.includes(word))),
    )
  const show = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [command, '--server', server, ...args, '--lang', 'en'])).stdout
  const row = async (): Promise<EngineRow> => {
    const rows = (await get('/api/v1/engines')) as EngineRow[]
    if (rows.length !== 1) throw new Error(`${rows.length} engines`)
    return rows[0]!
  }
  const events = async (after = 0): Promise<(Event & { sequence: number })[]> =>
    ((await get(`/api/v1/events?after=${after}&limit=10000`)) as (Event & { sequence: number })[]).map(
      ({ sequence, ...rest }) => ({
        sequence,
        ...eventSchema.parse(rest),
      }),
    )
  const last = async (): Promise<number> => (await events()).at(-1)?.sequence ?? 0
  const generate = async (
    prompt: string,
    tokens: number,
  ): Promise<{ text: string; tokens: number; confidence: number }> => {
    const body = JSON.stringify({ prompt, max_tokens: tokens, temperature: 0 })
    const response = await fetch(`${engine}/generate`, { method: 'POST', body, signal: AbortSignal.timeout(20_000) })
    if (!response.ok) throw new Error(`HTTP ${response.status}`)
    return (await response.json()) as { text: string; tokens: number; confidence: number }
  }
  const pidOf = (name: string): number =>
    (JSON.parse(readFileSync(path.join(fleet, 'run', `${name}.json`), 'utf8')) as { pid: number }).pid
  const serving = async (not: number): Promise<EngineRow> =>
    within(10_000, 'a new life is reported as serving', async () => {
      const now = await row()
      return now.phase === 'serving' && now.pid !== not && now
    })
  /** The fault that history holds after `from`, with the cause it gives. */
  const faultAfter = (from: number) =>
    within(10_000, 'a fault in the history', async () => (await events(from)).find((one) => one.kind === 'fault'))

  beforeAll(async () => {
    const [serverPort, enginePort, agentPort] = [await freePort(), await freePort(), await freePort()]
    server = `http://127.0.0.1:${serverPort}`
    engine = `http://127.0.0.1:${enginePort}`
    robot = await openDingtalkSink({ secret: robotSecret, keyword: '告警' })
    writeFileSync(
      path.join(data, 'alertmanager.yml'),
      [
        'route:',
        '  receiver: oncall',
        '  group_by: [alertname, host, engine]',
        '  group_wait: 0s',
        '  group_interval: 10s',
        'receivers:',
        '  - name: oncall',
        `    dingtalk_configs: [{ url: "${robot.url}", secret: ${robotSecret}, keyword: 告警 }]`,
        '',
      ].join('\n'),
    )
    writeFileSync(
      config,
      [
        `server: { listen: "127.0.0.1:${serverPort}" }`,
        'engines:',
        `  - { name: default, model: ${path.join(root, 'native/model/default.gguf')}, listen: "127.0.0.1:${enginePort}" }`,
        `agent: { listen: "127.0.0.1:${agentPort}", probe_interval: 1s, stall_timeout: ${stallMs}ms }`,
        'remedy: { actions_per_engine: 50, window: 30m }',
        'alertmanager_config: alertmanager.yml',
        '',
      ].join('\n'),
    )
    await start()
  }, 40_000)

  afterAll(async () => {
    await stop()
    await robot?.close()
    rmSync(data, { recursive: true, force: true })
  }, 40_000)

  it('answers fifty prompts at once with the golden texts of another engine', async () => {
    const { entries } = readGolden()
    const answers = await Promise.all(entries.map(({ prompt, tokens }) => generate(prompt, tokens.length)))
    expect(answers.map((answer) => answer.text)).toEqual(entries.map((entry) => entry.text))
    expect(answers.every((answer) => answer.confidence > 0 && answer.confidence <= 1)).toBe(true)
  })

  it('brings rates, percentiles, batch sizes, queue and KV use back through the Prometheus API', async () => {
    const count = 'sum(inference_requests_total{engine="default",outcome="ok"})'
    const settled = await within(5000, 'the first requests are counted', async () => {
      const seen = await value(count)
      return seen >= 50 && seen
    })
    const from = Date.now() / 1000
    const seconds: number[] = []
    // Long enough for several of the agent's rounds to see the engine at work.
    while (Date.now() / 1000 - from < 3) {
      await Promise.all(
        readGolden().entries.map(async ({ prompt }) => {
          const begun = performance.now()
          await generate(prompt, 16)
          seconds.push((performance.now() - begun) / 1000)
        }),
      )
    }
    await within(5000, 'all of them are counted', async () => (await value(count)) >= settled + seconds.length)
    const to = Date.now() / 1000
    seconds.sort((a, b) => a - b)
    const bucket = (bound: number): number => latencyBuckets.findIndex((upper) => bound <= upper)
    const grown = (name: string): string => `sum by (le) (${name}_bucket @ ${to} - ${name}_bucket @ ${from})`
    for (const q of [0.5, 0.9, 0.99]) {
      const theirs = await value(`histogram_quantile(${q}, ${grown('inference_request_duration_seconds')})`)
      const ours = seconds[Math.ceil(q * seconds.length) - 1]!
      expect(
        Math.abs(bucket(theirs) - bucket(ours)),
        `P${q * 100}: ${theirs} s there, ${ours} s here`,
      ).toBeLessThanOrEqual(1)
    }
    expect(await value(`sum(rate(inference_requests_total{outcome="ok"}[30s]))`)).toBeGreaterThan(1)
    const batch = await value(`histogram_quantile(0.9, ${grown('inference_batch_size')})`)
    expect(batch).toBeGreaterThan(1)
    expect(batch).toBeLessThanOrEqual(batchBuckets.at(-1)!)
    expect(await value('inference_waiting_requests')).toBeGreaterThanOrEqual(0)
    expect(await value('max_over_time(inference_kv_used_ratio[30s])')).toBeGreaterThan(0)
    expect(await value('max_over_time(inference_kv_used_ratio[30s])')).toBeLessThanOrEqual(1)
    expect(await value('inferward_engine_up')).toBe(1)
  }, 40_000)

  it('serves again within 3 s of SIGKILL, tells people within 5 s, and that it is over', async () => {
    const before = await row()
    const from = await last()
    const heard = told().length
    const killedAt = Date.now()
    process.kill(before.pid!, 'SIGKILL')
    await within(3000, 'serving again', () => generate('a', 1))
    const firing = await message(5000, 'a firing message', heard, 'EngineCrashed', 'killed')
    expect(firing.at - killedAt).toBeLessThanOrEqual(5000)
    expect(await faultAfter(from)).toMatchObject({ cause: 'killed', incarnation: before.incarnation })
    const done = await within(5000, 'the outcome', async () =>
      (await events(from)).find((one) => one.kind === 'outcome' && one.result === 'done'),
    )
    expect(done).toMatchObject({ action: 'start', principal: 'local-policy' })
    await serving(before.pid!)
    const recovery = await message(60_000, 'a recovery', heard + 1, 'EngineCrashed', '已恢复')
    expect(recovery.at - done.at).toBeLessThanOrEqual(60_000)
    expect(robot.refused()).toEqual([])

    const list = JSON.parse(await show('incidents', 'list', '-o', 'json')) as { id: string; cause: string }[]
    expect(list[0]).toMatchObject({ cause: 'killed' })
    const page = await show('incidents', 'show', list[0]!.id)
    expect(page).toMatch(/killed/i)
    expect(page).toMatch(/start/i)
    expect(page).toContain('oncall/dingtalk[0]')
    expect(page).toMatch(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/)
  }, 90_000)

  it('loses no alert and tells nobody twice when the server is killed while one fires', async () => {
    const before = await row()
    const heard = told().length
    process.kill(before.pid!, 'SIGABRT')
    await message(5000, 'a firing message', heard, 'EngineCrashed', 'aborted')
    const server = pidOf('server')
    process.kill(server, 'SIGKILL')
    const firing = await within(15_000, 'another server shows the alert as firing', async () => {
      const { data } = (await get('/api/v1/alerts')) as {
        data: { alerts: { labels: Record<string, string>; state: string }[] }
      }
      return pidOf('server') !== server && data.alerts.find((one) => one.labels.cause === 'aborted')
    })
    expect(firing).toMatchObject({ state: 'firing', labels: { alertname: 'EngineCrashed' } })
    await message(75_000, 'its recovery', heard, 'EngineCrashed', 'aborted', '已恢复')
    const about = told()
      .slice(heard)
      .filter(({ text }) => text.includes('aborted'))
    expect(about.map(({ text }) => text.includes('已恢复'))).toEqual([false, true])
    expect(robot.refused()).toEqual([])
  }, 120_000)

  it('tells an abort from a kill', async () => {
    const before = await row()
    const from = await last()
    process.kill(before.pid!, 'SIGABRT')
    expect(await faultAfter(from)).toMatchObject({ cause: 'aborted' })
    await serving(before.pid!)
  })

  it('tells memory that ran out from both', async () => {
    const before = await row()
    const from = await last()
    // A limit far below what it holds: from now on the kernel gives it nothing more, as on a full host, and what it gives back is gone.
    const held = Number(/VmData:\s+(\d+)/.exec(readFileSync(`/proc/${before.pid}/status`, 'utf8'))![1]) * 1024
    await promisify(execFile)('prlimit', ['--pid', String(before.pid), `--data=${Math.floor(held / 2)}`])
    const body = JSON.stringify({ prompt: 'a '.repeat(450_000), max_tokens: 1 })
    await within(15_000, 'it ran out of memory', async () => {
      if (!alive(before.pid!)) return true
      await Promise.allSettled(
        Array.from({ length: 60 }, () =>
          fetch(`${engine}/generate`, { method: 'POST', body, signal: AbortSignal.timeout(3000) }),
        ),
      )
      return !alive(before.pid!)
    })
    expect(await faultAfter(from)).toMatchObject({ cause: 'out_of_memory' })
    await serving(before.pid!)
  })

  it('finds a frozen engine while requests wait, and rebuilds it', async () => {
    const before = await row()
    const from = await last()
    process.kill(before.pid!, 'SIGSTOP')
    const waiting = generate('never answered', 4).catch(() => null)
    const frozenAt = Date.now()
    const fault = await within(stallMs + 4000, 'found within the stall time', async () =>
      (await events(from)).find((one) => one.kind === 'fault' && one.cause === 'hung'),
    )
    expect(fault.at - frozenAt).toBeGreaterThanOrEqual(stallMs - 1500)
    await serving(before.pid!)
    expect((await generate('In the beginning', 4)).tokens).toBe(4)
    await waiting
  })

  it('keeps the engine under the same pid when the agent is killed, and adopts it', async () => {
    const before = await row()
    const agent = pidOf('agent')
    const from = await last()
    process.kill(agent, 'SIGKILL')
    expect((await generate('still here', 4)).tokens).toBe(4)
    await within(5000, 'another agent', async () => pidOf('agent') !== agent)
    const adopted = await within(5000, 'adopted', async () =>
      (await events(from)).find((one) => one.kind === 'change' && one.detail.startsWith('adopted')),
    )
    expect(adopted.incarnation).toBe(before.incarnation)
    expect((await serving(0)).pid).toBe(before.pid)
    expect((await events(from)).filter((one) => one.kind === 'fault')).toEqual([])
  })

  it('adopts PostgreSQL when the server is killed, and loses no event of that time', async () => {
    const postgres = readFileSync(path.join(fleet, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]
    const from = await last()
    const before = await row()
    process.kill(pidOf('server'), 'SIGKILL')
    process.kill(before.pid!, 'SIGKILL')
    await serving(before.pid!)
    expect(await faultAfter(from)).toMatchObject({ cause: 'killed', incarnation: before.incarnation })
    expect((await events(from)).filter((one) => one.kind === 'fault')).toHaveLength(1)
    expect(readFileSync(path.join(fleet, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]).toBe(postgres)
  })

  it('restarts an engine for an operator, once, and refuses everybody else', async () => {
    const { host, pid } = await row()
    const url = `${server}/api/v1/engines/${host}/default/restart`
    const post = (token: string | null) =>
      fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify({ reason: 'acceptance' }),
      })
    expect((await post(null)).status).toBe(403)
    expect((await post('wrong')).status).toBe(401)
    const issued = (await (await post(readFileSync(path.join(fleet, 'admin.token'), 'utf8').trim())).json()) as {
      id: string
    }
    await within(
      15_000,
      'done',
      async () => ((await get(`/api/v1/commands/${issued.id}`)) as { state: string }).state === 'done',
    )
    expect((await serving(pid!)).phase).toBe('serving')
  })

  it('refuses a second server on the same folder by name', async () => {
    const second = await promisify(execFile)(process.execPath, [
      command,
      'server',
      '--data',
      fleet,
      '--config',
      config,
    ]).catch((error: { code: number; stderr: string }) => error)
    expect(second).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`already runs on this folder as pid ${pidOf('server')}`),
    })
  })

  it('leaves no process and no lock after Ctrl-C, and keeps its history for the next start', async () => {
    const pids = [
      pidOf('server'),
      pidOf('agent'),
      (await row()).pid!,
      Number(readFileSync(path.join(fleet, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]),
    ]
    const history = (await events()).map((one) => one.id)
    await stop()
    expect(pids.filter(alive)).toEqual([])
    expect(readdirSync(path.join(fleet, 'run')).filter((name) => name.endsWith('.lock'))).toEqual([])
    await start()
    expect((await events()).map((one) => one.id)).toEqual(expect.arrayContaining(history))
  }, 60_000)
})

describe('bad input', () => {
  const run = (args: readonly string[]) =>
    promisify(execFile)(process.execPath, [command, ...args], { timeout: 20_000 }).then(
      ({ stderr }) => ({ code: 0, stderr }),
      (error: { code: number; stderr: string }) => ({ code: error.code, stderr: error.stderr }),
    )

  it('a wrong configuration key names file, line, column and the key that was meant', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'iw-bad-'))
    const config = path.join(folder, 'bad.yml')
    writeFileSync(config, 'server:\n  lisen: 127.0.0.1:9700\n')
    const { code, stderr } = await run(['up', '--data', path.join(folder, 'data'), '--config', config])
    rmSync(folder, { recursive: true, force: true })
    expect(code).toBe(3)
    expect(stderr).toContain(`${config}:2:3: server.lisen: unknown key, did you mean "listen"?`)
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  it('a folder that cannot be made is named', async () => {
    const { code, stderr } = await run(['server', '--data', '/proc/nowhere'])
    expect(code).toBe(1)
    expect(stderr).toContain('data folder /proc/nowhere is not writable')
  })

  it('an unknown command is a usage error', async () => {
    expect((await run(['nonsense'])).code).toBe(2)
  })
})
