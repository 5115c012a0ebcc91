// The door for what agents send: only what is stored is told on, and what can never be stored blocks nobody.

import { describe, expect, it } from 'vitest'
import { InferwardError } from '../../../core/base/errors.ts'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { type Event, type EventOf, event, eventId } from '../../../core/event/event.ts'
import { openEventStore } from '../../../server/db/event-store.ts'
import { type IngestDeps, openIngest } from '../../../server/ingest/ingest.ts'
import { testDatabase } from '../../helpers/database.ts'

let count = 0
const now = Date.UTC(2026, 0, 1)
const minute = 60_000
const day = 86_400_000
const change = (more: Partial<Event> = {}): Event =>
  ({
    id: eventId(1000, (bytes) => bytes.fill(++count)),
    at: now - 1000,
    kind: 'change',
    host: 'h1',
    engine: null,
    incarnation: null,
    subject: 'agent',
    principal: 'p',
    detail: 'd',
    ...more,
  }) as Event
const { kind: _kind, subject: _subject, detail: _detail, ...about } = change() as EventOf<'change'>
const given: Event = { ...about, kind: 'command', commandId: 'c1', action: 'restart', reason: 'forged' }
const { principal: _principal, ...unsaid } = about
const fired: Event = {
  ...unsaid,
  kind: 'transition',
  fingerprint: 'f',
  group: 'g',
  rule: 'r',
  state: 'firing',
  labels: {},
  annotations: {},
  value: null,
  activeAt: 1,
}
const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

function stand(more: Partial<IngestDeps> = {}) {
  const stored: Event[] = []
  const told: Event[] = []
  const ingest = openIngest({
    clock: virtualClock(now),
    log: silentLog,
    append: async (body) => ({ samples: body.byteLength }),
    store: async (batch) => {
      const fresh = batch.filter((one) => !stored.some((old) => old.id === one.id))
      stored.push(...fresh)
      return fresh
    },
    onEvents: async (events) => void told.push(...events),
    ...more,
  })
  return { ingest, stored, told }
}

describe('events', () => {
  it('are told on once they are stored, each once', async () => {
    const { ingest, told } = stand()
    const one = change()
    await ingest.events('h1', bytes(one))
    await ingest.events('h1', bytes(one))
    expect(told).toEqual([one])
    expect(ingest.stats()).toEqual({ frames: 2, samples: 0, events: 1, malformed: 0, clamped: 0 })
  })

  it.each([
    ['of the year 1970', 0],
    ['older than any incident that is kept', now - 31 * day],
    ['of tomorrow', now + day],
    ['of the end of time', Number.MAX_SAFE_INTEGER],
  ])('%s are kept at the time they came, and counted', async (_name, at) => {
    const { ingest, stored } = stand()
    await ingest.events('h1', bytes(change({ at })))
    expect(stored.map((one) => one.at)).toEqual([now])
    expect(ingest.stats()).toMatchObject({ events: 1, malformed: 0, clamped: 1 })
  })

  it.each([
    ['a month ago, by an agent that was cut off', now - 29 * day],
    ['by a clock that is minutes ahead', now + 4 * minute],
  ])('told of %s keep their time', async (_name, at) => {
    const { ingest, stored } = stand()
    await ingest.events('h1', bytes(change({ at })))
    expect(stored.map((one) => one.at)).toEqual([at])
    expect(ingest.stats().clamped).toBe(0)
  })

  it('are not told on when the store refuses: the caller hears of it and sends again', async () => {
    const { ingest, told } = stand({ store: () => Promise.reject(new Error('database gone')) })
    await expect(ingest.events('h1', bytes(change()))).rejects.toThrow('database gone')
    expect(told).toEqual([])
    expect(ingest.stats().events).toBe(0)
  })

  it.each([
    ['no JSON', bytes('nonsense')],
    ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['nothing', new Uint8Array()],
    ['null', bytes('null')],
    ['a list', bytes([change()])],
    ['another kind', bytes({ ...change(), kind: 'rumour' })],
    ['a field too many', bytes({ ...change(), extra: 1 })],
    ['an event of another host', bytes(change({ host: 'h2' }))],
    ['an event in the name of the server', bytes(change({ host: 'server' }))],
    ['a command that an agent would have us believe somebody gave', bytes(given)],
    ['an alert that it would have us believe fired', bytes(fired)],
  ])('that are %s are counted and taken, so that they block nobody', async (_name, payload) => {
    const { ingest, stored } = stand()
    await ingest.events('h1', payload)
    expect(stored).toEqual([])
    expect(ingest.stats()).toMatchObject({ frames: 1, malformed: 1, events: 0 })
  })

  it('of the kinds that only the server writes are whole in themselves: it is the sender that is wrong', () => {
    for (const one of [given, fired]) expect(event.safeParse(one).success).toBe(true)
  })

  it('with NUL and broken surrogates go into PostgreSQL, in a chain that still fits', async () => {
    await using database = await testDatabase()
    const store = openEventStore(database.db, () => 1)
    const { ingest, told } = stand({ store: (batch) => store.append(batch) })
    await ingest.events('h1', bytes(change({ detail: 'before \0 \ud800 after' } as Partial<Event>)))
    await ingest.events('h1', bytes(change()))
    expect(told).toHaveLength(2)
    expect((await store.read({})).map((row) => (row.event as { detail?: string }).detail)).toEqual([
      'before \ufffd \ufffd after',
      'd',
    ])
    expect(await store.verify()).toBeNull()
  })

  it('of the server itself take the same road', async () => {
    const { ingest, told } = stand()
    const one = change({ host: 'server' })
    await ingest.own([one])
    await ingest.own([one])
    await ingest.own([])
    expect(told).toEqual([one])
  })
})

describe('samples', () => {
  it('are counted as the store took them, from bytes of their own', async () => {
    const seen: ArrayBuffer[] = []
    const { ingest } = stand({
      append: async (body) => {
        seen.push(body)
        return { samples: 3 }
      },
    })
    const large = new Uint8Array(100).fill(9)
    await ingest.samples('h1', large.subarray(10, 14))
    expect(seen[0]!.byteLength).toBe(4)
    expect(seen[0]).not.toBe(large.buffer)
    expect(ingest.stats()).toMatchObject({ frames: 1, samples: 3, malformed: 0 })
  })

  it('that are malformed are counted and taken; any other failure is the caller’s to hear', async () => {
    const failing = (code: string) =>
      stand({ append: () => Promise.reject(new InferwardError({ code, message: code })) }).ingest
    const malformed = failing('remote_write.malformed')
    await malformed.samples('h1', new Uint8Array(1))
    expect(malformed.stats()).toMatchObject({ frames: 1, malformed: 1, samples: 0 })
    await expect(failing('store.closed').samples('h1', new Uint8Array(1))).rejects.toThrow('store.closed')
  })
})
