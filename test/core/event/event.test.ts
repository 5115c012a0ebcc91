// Events: every kind round trips, a field too many is refused, ids sort by time, and what a process wrote can always be stored.

import { describe, expect, it } from 'vitest'
import { type Event, event, eventId } from '../../../core/event/event.ts'

const base = { id: '0123456789', at: 5, host: 'h1', engine: 'default', incarnation: '1:2' }
const evidence = [{ source: 'parent', statement: 'ended by SIGKILL' }]
const all: readonly Event[] = [
  { ...base, kind: 'fault', cause: 'killed', detail: 'd', evidence },
  { ...base, kind: 'verdict', verdict: 'hung', previous: 'busy', evidence },
  {
    ...base,
    kind: 'transition',
    fingerprint: 'f',
    group: 'g',
    rule: 'r',
    state: 'firing',
    labels: { a: 'b' },
    annotations: {},
    value: null,
    activeAt: 1,
  },
  {
    ...base,
    kind: 'delivery',
    receiver: 'r',
    channel: 'c',
    messageId: 'm',
    status: 'sent',
    transition: 'firing',
    fingerprints: ['f'],
    attempt: 1,
    reply: 'ok',
  },
  { ...base, kind: 'command', commandId: 'c', action: 'stop', principal: 'p', reason: '' },
  {
    ...base,
    kind: 'outcome',
    commandId: null,
    action: 'start',
    principal: 'p',
    result: 'done',
    reason: '',
    tookMs: 1,
    newIncarnation: null,
  },
  { ...base, kind: 'breaker', backend: 'b', state: 'half_open', reason: '' },
  { ...base, kind: 'snapshot', snapshotId: 's', step: 'created', detail: '' },
  { ...base, kind: 'change', subject: 'config', principal: 'p', detail: '' },
]

describe('an event', () => {
  it.each(all)('of kind $kind comes back from JSON as it was, and takes no field it does not know', (one) => {
    expect(event.parse(JSON.parse(JSON.stringify(one)))).toEqual(one)
    expect(event.safeParse({ ...one, extra: 1 }).success).toBe(false)
    expect(event.safeParse({ ...one, host: '' }).success).toBe(false)
    expect(event.safeParse({ ...one, engine: null, incarnation: null }).success).toBe(true)
  })

  it('is of every kind in the list above', () => {
    expect(all.map((one) => one.kind).sort()).toEqual(event.options.map((option) => option.shape.kind.value).sort())
  })

  it.each([
    ['an id of seven characters', { id: '1234567' }],
    ['an id of 65 characters', { id: 'i'.repeat(65) }],
    ['an id with a NUL', { id: '1234567\0' }],
    ['a time before 1970', { at: -1 }],
    ['half a millisecond', { at: 0.5 }],
    ['a cause nobody knows', { cause: 'bored' }],
    ['4001 characters of detail', { detail: 'x'.repeat(4001) }],
    ['33 pieces of evidence', { evidence: Array(33).fill(evidence[0]) }],
    ['a kind nobody knows', { kind: 'rumour' }],
  ])('with %s is refused', (_name, change) => {
    expect(event.safeParse({ ...all[0], ...change }).success).toBe(false)
  })

  it('takes what a dying process wrote: NUL and halves of surrogate pairs become U+FFFD, whole pairs stay', () => {
    const wild = 'a\0b \ud83d\ude80 \ud83d \ude80 \ude80\ud83d'
    const tame = 'a\ufffdb \ud83d\ude80 \ufffd \ufffd \ufffd\ufffd'
    const parsed = event.parse({
      ...all[0],
      detail: wild,
      host: `h${wild}`,
      evidence: [{ source: wild, statement: wild }],
    })
    expect(parsed).toMatchObject({ detail: tame, host: `h${tame}`, evidence: [{ source: tame, statement: tame }] })
    const transition = event.parse({ ...all[2], labels: { [wild]: wild } })
    expect(transition).toMatchObject({ labels: { [tame]: tame } })
  })
})

describe('an event id', () => {
  it('sorts by time as text does, and is 32 hexadecimal digits', () => {
    const fill = (byte: number) => (bytes: Uint8Array) => bytes.fill(byte)
    const ids = [0, 1, 255, 1_700_000_000_000, 1_700_000_000_001, 2 ** 47].map((at) =>
      eventId(at, fill(255 - (at % 255))),
    )
    expect([...ids].sort()).toEqual(ids)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/)
    expect(eventId(5.9, fill(1))).toBe(`000000000005${'01'.repeat(10)}`)
  })
})
