// One life of the channel: from an open socket to its end. Sends hello, waits for welcome, then streams both spools inside a window of
// unacknowledged bytes and answers commands. Knows nothing of reconnecting.

import { WebSocket } from 'ws'
import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import type { Secret } from '../../core/base/redact.ts'
import type { Command } from '../../core/wire/command.ts'
import { hostKeyHeader } from '../../core/wire/host-key.ts'
import type { RulesOffer } from '../../core/wire/host-rules.ts'
import {
  type AgentMessage,
  encodeStreamFrame,
  heartbeatMs,
  maxTextBytes,
  parseMessage,
  protocolVersion,
  type ServerMessage,
  type Stream,
  serverMessage,
  streams,
} from '../../core/wire/message.ts'
import type { AgentState } from '../../core/wire/state.ts'
import type { Spool, StreamLog } from './spool.ts'

/** Most bytes sent and not yet acknowledged, per stream. */
const windowBytes = 4 << 20
/** A server that says nothing for this long (it acknowledges and answers pings) is gone. */
const silenceMs = 3 * heartbeatMs

export type Lease = { readonly actionsPerEngine: number; readonly windowMs: number }

export type ConnectionDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly spool: Spool
  readonly state: () => AgentState
  /** Journals the command and says what will come of it; the outcome itself travels as an event. */
  readonly onCommand: (command: Command) => Promise<string>
  readonly onLease: (lease: Lease) => void
  readonly onRules: (offer: RulesOffer) => void
  /** The server knows us: from here on the link counts as up. */
  readonly onWelcome: (serverTime: number) => void
}

export type Connection = {
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<string>
  /** New frames are in the spool. */
  wake(): void
  /** Reports the state again, because it changed. */
  reportState(): void
  close(): void
}

/** What the agent shows: the fleet's token to be let in, the host's own key to be known. */
export type Credentials = { readonly token: Secret; readonly key: Secret }

export function openConnection(url: string, { token, key }: Credentials, deps: ConnectionDeps): Connection {
  const socket = new WebSocket(url, {
    headers: { authorization: `Bearer ${token.reveal()}`, [hostKeyHeader]: key.reveal() },
    maxPayload: maxTextBytes,
    handshakeTimeout: 10_000,
    perMessageDeflate: false,
  })
  const { spool, clock } = deps
  let seq = 0
  let welcomed = false
  let lastHeard = clock.monotonic()
  const cursor: Record<Stream, { next: number; acked: number; sizes: Map<number, number>; inFlight: number }> = {
    samples: { next: 1, acked: 0, sizes: new Map(), inFlight: 0 },
    events: { next: 1, acked: 0, sizes: new Map(), inFlight: 0 },
    transitions: { next: 1, acked: 0, sizes: new Map(), inFlight: 0 },
  }
  let finish: (reason: string) => void = () => {}
  const ended = new Promise<string>((resolve) => {
    finish = resolve
  })
  let heartbeat: Disposable | undefined

  const end = (reason: string): void => {
    heartbeat?.[Symbol.dispose]()
    heartbeat = undefined
    finish(reason)
    if (socket.readyState === WebSocket.OPEN) socket.close(1000)
    else socket.terminate()
  }
  const send = (message: DistributiveOmit<AgentMessage, 'seq'>): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ ...message, seq: seq++ }))
  }

  const pump = (): void => {
    if (!welcomed || socket.readyState !== WebSocket.OPEN) return
    // Samples last: the others are few, and a person waits for them.
    for (const stream of ['transitions', 'events', 'samples'] as const) {
      const at = cursor[stream]
      const log = spool.log(stream)
      if (log === null) continue
      while (at.inFlight < windowBytes && at.next < log.next) {
        const frames = log.read(at.next, windowBytes - at.inFlight)
        if (frames.length === 0) break
        for (const frame of frames) {
          socket.send(encodeStreamFrame(stream, frame.sequence, frame.payload))
          at.sizes.set(frame.sequence, frame.payload.length)
          at.inFlight += frame.payload.length
          at.next = frame.sequence + 1
        }
      }
    }
  }

  const beat = (): void => {
    heartbeat = clock.timer(heartbeatMs, () => {
      if (clock.monotonic() - lastHeard > silenceMs) return end('server silent')
      send({ type: 'heartbeat', at: clock.now() })
      if (socket.readyState === WebSocket.OPEN) socket.ping()
      beat()
    })
  }

  const receive = (message: ServerMessage): void => {
    switch (message.type) {
      case 'welcome':
        for (const stream of streams) cursor[stream].next = spool.resumeAt(stream, message.acks[stream])
        welcomed = true
        deps.onWelcome(message.time)
        return pump()
      case 'ack': {
        const at = cursor[message.stream]
        for (const [sequence, size] of at.sizes) {
          if (sequence > message.sequence) break
          at.inFlight -= size
          at.sizes.delete(sequence)
        }
        at.acked = Math.max(at.acked, message.sequence)
        spool.acked(message.stream, message.sequence, clock.now())
        return pump()
      }
      case 'command':
        deps.onCommand(message.command).then(
          (verdict) =>
            send({ type: 'command_received', commandId: message.command.id, verdict: verdict.slice(0, 300) }),
          (error: unknown) =>
            deps.log.error('command could not be journalled', { command: message.command.id, error: errorText(error) }),
        )
        return
      case 'report_full_state':
        return send({ type: 'state', state: deps.state() })
      case 'rules':
        return deps.onRules(message)
      case 'lease':
        return deps.onLease({ actionsPerEngine: message.actionsPerEngine, windowMs: message.windowMs })
    }
  }

  socket.on('open', () => {
    const position = ({ epoch, first, next }: StreamLog) => ({
      epoch: BigInt.asUintN(64, epoch).toString(16).padStart(16, '0'),
      first,
      next,
    })
    const transitions = spool.log('transitions')
    send({
      type: 'hello',
      protocol: protocolVersion,
      state: deps.state(),
      streams: {
        samples: position(spool.logs.samples),
        events: position(spool.logs.events),
        ...(transitions === null ? {} : { transitions: position(transitions) }),
      },
    })
    beat()
  })
  socket.on('pong', () => {
    lastHeard = clock.monotonic()
  })
  socket.on('message', (data, binary) => {
    lastHeard = clock.monotonic()
    if (binary) return end('server sent a binary frame')
    const parsed = parseMessage(serverMessage, String(data))
    if (parsed.ok) receive(parsed.message)
    else end(`server sent a message that is not understood: ${parsed.fault}`)
  })
  socket.on('unexpected-response', (_request, response) => {
    response.resume()
    end(`server answered HTTP ${response.statusCode}`)
  })
  socket.on('error', (error) => end(errorText(error)))
  socket.on('close', (code, reason) => end(`closed ${code}${reason.length > 0 ? ` ${reason.toString()}` : ''}`))

  return {
    ended,
    wake: pump,
    reportState: () => {
      if (welcomed) send({ type: 'state', state: deps.state() })
    },
    close: () => end('closed by us'),
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
