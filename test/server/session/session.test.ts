// The server's end of the agent channel over real sockets: order, resending, bad input, a slow store, and nothing that ends the server.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import type { Command } from '../../../core/wire/command.ts'
import { encodeStreamFrame, maxBinaryBytes, type ServerMessage, type Stream } from '../../../core/wire/message.ts'
import { openSessions, type SessionDeps, type Sessions } from '../../../server/session/session.ts'

const position = { epoch: '00000000000000aa', first: 1, next: 1 }
const state = (host: string) => ({ host, bootId: 'b', version: '1', startedAt: 0, engines: [] })
const hello = (host = 'h1', epoch = position.epoch) => ({
  type: 'hello',
  seq: 0,
  protocol: 1,
  state: state(host),
  streams: { samples: { ...position, epoch }, events: { ...position, epoch } },
})
const command = (id: string): Command => ({
  id,
  host: 'h1',
  engine: 'default',
  incarnation: null,
  action: 'restart',
  principal: 'p',
  reason: '',
  fence: 1,
  expiresAt: 1,
  ttlMs: 1,
})

type Taken = { readonly stream: Stream; readonly host: string; readonly text: string }
type Stand = {
  readonly sessions: Sessions
  readonly url: string
  readonly taken: Taken[]
  readonly server: Server
  readonly gone: string[]
  readonly clock: ReturnType<typeof virtualClock>
}
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function stand(more: Partial<SessionDeps> = {}): Promise<Stand> {
  const taken: Taken[] = []
  const gone: string[] = []
  const clock = virtualClock()
  const take = (stream: Stream) => async (host: string, payload: Uint8Array) => {
    taken.push({ stream, host, text: new TextDecoder().decode(payload) })
  }
  const sessions = openSessions({
    clock,
    log: silentLog,
    serverId: 's1',
    maxSessions: 4,
    authenticate: async (request) => (request.headers.authorization === 'Bearer good' ? { key: 'k' } : null),
    streams: { samples: take('samples'), events: take('events'), transitions: take('transitions') },
    admit: async () => null,
    onState: async () => null,
    onConnected: () => {},
    onHeartbeat: () => {},
    onGone: (host) => void gone.push(host),
    pendingCommands: async () => [],
    onCommandReceived: async () => {},
    lease: { actionsPerEngine: 3, windowMs: 1000 },
    ...more,
  })
  const server = createServer()
  server.on('upgrade', sessions.upgrade)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    const stopped = sessions.stop()
    await clock.advance(10_000)
    await stopped
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  })
  return { sessions, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/agent`, taken, server, gone, clock }
}

type Peer = {
  readonly socket: WebSocket
  readonly got: ServerMessage[]
  readonly closed: Promise<{ code: number; reason: string }>
  say(message: unknown): void
  frame(stream: Stream, sequence: number, text: string): void
  acks(): number[]
}
function peer(url: string, token = 'good'): Promise<Peer> {
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } })
  const got: ServerMessage[] = []
  socket.on('message', (data) => got.push(JSON.parse(String(data)) as ServerMessage))
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  )
  closers.push(async () => socket.terminate())
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('open', () =>
      resolve({
        socket,
        got,
        closed,
        say: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
        frame: (stream, sequence, text) =>
          socket.send(encodeStreamFrame(stream, sequence, new TextEncoder().encode(text))),
        acks: () => got.flatMap((message) => (message.type === 'ack' ? [message.sequence] : [])),
      }),
    )
  })
}
const until = (check: () => void) => vi.waitFor(check, { timeout: 5000, interval: 5 })
async function welcomed(url: string, message: unknown = hello()): Promise<Peer> {
  const one = await peer(url)
  one.say(message)
  await until(() => expect(one.got.some((told) => told.type === 'welcome')).toBe(true))
  return one
}

describe('a session', () => {
  it('begins with hello: welcome, lease, then the commands that wait, each once', async () => {
    const { url, sessions } = await stand({ pendingCommands: async () => [command('11111111'), command('22222222')] })
    const one = await welcomed(url)
    await until(() => expect(one.got).toHaveLength(4))
    sessions.wake('h1')
    sessions.wake('nobody')
    one.frame('events', 1, 'x')
    await until(() => expect(one.acks()).toEqual([1]))
    expect(one.got.map((told) => told.type)).toEqual(['welcome', 'lease', 'command', 'command', 'ack'])
    expect(one.got[0]).toMatchObject({ serverId: 's1', acks: { samples: null, events: null } })
    expect(sessions.connected()).toEqual(['h1'])
  })

  it('takes frames in order and acknowledges them in order, each once however often it is sent', async () => {
    const { url, taken } = await stand()
    const one = await welcomed(url)
    for (let n = 1; n <= 50; n++) one.frame(n % 2 === 0 ? 'samples' : 'events', n, `f${n}`)
    one.frame('events', 49, 'again')
    await until(() => expect(one.acks()).toHaveLength(51))
    expect(one.acks()).toEqual([...Array.from({ length: 50 }, (_, n) => n + 1), 49])
    expect(taken.map((frame) => frame.text)).toEqual(Array.from({ length: 50 }, (_, n) => `f${n + 1}`))
  })

  it('tells an agent that returns what it holds, and nothing of another epoch', async () => {
    const { url, taken } = await stand()
    const one = await welcomed(url)
    one.frame('events', 7, 'a')
    await until(() => expect(one.acks()).toEqual([7]))
    one.socket.close()
    await one.closed
    const two = await welcomed(url)
    expect(two.got[0]).toMatchObject({ acks: { samples: null, events: 7 } })
    two.socket.close()
    await two.closed
    const three = await welcomed(url, hello('h1', '00000000000000bb'))
    expect(three.got[0]).toMatchObject({ acks: { samples: null, events: null } })
    three.frame('events', 1, 'b')
    await until(() => expect(taken.map((frame) => frame.text)).toEqual(['a', 'b']))
  })

  it('of a new server process knows nothing: the agent sends again', async () => {
    const first = await stand()
    const one = await welcomed(first.url)
    one.frame('events', 3, 'a')
    await until(() => expect(one.acks()).toEqual([3]))
    const second = await stand({ serverId: 's2' })
    const two = await welcomed(second.url)
    expect(two.got[0]).toMatchObject({ serverId: 's2', acks: { samples: null, events: null } })
  })

  it('of a new server process asks for no samples that an earlier life kept, and tells how far it has come', async () => {
    const { url, sessions } = await stand({ taken: [{ host: 'h1', epoch: position.epoch, sequence: 5 }] })
    const one = await peer(url)
    one.say(hello())
    await vi.waitFor(() => expect(one.got[0]).toMatchObject({ type: 'welcome', acks: { samples: 5, events: null } }))
    one.frame('samples', 6, 'next')
    await vi.waitFor(() => expect(one.acks()).toEqual([6]))
    expect(sessions.taken()).toEqual([{ host: 'h1', epoch: position.epoch, sequence: 6 }])
    const other = await peer(url)
    other.say(hello('h1', '00000000000000bb'))
    await vi.waitFor(() => expect(other.got[0]).toMatchObject({ type: 'welcome', acks: { samples: null } }))
  })

  it('does not acknowledge what could not be stored: it ends, and the frame counts as never seen', async () => {
    let broken = true
    const seen: string[] = []
    const { url } = await stand({
      streams: {
        samples: async () => {},
        transitions: async () => {},
        events: async (_host, payload) => {
          if (broken) throw new Error('database gone')
          seen.push(new TextDecoder().decode(payload))
        },
      },
    })
    const one = await welcomed(url)
    one.frame('events', 1, 'a')
    one.frame('events', 2, 'b')
    expect((await one.closed).code).toBe(1011)
    expect(one.acks()).toEqual([])
    broken = false
    const two = await welcomed(url)
    expect(two.got[0]).toMatchObject({ acks: { events: null } })
    two.frame('events', 1, 'a')
    two.frame('events', 2, 'b')
    await until(() => expect(two.acks()).toEqual([1, 2]))
    expect(seen).toEqual(['a', 'b'])
  })

  it('pauses its socket while the store is slow, and goes on afterwards', async () => {
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    let begun = 0
    const { url } = await stand({
      streams: {
        events: async () => {},
        transitions: async () => {},
        samples: async () => {
          begun++
          await gate
        },
      },
    })
    const one = await welcomed(url)
    const big = 'x'.repeat(6 << 20)
    for (let n = 1; n <= 12; n++) one.frame('samples', n, big)
    await until(() => expect(begun).toBe(1))
    // What was not read stays in the kernel's buffers and here: far more than the loop-back socket holds.
    await until(() => expect(one.socket.bufferedAmount).toBeGreaterThan(20 << 20))
    expect(one.acks()).toEqual([])
    release()
    await until(() => expect(one.acks()).toEqual(Array.from({ length: 12 }, (_, n) => n + 1)))
    expect(one.socket.bufferedAmount).toBe(0)
  })

  it('asks for the full state when a message is missing, and goes on', async () => {
    const beats: string[] = []
    const { url } = await stand({ onHeartbeat: (host) => void beats.push(host) })
    const one = await welcomed(url)
    one.say({ type: 'heartbeat', seq: 1, at: 0 })
    one.say({ type: 'heartbeat', seq: 5, at: 0 })
    one.say({ type: 'state', seq: 6, state: state('h1') })
    one.frame('events', 1, 'end')
    await until(() => expect(one.acks()).toEqual([1]))
    expect(one.got.filter((told) => told.type === 'report_full_state')).toHaveLength(1)
    expect(beats).toEqual(['h1', 'h1'])
  })

  it('hands on that a command was received', async () => {
    const received: string[] = []
    const { url } = await stand({
      onCommandReceived: async (host, id, verdict) => void received.push(`${host} ${id} ${verdict}`),
    })
    const one = await welcomed(url)
    one.say({ type: 'command_received', seq: 1, commandId: 'c1', verdict: 'accepted' })
    await until(() => expect(received).toEqual(['h1 c1 accepted']))
  })

  it('of a second agent under the same name replaces the first, and the host is not gone', async () => {
    const { url, sessions, gone } = await stand()
    const one = await welcomed(url)
    const two = await welcomed(url)
    expect(await one.closed).toEqual({ code: 4000, reason: 'replaced by a newer session of this host' })
    expect(gone).toEqual([])
    expect(sessions.connected()).toEqual(['h1'])
    two.socket.close()
    await until(() => expect(gone).toEqual(['h1']))
    expect(sessions.connected()).toEqual([])
  })

  it('that never says hello ends after ten seconds', async () => {
    const { url, clock, sessions } = await stand()
    const one = await peer(url)
    await until(() => expect(sessions.stats().opened).toBe(1))
    await clock.advance(9999)
    expect(one.socket.readyState).toBe(WebSocket.OPEN)
    await clock.advance(1)
    expect(await one.closed).toEqual({ code: 1008, reason: 'no hello within 10 s' })
  })
})

describe('bad input', () => {
  it.each([
    ['no JSON', (one: Peer) => one.say('nonsense'), 'not JSON'],
    [
      'a message before hello',
      (one: Peer) => one.say({ type: 'heartbeat', seq: 0, at: 0 }),
      'first message is not hello',
    ],
    ['a frame before hello', (one: Peer) => one.frame('events', 1, 'x'), 'stream frame before hello'],
    ['an empty frame', (one: Peer) => one.socket.send(Buffer.alloc(0)), 'stream frame is not understood'],
    ['a frame of no stream', (one: Peer) => one.socket.send(Buffer.alloc(20, 9)), 'stream frame is not understood'],
    ['another protocol', (one: Peer) => one.say({ ...hello(), protocol: 2 }), 'protocol 2'],
    ['a host without a name', (one: Peer) => one.say(hello('')), 'state.host'],
    ['a host by the name of the server', (one: Peer) => one.say(hello('server')), 'set agent.host'],
    [
      'a field nobody knows, in characters of three bytes',
      (one: Peer) => one.say({ ...hello(), ['错'.repeat(200)]: 1 }),
      'a field that is not known',
    ],
    ['two mebibytes of text', (one: Peer) => one.say(JSON.stringify('x'.repeat(2 << 20))), 'at most'],
  ])('of %s ends the session with words and leaves the server working', async (_name, act, words) => {
    const { url, sessions } = await stand()
    const one = await peer(url)
    act(one)
    const { code, reason } = await one.closed
    expect(code).toBe(1008)
    expect(reason).toContain(words)
    expect(sessions.stats().malformed).toBe(1)
    await welcomed(url)
  })

  it.each([
    ['a second hello', hello(), 'second hello'],
    ['a state of another host', { type: 'state', seq: 1, state: state('h2') }, 'state names another host'],
  ])('of %s ends the session', async (_name, message, words) => {
    const { url } = await stand()
    const one = await welcomed(url)
    one.say(message)
    expect((await one.closed).reason).toContain(words)
  })

  it('in words longer than a close frame holds is cut between characters, and ends only its own session', async () => {
    const { url } = await stand()
    const one = await peer(url)
    one.say({ ...hello(), state: { ...state('h1'), engines: [{ name: '引'.repeat(201) }] } })
    const { code, reason } = await one.closed
    expect(code).toBe(1008)
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123)
    expect(reason).not.toContain('\ufffd')
    await welcomed(url)
  })

  it('of a frame past the limit ends the session', async () => {
    const { url } = await stand()
    const one = await welcomed(url)
    one.socket.on('error', () => {})
    one.frame('samples', 1, 'x'.repeat(maxBinaryBytes + 64))
    expect((await one.closed).code).toBe(1009)
    await welcomed(url)
  })
})

describe('the door', () => {
  it('is closed to those without the right token, and counts them', async () => {
    const { url, sessions } = await stand()
    await expect(peer(url, 'bad')).rejects.toThrow('401')
    expect(sessions.stats()).toMatchObject({ refused: { token: 1, sessions_full: 0 }, opened: 0 })
  })

  it.each([
    'bad',
    'good',
  ])('with a token that is %s holds no connection of a peer that never closes its half', async (token) => {
    const { url, server, clock } = await stand({ maxSessions: 0 })
    const { port } = server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const heard = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))))
    const closed = new Promise<void>((resolve) =>
      server.once('connection', (one) => one.once('close', () => resolve())),
    )
    socket.on('error', () => {})
    socket.write(
      `GET /agent HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    )
    expect(await heard).toMatch(/^HTTP\/1\.1 (?:401|503) /)
    await clock.advance(1000)
    await closed
    socket.destroy()
    await expect(peer(url)).rejects.toThrow('503')
  })

  it.each([
    ['no_key', 'older than the server'],
    ['other_key', 'inferward hosts forget'],
    ['hosts_full', 'server.max_hosts'],
  ] as const)('turns away with %s in words that its log can show, counted, and whoever is there stays', async (reason, words) => {
    let refusal: typeof reason | null = null
    const asked: (string | null)[] = []
    const { url, sessions } = await stand({
      admit: async (_host, key) => {
        asked.push(key)
        return refusal
      },
    })
    const first = await welcomed(url)
    refusal = reason
    const second = await peer(url)
    second.say(hello())
    const { code, reason: told } = await second.closed
    expect(code).toBe(4003)
    expect(told).toContain(words)
    expect(second.got).toEqual([])
    expect(sessions.stats().refused).toMatchObject({ [reason]: 1 })
    expect(sessions.stats().malformed).toBe(0)
    expect(asked).toEqual(['k', 'k'])
    first.frame('events', 1, 'still here')
    await until(() => expect(first.acks()).toEqual([1]))
  })

  it('turns away a report past the bound, at hello and later', async () => {
    let full = true
    const { url, sessions } = await stand({ onState: async () => (full ? 'engines_full' : null) })
    const one = await peer(url)
    one.say(hello())
    expect(await one.closed).toMatchObject({ code: 4003, reason: expect.stringContaining('server.max_engines') })
    expect(sessions.connected()).toEqual([])
    full = false
    const two = await welcomed(url)
    full = true
    two.say({ type: 'state', seq: 1, state: state('h1') })
    expect((await two.closed).code).toBe(4003)
    expect(sessions.stats().refused.engines_full).toBe(2)
  })

  it('keeps no place for one that leaves while it is looked up', async () => {
    let answer = (): void => {}
    const looked = new Promise<null>((resolve) => {
      answer = () => resolve(null)
    })
    let asked = 0
    const { url, sessions } = await stand({ admit: () => (++asked === 1 ? looked : Promise.resolve(null)) })
    const one = await peer(url)
    one.say(hello())
    await until(() => expect(asked).toBe(1))
    one.socket.terminate()
    await until(() => expect(sessions.stats().open).toBe(0))
    answer()
    await welcomed(url, hello('h2'))
    expect(sessions.connected()).toEqual(['h2'])
  })

  it('ends one that never reads what it is sent, and keeps the others', async () => {
    let ids = 0
    const { url, sessions } = await stand({
      maxUnreadBytes: 100_000,
      pendingCommands: async (host) =>
        host === 'h1' ? [{ ...command(String(++ids).padStart(8, '0')), reason: 'x'.repeat(1000) }] : [],
    })
    const good = await welcomed(url, hello('h2'))
    const bad = await welcomed(url)
    bad.socket.on('error', () => {})
    bad.socket.pause()
    // The sockets of both sides hold some megabytes before anything waits in the server.
    for (let n = 0; n < 200 && sessions.stats().refused.not_reading === 0; n++) {
      for (let i = 0; i < 500; i++) sessions.wake('h1')
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(sessions.stats().refused.not_reading).toBe(1)
    await until(() => expect(sessions.connected()).toEqual(['h2']))
    good.frame('events', 1, 'x')
    await until(() => expect(good.acks()).toEqual([1]))
  })

  it('reads nobody while too much waits in sum, and everybody again afterwards', async () => {
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const taken: string[] = []
    const { url } = await stand({
      maxWaitingBytes: 1000,
      streams: {
        samples: async (host) => {
          if (host === 'a') await gate
          taken.push(host)
        },
        events: async () => {},
        transitions: async () => {},
      },
    })
    const [a, b] = [await welcomed(url, hello('a')), await welcomed(url, hello('b'))]
    a.frame('samples', 1, 'x'.repeat(2000))
    // What b sends first fills the sum further, and pauses it as well; the rest waits in its socket.
    b.frame('samples', 1, 'y'.repeat(2000))
    await until(() => expect(taken).toEqual(['b']))
    b.frame('samples', 2, 'z')
    b.frame('events', 1, 'z')
    // A whole greeting with somebody else later, they are still not read.
    await welcomed(url, hello('c'))
    expect(b.acks()).toEqual([1])
    release()
    await until(() => expect(b.acks()).toEqual([1, 2, 1]))
    await until(() => expect(a.acks()).toEqual([1]))
    expect(taken).toEqual(['b', 'a', 'b'])
  })

  it('of a host that was forgotten knows nothing of what it held', async () => {
    const { url, sessions } = await stand()
    const one = await welcomed(url)
    one.frame('samples', 5, 'a')
    await until(() => expect(one.acks()).toEqual([5]))
    one.socket.close()
    await one.closed
    sessions.forget('h1')
    expect(sessions.taken()).toEqual([])
    expect((await welcomed(url)).got[0]).toMatchObject({ acks: { samples: null } })
  })

  it('answers 503 when nobody can tell who is there', async () => {
    const { url } = await stand({ authenticate: () => Promise.reject(new Error('database gone')) })
    await expect(peer(url)).rejects.toThrow('503')
  })

  it('lets in no more than its limit, and the next one once somebody left', async () => {
    const { url, sessions } = await stand({ maxSessions: 2 })
    const one = await welcomed(url, hello('a'))
    await welcomed(url, hello('b'))
    await expect(peer(url)).rejects.toThrow('503')
    one.socket.close()
    await until(() => expect(sessions.stats().open).toBe(1))
    await welcomed(url, hello('c'))
  })

  it('outlives peers that hang up in the middle of the handshake', async () => {
    const { url, server } = await stand({ maxSessions: 0 })
    const { port } = server.address() as AddressInfo
    const head = `GET /agent HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'a'.repeat(22)}==\r\n\r\n`
    for (let n = 0; n < 20; n++)
      await new Promise<void>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => socket.write(head, () => socket.resetAndDestroy()))
        socket.on('error', () => {})
        socket.on('close', () => resolve())
      })
    await expect(peer(url)).rejects.toThrow('503')
  })

  it('closes within its limit though a peer does not answer, and twice is once', async () => {
    const { url, sessions, clock } = await stand()
    const one = await welcomed(url)
    one.socket.pause()
    const stopped = sessions.stop()
    await clock.advance(2000)
    await stopped
    await sessions.stop()
    expect(sessions.stats().open).toBe(0)
  })
})
