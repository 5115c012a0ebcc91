import { get, request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { agentConfig } from '../../agent/config.ts'
import { type AgentHttp, openAgentHttp } from '../../agent/http.ts'
import { createLog, silentLog } from '../../core/base/log.ts'
import { virtualClock } from '../../core/base/virtual-clock.ts'
import { exposition } from '../../core/sample/exposition.ts'
import { sample } from '../../core/sample/sample.ts'
import { parseText } from '../../core/sample/text.ts'

const opened: AgentHttp[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop()
})

async function open(ready = true): Promise<string | null> {
  const http = openAgentHttp({
    clock: virtualClock(),
    log: silentLog,
    listen: { host: '127.0.0.1', port: 0 },
    names: ['gpu-1'],
    latest: () => [sample('inferward_engine_up', { host: 'gpu-1', engine: 'default' }, 1, 1)],
    ready: () => ready,
  })
  opened.push(http)
  return http.start()
}

describe('the agent’s own port', () => {
  it('shows the last round as a metrics page', async () => {
    const response = await fetch(`${await open()}/metrics`)
    expect(response.headers.get('content-type')).toContain('text/plain')
    const text = await response.text()
    expect(text).toContain('# TYPE inferward_engine_up gauge\ninferward_engine_up{engine="default",host="gpu-1"} 1\n')
  })

  it.each([
    ['/-/healthy', true, 200],
    ['/-/healthy', false, 200],
    ['/-/ready', true, 200],
    ['/-/ready', false, 503],
    ['/elsewhere', true, 404],
    ['/constructor', true, 404],
  ])('%s while ready is %s: %d', async (path, ready, status) => {
    expect((await fetch(`${await open(ready)}${path}`)).status).toBe(status)
  })

  it('takes no writes, and answers HEAD without a body', async () => {
    const url = await open()
    expect((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status).toBe(405)
    const head = await fetch(`${url}/metrics`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it.each([
    { host: 'gpu-1:9710', status: 200 },
    { host: 'localhost', status: 200 },
    { host: 'evil.example:9710', status: 421 },
  ])('called $host answers $status', async ({ host, status }) => {
    const url = await open()
    const answer = await new Promise<number>((resolve, reject) => {
      get(`${url}/metrics`, { headers: { host }, agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode!)
      }).on('error', reject)
    })
    expect(answer).toBe(status)
    expect(opened.at(-1)!.stats().refused.other_name).toBe(status === 421 ? 1 : 0)
  })

  it('takes nothing that a page of another origin sends', async () => {
    const url = await open()
    const status = await new Promise<number>((resolve, reject) => {
      request(`${url}/metrics`, { method: 'POST', headers: { origin: 'https://evil.example' } }, (response) => {
        response.resume()
        resolve(response.statusCode!)
      })
        .on('error', reject)
        .end('x')
    })
    expect([status, opened.at(-1)!.stats().refused.other_origin]).toEqual([403, 1])
  })

  it('is open to whoever asks while a hundred connections say nothing', async () => {
    const url = await open()
    const idle: Socket[] = []
    for (let n = 0; n < 100; n++)
      await new Promise<void>((resolve) => {
        const socket = connect(Number(new URL(url!).port), '127.0.0.1', () => resolve())
        socket.on('error', () => {})
        idle.push(socket)
      })
    expect((await fetch(`${url}/-/healthy`)).status).toBe(200)
    expect(opened.at(-1)!.stats().refused.no_room).toBeGreaterThanOrEqual(37)
    for (const socket of idle) socket.destroy()
  })

  it('goes without while the port is taken: says so once, counts, and has it when its holder is gone', async () => {
    const other = createServer()
    const port = await new Promise<number>((resolve) =>
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)),
    )
    const clock = virtualClock()
    const lines: Record<string, unknown>[] = []
    let heard: () => void = () => undefined
    const http = openAgentHttp({
      clock,
      log: createLog({
        now: () => 0,
        level: 'info',
        write: (line) => {
          lines.push(JSON.parse(line) as Record<string, unknown>)
          heard()
        },
      }),
      listen: { host: '127.0.0.1', port },
      names: [],
      latest: () => [],
      ready: () => true,
    })
    opened.push(http)
    expect([await http.start(), http.stats().listenFailures]).toEqual([null, 1])
    await clock.advance(10_000)
    await vi.waitFor(() => expect(http.stats().listenFailures).toBe(2), { timeout: 10_000, interval: 5 })
    expect(lines).toMatchObject([{ 'log.level': 'warn', key: 'agent.listen', url: `http://127.0.0.1:${port}` }])

    await new Promise((resolve) => other.close(resolve))
    const got = new Promise<void>((resolve) => {
      heard = resolve
    })
    await clock.advance(10_000)
    await got
    expect(lines.at(-1)).toMatchObject({ 'log.level': 'info', message: 'the agent has its port' })
    expect((await fetch(`http://127.0.0.1:${port}/-/healthy`)).status).toBe(200)
    expect(http.stats().listenFailures).toBe(2)
  })

  it('is not opened any more once the agent has stopped', async () => {
    const other = createServer()
    const port = await new Promise<number>((resolve) =>
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)),
    )
    const clock = virtualClock()
    const http = openAgentHttp({
      clock,
      log: silentLog,
      listen: { host: '127.0.0.1', port },
      names: [],
      latest: () => [],
      ready: () => true,
    })
    await http.start()
    expect(clock.pending).toBe(1)
    await http.stop()
    expect(clock.pending).toBe(0)
    await new Promise((resolve) => other.close(resolve))
  })

  it('answers 500 when a page cannot be made, and goes on', async () => {
    let broken = true
    const http = openAgentHttp({
      clock: virtualClock(),
      log: silentLog,
      listen: { host: '127.0.0.1', port: 0 },
      names: ['gpu-1'],
      latest: () => {
        if (broken) throw new Error('broken')
        return []
      },
      ready: () => true,
    })
    opened.push(http)
    const url = await http.start()
    expect((await fetch(`${url}/metrics`)).status).toBe(500)
    broken = false
    expect((await fetch(`${url}/metrics`)).status).toBe(200)
  })

  it('is not there when the configuration says null', async () => {
    const deps = { clock: virtualClock(), log: silentLog, names: [], latest: () => [], ready: () => true }
    const http = openAgentHttp({ ...deps, listen: agentConfig.parse({ agent: { listen: null } }).agent.listen })
    expect([await http.start(), http.stats().listenFailures]).toEqual([null, 0])
    await http.stop()
    expect(agentConfig.parse({}).agent.listen).toEqual({ host: '127.0.0.1', port: 9710 })
  })
})

describe('a metrics page', () => {
  it('reads back as what it was made of, whatever labels and values hold', () => {
    const series = [
      sample('inference_batch_size_bucket', { le: '+Inf', model: 'a"b\\c\nd' }, 1, 3),
      sample('inferward_host_load1', { host: '中文' }, 1, Number.NaN),
      sample('other_metric', {}, 1, Number.NEGATIVE_INFINITY),
      sample('other_metric', { x: '1' }, 1, 1e-9),
    ]
    const read: unknown[] = []
    const types: string[] = []
    parseText(exposition([...series, { ...sample('gone', {}, 1, 1), stale: [true] }]), {
      sample: (name, labels, value) => void read.push([name, Object.fromEntries(labels), value]),
      type: (name, type) => void types.push(`${name} ${type}`),
    })
    expect(read).toEqual([
      ['inference_batch_size_bucket', { le: '+Inf', model: 'a"b\\c\nd' }, 3],
      ['inferward_host_load1', { host: '中文' }, Number.NaN],
      ['other_metric', {}, Number.NEGATIVE_INFINITY],
      ['other_metric', { x: '1' }, 1e-9],
    ])
    expect(types).toEqual(['inference_batch_size histogram', 'inferward_host_load1 gauge'])
  })
})
