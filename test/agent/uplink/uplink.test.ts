// The uplink against a scripted server on loopback: nothing is lost, nothing doubled in effect, whatever the connection does.

import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { defaultSpoolLimits, openSpool, type SpoolLimits } from '../../../agent/uplink/spool.ts'
import { openUplink, type Uplink } from '../../../agent/uplink/uplink.ts'
import { type Clock, systemClock } from '../../../core/base/clock.ts'
import { silentLog } from '../../../core/base/log.ts'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'
import { type Secret, secret } from '../../../core/base/redact.ts'
import type { Event } from '../../../core/event/event.ts'
import { decodeWriteRequest } from '../../../core/sample/remote-write.ts'
import { sample } from '../../../core/sample/sample.ts'
import type { Command } from '../../../core/wire/command.ts'
import { agentMessage, decodeStreamFrame, parseMessage, type Stream } from '../../../core/wire/message.ts'
import type { AgentState } from '../../../core/wire/state.ts'
import { random } from '../../helpers/random.ts'

const cleanups: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const undo of cleanups.splice(0).reverse()) await undo()
})
const folder = (): string => {
  const made = mkdtempSync(path.join(tmpdir(), 'iw-uplink-'))
  cleanups.push(() => rmSync(made, { recursive: true, force: true }))
  return made
}

type Held = Record<Stream, { sequence: number | null; payloads: Map<number, Uint8Array>; doubles: number }>
const nothing = (): Held => ({
  samples: { sequence: null, payloads: new Map(), doubles: 0 },
  events: { sequence: null, payloads: new Map(), doubles: 0 },
  transitions: { sequence: null, payloads: new Map(), doubles: 0 },
})

type Server = {
  readonly url: string
  held: Held
  readonly messages: ReturnType<typeof agentMessage.parse>[]
  readonly sockets: Set<WebSocket>
  /** Called with each stream frame; what it returns is done instead of holding and acknowledging. */
  onFrame: ((stream: Stream, sequence: number, socket: WebSocket) => 'lose' | 'silent' | undefined) | null
  onConnect: ((socket: WebSocket) => boolean) | null
  say(message: object): void
}

/** Holds what it was sent, in order, and acknowledges it: what the real server does with a database behind it. */
async function server(): Promise<Server> {
  const listener = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise((resolve) => listener.once('listening', resolve))
  const made: Server = {
    url: `ws://127.0.0.1:${(listener.address() as AddressInfo).port}/agent`,
    held: nothing(),
    messages: [],
    sockets: new Set(),
    onFrame: null,
    onConnect: null,
    say: (message) => {
      for (const socket of made.sockets) socket.send(JSON.stringify(message))
    },
  }
  listener.on('connection', (socket, request) => {
    expect(request.headers.authorization).toBe('Bearer token-of-the-agent')
    expect(request.headers['inferward-host-key']).toBe('key-of-the-host')
    made.sockets.add(socket)
    socket.once('close', () => made.sockets.delete(socket))
    socket.on('error', () => undefined)
    if (made.onConnect?.(socket)) return
    let lost = false
    socket.on('message', (data: Buffer, binary) => {
      // What still lies in the buffers of a broken connection is not received.
      if (lost) return
      if (!binary) {
        const parsed = parseMessage(agentMessage, data.toString())
        if (!parsed.ok) throw new Error(parsed.fault)
        made.messages.push(parsed.message)
        if (parsed.message.type === 'hello') {
          const acks = { samples: made.held.samples.sequence, events: made.held.events.sequence }
          socket.send(JSON.stringify({ type: 'welcome', time: Date.now(), serverId: 's', acks }))
        }
        return
      }
      const frame = decodeStreamFrame(new Uint8Array(data))!
      const what = made.onFrame?.(frame.stream, frame.sequence, socket)
      if (socket.readyState !== socket.OPEN) lost = true
      if (what === 'lose') return
      const held = made.held[frame.stream]
      if (held.sequence !== null && frame.sequence <= held.sequence) held.doubles++
      else {
        held.payloads.set(frame.sequence, frame.payload.slice())
        held.sequence = frame.sequence
      }
      if (what !== 'silent') socket.send(JSON.stringify({ type: 'ack', stream: frame.stream, sequence: held.sequence }))
    })
  })
  cleanups.push(
    () =>
      new Promise<void>((resolve) => {
        for (const socket of made.sockets) socket.terminate()
        listener.close(() => resolve())
      }),
  )
  return made
}

