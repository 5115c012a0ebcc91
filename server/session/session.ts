// The server's end of the agent channel: one session per host. Frames of a session are handled one after another, so acknowledgements are
// in order; a slow store pauses the socket instead of filling memory. Malformed input ends the session with words, never the server.

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import { lastWords } from '../../core/base/last-words.ts'
import type { Log } from '../../core/base/log.ts'
import type { Command } from '../../core/wire/command.ts'
import {
  type AgentMessage,
  agentMessage,
  decodeStreamFrame,
  maxBinaryBytes,
  parseMessage,
  protocolVersion,
  type ServerMessage,
  type Stream,
  streams,
} from '../../core/wire/message.ts'
import type { AgentState } from '../../core/wire/state.ts'

/** A socket is paused while this many bytes wait to be handled. */
const pauseBytes = 16 << 20
/** All sockets together: past it nobody is read until what is there has been handled. */
const allWaitingBytes = 256 << 20
/** What a peer may leave unread of our answers; more is kept for nobody. */
const unreadBytes = 4 << 20
const helloMs = 10_000
const stopMs = 2000

export type SessionDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly serverId: string
  readonly maxSessions: number
  readonly maxWaitingBytes?: number
  readonly maxUnreadBytes?: number
  /** Null: not an agent that may connect. `key`: by what its host proves who it is; null when it showed nothing. */
  readonly authenticate: (request: IncomingMessage) => Promise<{ readonly key: string | null } | null>
  /** May this key come under this host name? Null: it may. */
  readonly admit: (host: string, key: string | null) => Promise<Refusal | null>
  readonly streams: Readonly<Record<Stream, (host: string, payload: Uint8Array) => Promise<void>>>
  /** Null: the report was taken. */
  readonly onState: (state: AgentState) => Promise<Refusal | null>
  /** This host has an open channel now; `rules`: its agent works rules out. */
  readonly onConnected: (host: string, rules: boolean) => void
  readonly onHeartbeat: (host: string) => void
  readonly onGone: (host: string) => void
  readonly pendingCommands: (host: string) => Promise<readonly Command[]>
  readonly onCommandReceived: (host: string, commandId: string, verdict: string) => Promise<void>
  readonly lease: { readonly actionsPerEngine: number; readonly windowMs: number }
  /** How far samples were taken and kept by an earlier life of the server; left out: nothing is known of one. */
  readonly taken?: readonly StreamPosition[]
}
/** Why an agent is not let in, or put out, for the count. `token` and `sessions_full` come before the channel opens. */
export const refusals = [
  'token',
  'sessions_full',
  'no_key',
  'other_key',
  'hosts_full',
  'engines_full',
  'not_reading',
] as const
export type Refusal = Exclude<(typeof refusals)[number], 'token' | 'sessions_full' | 'not_reading'>
const refusalCode = 4003
/** At most 123 bytes each: they travel in the close frame and stand in the agent's log. */
const refusalWords: Readonly<Record<Refusal, string>> = {
  no_key: 'the host showed no key of its own: is the agent older than the server?',
  other_key: 'this host name belongs to another key; to free it: inferward hosts forget HOST',
  hosts_full: 'server.max_hosts is reached; to free names: inferward hosts forget HOST',
  engines_full: 'server.max_engines is reached: raise it',
}

/** Samples of a host up to `sequence` of this spool are held for good. */
export type StreamPosition = { readonly host: string; readonly epoch: string; readonly sequence: number }

export type SessionStats = {
  readonly open: number
  readonly opened: number
  readonly malformed: number
  readonly refused: Readonly<Record<(typeof refusals)[number], number>>
}

export type Sessions = {
  /** Takes over an HTTP upgrade to `/agent`. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Sends what is pending for this host, if it is connected here. */
  wake(host: string): void
  /** To this host, if it is connected here. */
  send(host: string, message: ServerMessage): void
  connected(): readonly string[]
  /** How far the samples of every host were taken. */
  taken(): readonly StreamPosition[]
  /** Connected hosts that still send what they had gathered before they connected. */
  behind(): readonly string[]
  /** Lets go what is known of a host that is not connected. */
  forget(host: string): void
  stats(): SessionStats
  stop(): Promise<void>
}

