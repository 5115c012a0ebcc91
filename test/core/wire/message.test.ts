// The agent channel's records: frames round trip, and whatever else comes in is refused with a field's name and no content.

import { describe, expect, it } from 'vitest'
import {
  agentMessage,
  decodeStreamFrame,
  encodeStreamFrame,
  maxTextBytes,
  parseMessage,
  serverMessage,
  streams,
} from '../../../core/wire/message.ts'
import { random } from '../../helpers/random.ts'

const position = { epoch: '00000000000000ff', first: 1, next: 1 }
const engine = {
  name: 'default',
  incarnation: null,
  pid: null,
  phase: 'stopped',
  verdict: 'unknown',
  make: 'inferward',
  model: 'm',
  url: '',
  since: 0,
  budgetLeft: 0,
}
const state = { host: 'h1', bootId: 'b', version: '1', startedAt: 0, engines: [engine] }
const hello = { type: 'hello', seq: 0, protocol: 1, state, streams: { samples: position, events: position } }
const command = {
  id: '12345678',
  host: 'h1',
  engine: 'default',
  incarnation: null,
  action: 'restart',
  principal: 'admin',
  reason: '',
  fence: 1,
  expiresAt: 1,
  ttlMs: 0,
}

describe('a stream frame', () => {
  it('comes back as it was, for both streams and every size of sequence', () => {
    for (const stream of streams)
      for (const sequence of [1, 255, 2 ** 32, Number.MAX_SAFE_INTEGER])
        for (const payload of [new Uint8Array(), Uint8Array.of(0, 255), new Uint8Array(1000).fill(7)])
          expect(decodeStreamFrame(encodeStreamFrame(stream, sequence, payload))).toEqual({ stream, sequence, payload })
  })

  it('is read where it lies inside a larger buffer', () => {
    const frame = encodeStreamFrame('events', 7, Uint8Array.of(1, 2))
    const large = new Uint8Array(frame.length + 20)
    large.set(frame, 13)
    expect(decodeStreamFrame(large.subarray(13, 13 + frame.length))).toEqual({
      stream: 'events',
      sequence: 7,
      payload: Uint8Array.of(1, 2),
    })
  })

  it('is nothing when it is cut inside its head, names no stream, or has no sequence', () => {
    const whole = encodeStreamFrame('samples', 1, new Uint8Array())
    for (let cut = 0; cut < whole.length; cut++) expect(decodeStreamFrame(whole.subarray(0, cut))).toBeNull()
    for (const stream of [3, 7, 255]) expect(decodeStreamFrame(Uint8Array.of(stream, ...whole.subarray(1)))).toBeNull()
    expect(decodeStreamFrame(new Uint8Array(9))).toBeNull()
    expect(decodeStreamFrame(new Uint8Array(9).fill(255).fill(0, 0, 1))).toBeNull()
  })
})