const state: AgentState = { host: 'h', bootId: 'b', version: '1', startedAt: 1, engines: [] }
/** Real time, but nobody waits for a retry: what is asked of `sleep` is noted. */
const hasty = (sleeps: number[]): Clock => ({
  ...systemClock,
  sleep: (ms, signal) => {
    sleeps.push(ms)
    return systemClock.sleep(Math.min(ms, 2), signal)
  },
})

type Bench = {
  readonly uplink: Uplink
  readonly commands: Command[]
  readonly leases: object[]
  readonly sleeps: number[]
  stop(): Promise<void>
}
function agent(
  url: () => string | null,
  more: {
    directory?: string
    limits?: SpoolLimits
    random?: () => number
    onCommand?: (command: Command) => Promise<string>
    key?: () => Secret
  } = {},
): Bench {
  const commands: Command[] = []
  const leases: object[] = []
  const sleeps: number[] = []
  let epochs = 40n
  let stopped: Promise<void> | undefined
  const uplink = openUplink({
    clock: hasty(sleeps),
    log: silentLog,
    files: nodeFileLayer,
    directory: more.directory ?? folder(),
    url,
    token: () => secret('token-of-the-agent'),
    key: more.key ?? (() => secret('key-of-the-host')),
    limits: more.limits ?? defaultSpoolLimits,
    state: () => state,
    onCommand:
      more.onCommand ??
      (async (command) => {
        commands.push(command)
        return 'accepted'
      }),
    onLease: (lease) => void leases.push(lease),
    random: more.random ?? (() => 0),
    newEpoch: () => epochs++,
  })
  const stop = (): Promise<void> => (stopped ??= uplink.stop())
  cleanups.push(stop)
  return { uplink, commands, leases, sleeps, stop }
}
const event = (n: number): Event => ({
  id: `event-${String(n).padStart(8, '0')}`,
  at: n,
  host: 'h',
  engine: null,
  incarnation: null,
  kind: 'change',
  subject: 'engine',
  principal: 'agent',
  detail: `number ${n} ${'x'.repeat(n % 300)}`,
})
const eventsOf = (held: Held): Event[] =>
  [...held.events.payloads.values()].map((payload) => JSON.parse(new TextDecoder().decode(payload)) as Event)