export function openSessions(deps: SessionDeps): Sessions {
  const server = new WebSocketServer({ noServer: true, maxPayload: maxBinaryBytes + 64, perMessageDeflate: false })
  const byHost = new Map<
    string,
    { socket: WebSocket; sendPending: () => void; send: (message: ServerMessage) => void }
  >()
  /** Highest sequence taken, by host and stream. Of events it may be forgotten: they are idempotent. */
  const taken = new Map<string, { epoch: string; sequence: number }>()
  for (const { host, epoch, sequence } of deps.taken ?? []) taken.set(`${host}/samples`, { epoch, sequence })
  /** Last sample frame that a host held when it connected. */
  const backlog = new Map<string, number>()
  const maxWaiting = deps.maxWaitingBytes ?? allWaitingBytes
  const maxUnread = deps.maxUnreadBytes ?? unreadBytes
  let allWaiting = 0
  /** Each reads its socket again, if that may be. */
  const paused = new Set<() => void>()
  let opened = 0
  let malformed = 0
  const refused = Object.fromEntries(refusals.map((reason) => [reason, 0])) as Record<(typeof refusals)[number], number>

  const accept = (socket: WebSocket, key: string | null): void => {
    opened++
    let host: string | null = null
    let seq = 0
    let epochs: Record<Stream, string> = { samples: '', events: '', transitions: '' }
    let waiting = 0
    let work: Promise<void> = Promise.resolve()
    const sentCommands = new Set<string>()

    /** A peer that asks and never reads would have us keep its answers for ever. */
    const boundUnread = (): void => {
      if (socket.bufferedAmount <= maxUnread || socket.readyState !== socket.OPEN) return
      refused.not_reading++
      deps.log.warn('agent does not read its answers: session ended', { host: host ?? 'unknown' })
      socket.terminate()
    }
    const send = (message: ServerMessage): void => {
      if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message))
      boundUnread()
    }
    const readAgain = (): void => {
      if (waiting > pauseBytes || allWaiting > maxWaiting) return
      paused.delete(readAgain)
      if (socket.isPaused) socket.resume()
    }
    const fault = (words: string): void => {
      malformed++
      deps.log.warn('agent session ended: malformed message', { host: host ?? 'unknown', fault: words })
      socket.close(1008, closeReason(words))
    }
    const refuse = (name: string, reason: Refusal): void => {
      refused[reason]++
      deps.log.warn('agent refused', { host: name, reason })
      socket.close(refusalCode, refusalWords[reason])
    }
    const sendPending = (): void => {
      const name = host
      if (name === null) return
      deps.pendingCommands(name).then(
        (commands) => {
          for (const command of commands) {
            if (sentCommands.has(command.id)) continue
            sentCommands.add(command.id)
            send({ type: 'command', command })
          }
        },
        (error: unknown) => deps.log.error('pending commands unknown', { host: name, error: errorText(error) }),
      )
    }

    const hello = async (message: Extract<AgentMessage, { type: 'hello' }>): Promise<void> => {
      if (message.protocol !== protocolVersion) {
        return fault(`protocol ${message.protocol}, this server speaks ${protocolVersion}: upgrade the older side`)
      }
      const name = message.state.host
      if (name === 'server') return fault('the name "server" is the server\'s own: set agent.host')
      const no = (await deps.admit(name, key)) ?? (await deps.onState(message.state))
      if (no !== null) return refuse(name, no)
      // Gone meanwhile: its end was heard before it had a name, and nobody would take it out again.
      if (socket.readyState !== socket.OPEN) return
      const older = byHost.get(name)
      if (older !== undefined) {
        // Either a half-open socket of the same agent or two agents under one name; the newest wins, and the log says so.
        deps.log.warn('host connected again: older session closed', { host: name })
        older.socket.close(4000, 'replaced by a newer session of this host')
      }
      host = name
      const { samples, events, transitions } = message.streams
      epochs = { samples: samples.epoch, events: events.epoch, transitions: transitions?.epoch ?? '' }
      byHost.set(name, { socket, sendPending, send })
      backlog.set(name, samples.next - 1)
      const ack = (stream: Stream): number | null => {
        const held = taken.get(`${name}/${stream}`)
        return held?.epoch === epochs[stream] ? held.sequence : null
      }
      send({
        type: 'welcome',
        time: deps.clock.now(),
        serverId: deps.serverId,
        acks: { samples: ack('samples'), events: ack('events'), transitions: ack('transitions') },
      })
      send({ type: 'lease', ...deps.lease })
      sendPending()
      deps.onConnected(name, transitions !== undefined)
    }

    const report = async (name: string, told: AgentState): Promise<void> => {
      const no = await deps.onState(told)
      if (no !== null) refuse(name, no)
    }

    const text = async (message: AgentMessage): Promise<void> => {
      if (message.type === 'hello') return host === null ? hello(message) : fault('second hello')
      if (host === null) return fault('first message is not hello')
      if (message.seq !== seq) {
        send({ type: 'report_full_state' })
      }
      seq = message.seq + 1
      switch (message.type) {
        case 'state':
          if (message.state.host !== host) return fault('state names another host')
          return report(host, message.state)
        case 'heartbeat':
          return deps.onHeartbeat(host)
        case 'command_received':
          return deps.onCommandReceived(host, message.commandId, message.verdict)
      }
    }

    const binary = async (bytes: Uint8Array): Promise<void> => {
      const frame = decodeStreamFrame(bytes)
      if (frame === null) return fault('stream frame is not understood')
      if (host === null) return fault('stream frame before hello')
      const key = `${host}/${frame.stream}`
      const held = taken.get(key)
      const known = held?.epoch === epochs[frame.stream] ? held.sequence : 0
      if (frame.sequence > known) {
        await deps.streams[frame.stream](host, frame.payload)
        taken.set(key, { epoch: epochs[frame.stream], sequence: frame.sequence })
      }
      send({ type: 'ack', stream: frame.stream, sequence: Math.max(known, frame.sequence) })
    }

    const enqueue = (size: number, task: () => Promise<void>): void => {
      waiting += size
      allWaiting += size
      if (waiting > pauseBytes || allWaiting > maxWaiting) {
        socket.pause()
        paused.add(readAgain)
      }
      work = work
        .then(() => (socket.readyState === socket.OPEN ? task() : undefined))
        .catch((error: unknown) => {
          // The frame was not taken: end the session unacknowledged, the agent sends it again.
          deps.log.error('frame could not be stored', { host: host ?? 'unknown', error: errorText(error) })
          socket.close(1011, 'could not be stored, try again')
        })
        .finally(() => {
          waiting -= size
          allWaiting -= size
          for (const again of [...paused]) again()
        })
    }

    const helloTimer = deps.clock.timer(helloMs, () => {
      if (host === null) fault('no hello within 10 s')
    })
    socket.on('message', (data: RawData, isBinary: boolean) => {
      const bytes = Array.isArray(data) ? Buffer.concat(data) : new Uint8Array(data as Buffer)
      if (isBinary) return enqueue(bytes.length, () => binary(bytes))
      const parsed = parseMessage(agentMessage, new TextDecoder().decode(bytes))
      if (!parsed.ok) return fault(parsed.fault)
      if (parsed.message.type === 'hello') seq = parsed.message.seq + 1
      enqueue(bytes.length, () => text(parsed.message))
    })
    socket.on('error', (error) =>
      deps.log.debug('agent socket error', { host: host ?? 'unknown', error: errorText(error) }),
    )
    socket.on('close', () => {
      helloTimer[Symbol.dispose]()
      paused.delete(readAgain)
      if (host !== null && byHost.get(host)?.socket === socket) {
        byHost.delete(host)
        deps.log.info('agent disconnected', { host })
        deps.onGone(host)
      }
    })
  }

  return {
    upgrade(request, socket, head) {
      const refuse = (status: string, reason?: 'token' | 'sessions_full'): void => {
        if (reason !== undefined) refused[reason]++
        lastWords(socket, status, deps.clock)
      }
      socket.on('error', () => socket.destroy())
      if (server.clients.size >= deps.maxSessions) return refuse('503 Service Unavailable', 'sessions_full')
      deps.authenticate(request).then(
        (principal) => {
          if (principal === null) return refuse('401 Unauthorized', 'token')
          server.handleUpgrade(request, socket, head, (opened) => accept(opened, principal.key))
        },
        (error: unknown) => {
          deps.log.error('agent could not be authenticated', { error: errorText(error) })
          refuse('503 Service Unavailable')
        },
      )
    },
    wake: (host) => byHost.get(host)?.sendPending(),
    send: (host, message) => byHost.get(host)?.send(message),
    connected: () => [...byHost.keys()],
    taken: () =>
      [...taken].flatMap(([key, { epoch, sequence }]) =>
        key.endsWith('/samples') ? [{ host: key.slice(0, -'/samples'.length), epoch, sequence }] : [],
      ),
    behind: () =>
      [...byHost.keys()].filter((host) => (taken.get(`${host}/samples`)?.sequence ?? 0) < (backlog.get(host) ?? 0)),
    forget(host) {
      for (const stream of streams) taken.delete(`${host}/${stream}`)
      backlog.delete(host)
    },
    stats: () => ({ open: server.clients.size, opened, malformed, refused: { ...refused } }),
    async stop() {
      for (const socket of server.clients) socket.close(1001, 'server stopping')
      // A peer that does not answer the close must not hold the stop.
      const late = deps.clock.timer(stopMs, () => {
        for (const socket of server.clients) socket.terminate()
      })
      await new Promise<void>((resolve) => server.close(() => resolve()))
      late[Symbol.dispose]()
    },
  }
}

/** A close frame holds 123 bytes, counted in UTF-8; longer words are cut between characters. */
function closeReason(words: string): string {
  let bytes = 0
  let out = ''
  for (const character of words) {
    bytes += Buffer.byteLength(character)
    if (bytes > 123) break
    out += character
  }
  return out
}
