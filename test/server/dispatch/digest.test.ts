// Merging and splitting, without an outbox: what is named, what is only counted, and what is left as it was.

import { describe, expect, it } from 'vitest'
import type { Alert } from '../../../server/alert/alert.ts'
import { digests, most, type Waiting } from '../../../server/dispatch/digest.ts'
import type { Notification } from '../../../server/dispatch/notification.ts'
import { parts } from '../../../server/dispatch/parts.ts'
import { alertOf } from './story.ts'

const note = (id: string, alerts: readonly Alert[]): Notification => ({
  id,
  receiver: 'oncall',
  groupKey: `group of ${id}`,
  reason: 'first',
  status: alerts.some((alert) => alert.endsAt === null) ? 'firing' : 'resolved',
  groupLabels: { of: id },
  commonLabels: {},
  commonAnnotations: {},
  alerts,
  truncated: 0,
  externalUrl: 'http://x',
  at: 1,
})
const fires = (name: string, severity = 'warning') => alertOf(name, { labels: { alertname: name, severity } })
const over = (name: string, severity = 'warning') => ({ ...fires(name, severity), endsAt: 900 })
const wait = (id: string, alerts: readonly Alert[], more: Partial<Waiting> = {}): Waiting => ({
  id,
  group: id,
  critical: alerts.some((alert) => alert.endsAt === null && alert.labels.severity === 'critical'),
  notification: note(id, alerts),
  ...more,
})
/** A channel with room for so many lines. */
const room = (lines: number) => (notification: Notification) => Math.min(lines, notification.alerts.length)
let ids = 0
const merged = (waiting: readonly Waiting[], lines: number, single = 0) =>
  digests(waiting, { shown: room(lines), single, newId: () => `d${++ids}`, at: 5000 })
const names = (one: Notification): string[] =>
  one.alerts.map((alert) => `${alert.endsAt === null ? '+' : '-'}${alert.fingerprint}`)
const many = (count: number, make: (name: string) => Alert): Waiting[] =>
  Array.from({ length: count }, (_, n) => wait(`w${n}`, [make(`a${n}`)]))

describe('a digest', () => {
  it('says everything in one message when it fits, criticals first, then recoveries', () => {
    const all = [wait('1', [fires('a')]), wait('2', [over('b')]), wait('3', [fires('c', 'critical')])]
    const [one, ...others] = merged(all, 10)
    expect(others).toEqual([])
    expect(one!.from).toEqual(['3', '2', '1'])
    expect(names(one!.notification)).toEqual(['+c', '-b', '+a'])
    expect(one).toMatchObject({
      critical: true,
      notification: { status: 'firing', digest: true, groupLabels: {}, at: 5000 },
    })
  })

  it('leaves few critical messages to go on their own, and merges them when they are many', () => {
    const all = [wait('1', [fires('a', 'critical')]), ...many(3, fires)]
    expect(merged(all, 10, 1).map((one) => one.from)).toEqual([['w0', 'w1', 'w2']])
    expect(merged(all, 10, 0).map((one) => one.from)).toEqual([['1', 'w0', 'w1', 'w2']])
  })

  it('names every critical and every recovery in as many messages as it takes, and counts other alerts after three', () => {
    const all = [...many(40, fires), ...Array.from({ length: 100 }, (_, n) => wait(`r${n}`, [over(`r${n}`)]))]
    const out = merged(all, 10)
    const told = out.flatMap(({ notification }) => names(notification).slice(0, 10))
    expect(told.filter((name) => name.startsWith('-'))).toHaveLength(100)
    expect(new Set(out.flatMap((one) => one.from)).size).toBe(140)
    expect(out).toHaveLength(10)
  })

  it('names others while three messages hold them', () => {
    const out = merged(many(25, fires), 10)
    expect(out.map(({ notification }) => notification.alerts.length)).toEqual([10, 10, 5])
    expect(merged(many(95, fires), 10).map(({ notification }) => notification.alerts.length)).toEqual([10, 10, 75])
  })

  it('keeps the messages of a group together and says what holds now', () => {
    const group = { group: 'g' }
    const all = [wait('1', [fires('a'), fires('b')], group), wait('2', [over('a')], group), wait('3', [fires('c')])]
    const [one] = merged(all, 10)
    expect(one!.from).toEqual(['1', '2', '3'])
    expect(names(one!.notification)).toEqual(['-a', '+b', '+c'])
  })

  it('leaves alone what does not fit by itself, and what has no company', () => {
    const long = wait(
      '1',
      Array.from({ length: 11 }, (_, n) => fires(`l${n}`)),
    )
    expect(merged([long, wait('2', [fires('a')])], 10)).toEqual([])
    expect(merged([], 10)).toEqual([])
  })
})

describe('a long message', () => {
  const split = (alerts: readonly Alert[], lines: number, truncated = 0) =>
    parts({ ...note('m', alerts), truncated }, room(lines))

  it('goes in numbered parts with identities of their own, and the last counts what is left', () => {
    const out = split(
      Array.from({ length: 50 }, (_, n) => fires(`a${n}`)),
      10,
      3,
    )!
    expect(out.map((one) => [one.id, one.part, one.alerts.length, one.truncated])).toEqual([
      ['m.01', { number: 1, of: 3 }, 10, 0],
      ['m.02', { number: 2, of: 3 }, 10, 0],
      ['m.03', { number: 3, of: 3 }, 10, 23],
    ])
    expect(new Set(out.flatMap(names)).size).toBe(30)
  })

  it('takes more than three only for criticals and recoveries, which all are named', () => {
    const out = split(
      [
        ...many(30, fires).map((one) => one.notification.alerts[0]!),
        ...many(45, (n) => over(`r${n}`)).map((one) => one.notification.alerts[0]!),
      ],
      10,
    )!
    expect(out.map((one) => one.alerts.length)).toEqual([10, 10, 10, 10, 10])
    expect(out.flatMap(names).filter((name) => name.startsWith('-'))).toHaveLength(45)
    expect(out.at(-1)!.truncated).toBe(25)
  })

  it.each([
    { name: 'one that fits', alerts: [fires('a'), fires('b')], lines: 2 },
    { name: 'a single alert', alerts: [fires('a')], lines: 0 },
    { name: 'one of which nothing fits', alerts: [fires('a'), fires('b')], lines: 0 },
  ])('is left as it is: $name', ({ alerts, lines }) => {
    expect(split(alerts, lines)).toBeNull()
  })

  it('that is a part is not split again', () => {
    const part = { ...note('m.01', [fires('a'), fires('b')]), part: { number: 1, of: 2 } }
    expect(parts(part, room(1))).toBeNull()
  })
})

it('the largest number for which it holds is found', () => {
  for (let limit = 0; limit < 20; limit++)
    for (let good = 0; good <= limit; good++) expect(most(limit, (n) => n <= good)).toBe(good)
})