const valuesOf = (held: Held): number[] => {
  const values: number[] = []
  const visitor = { series: () => undefined, sample: (_time: number, value: number) => void values.push(value) }
  for (const payload of held.samples.payloads.values()) decodeWriteRequest(payload, visitor)
  return values
}
async function until(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + 8000
  while (!holds()) {
    if (Date.now() > end) throw new Error(`it never came: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
const signal = new AbortController().signal

describe('the uplink', () => {
  it('keeps what happens before there is a server, and tells it in order when there is one', async () => {
    const to = await server()
    let url: string | null = null
    const { uplink } = agent(() => url)
    await uplink.start(signal)
    for (let n = 0; n < 50; n++) {
      uplink.emit(event(n))
      uplink.push([sample('up', { host: 'h' }, n, n)])
    }
    expect(uplink.stats()).toMatchObject({ connected: false, pending: { samples: 50, events: 50 } })
    url = to.url
    await until('all told', () => uplink.stats().pending.events + uplink.stats().pending.samples === 0)
    expect(eventsOf(to.held)).toEqual(Array.from({ length: 50 }, (_, n) => event(n)))
    expect(valuesOf(to.held)).toEqual(Array.from({ length: 50 }, (_, n) => n))
    expect(uplink.stats()).toMatchObject({
      connected: true,
      connects: 1,
      failures: 0,
      refused: { samples: 0, events: 0 },
    })
    expect(to.messages[0]).toMatchObject({ type: 'hello', seq: 0, state })
  })

  it('without a key of its own connects to nobody, says why, loses nothing, and connects once it has one', async () => {
    const to = await server()
    let broken = true
    const key = (): Secret => {
      if (broken) throw new Error('host.key holds no key')
      return secret('key-of-the-host')
    }
    const { uplink } = agent(() => to.url, { key })
    await uplink.start(signal)
    uplink.emit(event(1))
    await until('some attempts', () => uplink.stats().failures > 3)
    expect(uplink.stats()).toMatchObject({ connects: 0, lastError: 'host.key holds no key', pending: { events: 1 } })
    broken = false
    await until('told', () => uplink.stats().pending.events === 0)
    expect(eventsOf(to.held)).toEqual([event(1)])
  })

  it.each([101, 102, 103])('loses nothing and doubles nothing over random disconnects (seed %i)', async (seed) => {
    const source = random(seed)
    const to = await server()
    to.onFrame = (_stream, _sequence, socket) => {
      const fate = source.uniform()
      if (fate < 0.04) {
        socket.terminate()
        return 'lose'
      }
      if (fate < 0.08) {
        socket.terminate() // it is held, yet the agent will never hear so
        return 'silent'
      }
      return fate < 0.3 ? 'silent' : undefined
    }
    const { uplink } = agent(() => to.url)
    await uplink.start(signal)
    for (let n = 0; n < 300; n++) {
      uplink.emit(event(n))
      if (n % 2 === 0) uplink.push([sample('up', {}, n, n)])
      if (source.uniform() < 0.2) await new Promise((resolve) => setTimeout(resolve, source.integer(0, 3)))
    }
    await until('all told', () => to.held.events.payloads.size === 300 && to.held.samples.payloads.size === 150)
    expect(eventsOf(to.held)).toEqual(Array.from({ length: 300 }, (_, n) => event(n)))
    expect(valuesOf(to.held)).toEqual(Array.from({ length: 150 }, (_, n) => 2 * n))
    expect(uplink.stats().connects).toBeGreaterThan(2)
  })

  it('tells again what a server that was replaced does not hold, and says how much that is', async () => {
    const to = await server()
    const { uplink } = agent(() => to.url)
    await uplink.start(signal)
    for (let n = 0; n < 20; n++) uplink.push([sample('up', {}, n, n)])
    for (let n = 0; n < 20; n++) uplink.emit(event(n))
    await until('all told', () => to.held.samples.payloads.size === 20 && uplink.stats().pending.samples === 0)
    // It forgot the samples after the fifth: they were in its memory only. Events are in its database.
    const events = to.held.events
    to.held = { ...nothing(), events }
    to.held.samples.sequence = 5
    to.onFrame = () => 'silent'
    for (const socket of to.sockets) socket.terminate()
    await until('told again', () => to.held.samples.payloads.size === 15)
    expect(valuesOf(to.held)).toEqual(Array.from({ length: 15 }, (_, n) => n + 5))
    expect(uplink.stats().pending).toEqual({ samples: 15, events: 0, transitions: 0 })
    expect(events.doubles).toBe(0)
  })

  it('goes on where it was after the agent itself came back', async () => {
    const to = await server()
    const directory = folder()
    const before = agent(() => null, { directory })
    await before.uplink.start(signal)
    for (let n = 0; n < 10; n++) before.uplink.emit(event(n))
    await before.stop()
    const after = agent(() => to.url, { directory })
    await after.uplink.start(signal)
    after.uplink.emit(event(10))
    await until('all told', () => to.held.events.payloads.size === 11)
    expect(eventsOf(to.held).map((one) => one.at)).toEqual(Array.from({ length: 11 }, (_, n) => n))
  })

  it('passes commands and leases on, and says what became of the command only then', async () => {
    const to = await server()
    let decide: (verdict: string) => void = () => undefined
    const at = agent(() => to.url, { onCommand: () => new Promise((resolve) => (decide = resolve)) })
    await at.uplink.start(signal)
    await until('connected', () => at.uplink.stats().connected)
    to.say({ type: 'lease', actionsPerEngine: 4, windowMs: 1000 })
    to.say({
      type: 'command',
      command: {
        id: 'command-1',
        host: 'h',
        engine: 'e',
        incarnation: null,
        action: 'restart',
        principal: 'ada',
        reason: '',
        fence: 1,
        expiresAt: 1,
        ttlMs: 1000,
      },
    })
    to.say({ type: 'report_full_state' })
    await until('the state', () => to.messages.some((one) => one.type === 'state'))
    expect(at.leases).toEqual([{ actionsPerEngine: 4, windowMs: 1000 }])
    expect(to.messages.some((one) => one.type === 'command_received')).toBe(false)
    decide('accepted')
    await until('the receipt', () => to.messages.some((one) => one.type === 'command_received'))
    expect(to.messages.map((one) => one.seq)).toEqual(to.messages.map((_, i) => i))
  })

  it.each([
    ['speaks in riddles', (socket: WebSocket) => socket.send('{"type":"riddle"}'), /not understood/],
    ['sends bytes', (socket: WebSocket) => socket.send(Buffer.from([1, 2, 3])), /binary/],
    ['sends too much', (socket: WebSocket) => socket.send('x'.repeat((1 << 20) + 1)), /payload|size/i],
    ['hangs up', (socket: WebSocket) => socket.close(4001, 'enough'), /closed 4001 enough/],
  ])('leaves a server that %s and comes back', async (_title, misbehave, words) => {
    const to = await server()
    let connections = 0
    to.onConnect = (socket) => {
      if (++connections > 2) return false
      misbehave(socket)
      return true
    }
    const { uplink } = agent(() => to.url)
    await uplink.start(signal)
    await until('a good one', () => uplink.stats().connected)
    expect(uplink.stats()).toMatchObject({ failures: 2, lastError: expect.stringMatching(words) })
  })

  it('waits longer from attempt to attempt, spread over all of the time, and never past the cap', async () => {
    const { uplink, sleeps } = agent(() => 'ws://127.0.0.1:1/agent', { random: () => 0.5 })
    await uplink.start(signal)
    await until('many attempts', () => sleeps.length >= 9)
    expect(sleeps.slice(0, 9)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  })
})

describe('the spool', () => {
  const open = (limits: Partial<SpoolLimits> = {}, directory = folder()) => {
    const spool = openSpool({
      files: nodeFileLayer,
      directory,
      limits: { ...defaultSpoolLimits, ...limits },
      newEpoch: () => 1n,
    })
    cleanups.push(() => spool.close())
    return spool
  }
  const bytes = (count: number): Uint8Array => new Uint8Array(count).fill(7)

  it('refuses events past its cap and drops the oldest samples instead', () => {
    const spool = open({ eventsCapBytes: 1 << 20, samplesCapBytes: 3 << 20 })
    let refused = 0
    for (let n = 0; n < 40; n++) if (!spool.append('events', bytes(50_000), n)) refused++
    expect(refused).toBeGreaterThan(15)
    for (let n = 0; n < 100; n++) expect(spool.append('samples', bytes(100_000), n)).toBe(true)
    expect(spool.logs.samples.stats().bytes).toBeLessThanOrEqual(3 << 20)
    expect(spool.logs.events.stats().bytes).toBeLessThanOrEqual(1 << 20)
    expect(spool.logs.samples.first).toBeGreaterThan(1)
    expect(spool.resumeAt('samples', null)).toBe(spool.logs.samples.first)
  })

  it('keeps acknowledged samples for a while and acknowledged events not at all', () => {
    const spool = open({ retainSamplesMs: 60_000 })
    for (let n = 1; n <= 100; n++) {
      spool.append('samples', bytes(10), n * 1000)
      spool.append('events', bytes(10), n * 1000)
    }
    spool.acked('events', 100, 100_000)
    spool.acked('samples', 100, 100_000)
    expect(spool.resumeAt('events', null)).toBe(101)
    expect(spool.logs.samples.acked).toBeGreaterThan(30)
    expect(spool.logs.samples.acked).toBeLessThanOrEqual(40)
    expect([spool.pending('samples'), spool.pending('events')]).toEqual([0, 0])
    expect(spool.resumeAt('samples', 50)).toBe(51)
    expect(spool.pending('samples')).toBe(50)
  })

  it('believes no acknowledgement of what was never sent', () => {
    const spool = open()
    for (let n = 1; n <= 5; n++) spool.append('events', bytes(10), n)
    expect(spool.resumeAt('events', 99)).toBe(1)
    spool.acked('events', 99, 10)
    expect(spool.pending('events')).toBe(0)
    spool.append('events', bytes(10), 11)
    expect(spool.pending('events')).toBe(1)
    expect(spool.resumeAt('events', 5)).toBe(6)
  })
})