describe('a text message', () => {
  it.each([
    hello,
    { type: 'state', seq: 1, state },
    { type: 'heartbeat', seq: 2, at: 5 },
    { type: 'command_received', seq: 3, commandId: 'x', verdict: 'accepted' },
  ])('of an agent is understood: $type', (message) => {
    expect(parseMessage(agentMessage, JSON.stringify(message))).toEqual({ ok: true, message })
  })

  it.each([
    { type: 'welcome', time: 1, serverId: 's', acks: { samples: null, events: 4, transitions: null } },
    { type: 'ack', stream: 'events', sequence: 4 },
    { type: 'command', command },
    { type: 'report_full_state' },
    { type: 'lease', actionsPerEngine: 0, windowMs: 1 },
  ])('of a server is understood: $type', (message) => {
    expect(parseMessage(serverMessage, JSON.stringify(message))).toEqual({ ok: true, message })
  })

  it.each([
    ['not JSON', 'nonsense', 'not JSON'],
    ['nothing', '', 'not JSON'],
    ['an array', '[]', 'message'],
    ['null', 'null', 'message'],
    ['another type', '{"type":"reboot","seq":0}', 'type'],
    ['a sequence below nought', '{"type":"heartbeat","seq":-1,"at":0}', 'seq'],
    ['a sequence that is no whole number', '{"type":"heartbeat","seq":0.5,"at":0}', 'seq'],
    ['a sequence past 2^53', '{"type":"heartbeat","seq":9007199254740993,"at":0}', 'seq'],
    ['a field too many', '{"type":"heartbeat","seq":0,"at":0,"x":1}', 'message'],
    ['a host without a name', JSON.stringify({ ...hello, state: { ...state, host: '' } }), 'state.host'],
    [
      'a host of 201 characters',
      JSON.stringify({ ...hello, state: { ...state, host: 'h'.repeat(201) } }),
      'state.host',
    ],
    [
      '65 engines',
      JSON.stringify({
        ...hello,
        state: { ...state, engines: Array.from({ length: 65 }, (_, n) => ({ ...engine, name: `e${n}` })) },
      }),
      'state.engines',
    ],
    [
      'two engines of one name',
      JSON.stringify({ ...hello, state: { ...state, engines: [engine, engine] } }),
      'one name',
    ],
    ...['a\0b', 'a\nb', 'a\u001bb', 'a\ud800b', 'a\u202eb'].map((host) => [
      `a host name that cannot be shown (${JSON.stringify(host)})`,
      JSON.stringify({ ...hello, state: { ...state, host } }),
      'state.host',
    ]),
    ...['a\0b', 'a\udc00b'].flatMap((words) => [
      [
        `a boot id that no database holds (${JSON.stringify(words)})`,
        JSON.stringify({ ...hello, state: { ...state, bootId: words } }),
        'state.bootId',
      ],
      [
        `a model that no database holds (${JSON.stringify(words)})`,
        JSON.stringify({ ...hello, state: { ...state, engines: [{ ...engine, model: words }] } }),
        'state.engines.0.model',
      ],
    ]),
    [
      'a phase nobody knows',
      JSON.stringify({ ...hello, state: { ...state, engines: [{ ...engine, phase: 'x' }] } }),
      'state.engines.0.phase',
    ],
    [
      'an epoch that is no hexadecimal',
      JSON.stringify({ ...hello, streams: { samples: { ...position, epoch: 'G'.repeat(16) }, events: position } }),
      'streams.samples.epoch',
    ],
    [
      'a frame number of nought',
      JSON.stringify({ ...hello, streams: { samples: position, events: { ...position, first: 0 } } }),
      'streams.events.first',
    ],
    ['brackets without an end', '['.repeat(500_000), 'not JSON'],
    ['more than a mebibyte', `"${' '.repeat(maxTextBytes)}"`, `at most ${maxTextBytes}`],
  ])('that is %s is refused by the name of its field', (_name, text, words) => {
    const parsed = parseMessage(agentMessage, text)
    expect(parsed).toEqual({ ok: false, fault: expect.stringContaining(words) })
  })

  it('is refused without a word of what it held', () => {
    const canary = 'canary-5512'
    for (const text of [
      canary,
      JSON.stringify({ ...hello, state: { ...state, bootId: [canary] } }),
      JSON.stringify({ type: canary }),
      JSON.stringify({ ...hello, [canary]: 1 }),
      JSON.stringify({ ...hello, state: { ...state, [canary]: 1 } }),
    ])
      expect(JSON.stringify(parseMessage(agentMessage, text))).not.toContain(canary)
  })

  const seed = Date.now() >>> 0
  it(`never throws, whatever is changed in it (seed ${seed})`, () => {
    const { integer } = random(seed)
    const text = JSON.stringify(hello)
    for (let run = 0; run < 2000; run++) {
      const at = integer(0, text.length - 1)
      const changed = text.slice(0, at) + String.fromCharCode(integer(0, 0xffff)) + text.slice(at + integer(0, 3))
      expect(typeof parseMessage(agentMessage, changed).ok).toBe('boolean')
    }
  })
})
