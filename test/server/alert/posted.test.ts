// Alerts that others post: how a request is read, how posts become one alert, that what was answered for survives a kill, and that nothing else is
// ever seen.

import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import type { Alert } from '../../../server/alert/alert.ts'
import { joinSources } from '../../../server/alert/joined-source.ts'
import { postLimits, readPosted } from '../../../server/alert/posted-body.ts'
import type { JournalRow } from '../../../server/alert/posted-journal-port.ts'
import { openPostedMemory } from '../../../server/alert/posted-memory.ts'
import { openPostedStore } from '../../../server/alert/posted-store.ts'
import { openPostedJournal } from '../../../server/db/posted-journal.ts'
import { testDatabase } from '../../helpers/database.ts'
import { random } from '../../helpers/random.ts'
import { alertOf } from '../dispatch/story.ts'
import { memoryJournal } from './memory-journal.ts'

const now = Date.UTC(2026, 0, 1)
const at = (seconds: number): string => new Date(now + seconds * 1000).toISOString()
const bytes = (alerts: unknown): Buffer => Buffer.from(typeof alerts === 'string' ? alerts : JSON.stringify(alerts))
const read = (alert: object) => readPosted(bytes([{ labels: { a: '1' }, ...alert }]), now, 300_000)

describe('a posted request', () => {
  it.each([
    [{}, [0, 300], true],
    [{ startsAt: at(-60) }, [-60, 300], true],
    [{ endsAt: at(60) }, [60, 60], false],
    [{ startsAt: at(-60), endsAt: at(60) }, [-60, 60], false],
    [{ startsAt: '0001-01-01T00:00:00Z', endsAt: '0001-01-01T00:00:00.000Z' }, [0, 300], true],
    [{ startsAt: '2026-01-01T01:00:00.123456789+01:00' }, [0.123, 300], true],
  ])('with %j lives from and to %j', (times, [from, to], timeout) => {
    expect(read(times).alerts).toMatchObject([{ startsAt: now + from! * 1000, endsAt: now + to! * 1000, timeout }])
  })

  it.each([
    [{ labels: {} }, 'at least one label is needed'],
    [{ labels: { a: '' } }, 'at least one label is needed'],
    [{ labels: { a: 1 } }, 'label "a" is not a text'],
    [{ labels: [] }, 'labels are names and texts'],
    [{ labels: { '': 'x' } }, 'a label name has 1 to 1000 characters'],
    [{ labels: { a: 'x'.repeat(postLimits.label + 1) } }, 'label "a" has more than 4096 characters'],
    [{ annotations: { a: 'x'.repeat(1 << 20) } }, 'annotation "a" has more than 65536 characters'],
    [{ startsAt: at(60), endsAt: at(0) }, 'start time must be before end time'],
    [{ startsAt: 'yesterday' }, 'times as RFC 3339 has them'],
    [{ labels: Object.fromEntries(Array.from({ length: 129 }, (_, n) => [`l${n}`, 'x'])) }, 'more than 128 labels'],
  ])('with the alert %.60j says what is wrong with it, and takes the others', (alert, words) => {
    const { alerts, faults } = readPosted(bytes([{ labels: { ok: '1' } }, { labels: { a: '1' }, ...alert }]), now, 1)
    expect(alerts).toMatchObject([{ labels: { ok: '1' } }])
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain('alert 1: ')
    expect(faults[0]).toContain(words)
  })

  it.each(['', '{', '{}', 'null', '"x"'])('of %j is no list of alerts', (body) => {
    expect(() => readPosted(bytes(body), now, 1)).toThrow(expect.objectContaining({ code: 'alert.invalid' }))
  })

  it('tells of ten faults at most, and of a list that is too long at once', () => {
    expect(readPosted(bytes(Array.from({ length: 50 }, () => ({}))), now, 1).faults).toHaveLength(11)
    expect(() => readPosted(bytes(Array.from({ length: postLimits.alerts + 1 }, () => 1)), now, 1)).toThrow(
      'more than 20000',
    )
  })
})

describe('posts of one label set', () => {
  // Times in seconds: [posted at, starts, ends], null = not given.
  const after = (...posts: readonly (readonly [number, number | null, number | null])[]): readonly [number, number] => {
    const memory = openPostedMemory(10)
    for (const [when, starts, ends] of posts) {
      const times = {
        ...(starts === null ? {} : { startsAt: at(starts) }),
        ...(ends === null ? {} : { endsAt: at(ends) }),
      }
      const { alerts } = readPosted(bytes([{ labels: { a: '1' }, ...times }]), now + when * 1000, 300_000)
      memory.take(alerts[0]!, now + when * 1000)
    }
    const [alert] = memory.current()
    return [(alert!.startsAt - now) / 1000, (alert!.endsAt! - now) / 1000]
  }
  it.each([
    [
      'that confirm it: the last end',
      [
        [0, 0, 300],
        [60, 0, 360],
      ],
      [0, 360],
    ],
    [
      'without times: the first start',
      [
        [0, null, null],
        [60, null, null],
      ],
      [0, 360],
    ],
    [
      'with a later start inside: the first start',
      [
        [0, 0, 300],
        [60, 30, 400],
      ],
      [0, 400],
    ],
    [
      'that end it',
      [
        [0, 0, 300],
        [60, 0, 60],
      ],
      [0, 60],
    ],
    [
      'with an earlier end that is named: the later of two named ends while it fires',
      [
        [0, 0, 300],
        [10, 5, 200],
      ],
      [0, 300],
    ],
    [
      'with an end that only the timeout gave: the named one',
      [
        [0, 0, null],
        [10, 5, 200],
      ],
      [0, 200],
    ],
    [
      'after it has ended: a new life',
      [
        [0, 0, 60],
        [120, 120, null],
      ],
      [120, 420],
    ],
    [
      'with two ends in the past: the later',
      [
        [0, 0, 100],
        [200, 50, 90],
      ],
      [0, 100],
    ],
  ] as const)('%s', (_, posts, expected) => {
    expect(after(...posts)).toEqual(expected)
  })

  it('are found whatever the order of their labels, and no other label set is', () => {
    const memory = openPostedMemory(100)
    const post = (labels: Record<string, string>) =>
      memory.take(readPosted(bytes([{ labels }]), now, 1).alerts[0]!, now)
    post({ b: '2', a: '1' })
    post({ a: '1', b: '2' })
    post({ a: '1', b: '2', c: '' })
    expect(memory.size).toBe(1)
    post({ a: '1b', 2: '' })
    post({ a: '1\u00001:1:b2' })
    post({ a1: '', ab: '12' })
    expect(memory.size).toBe(4)
  })

  it('beyond the limit take the place of what has ended, never of what fires', () => {
    const memory = openPostedMemory(2)
    const take = (name: string, when: number) =>
      memory.take(readPosted(bytes([{ labels: { name } }]), now + when, 1000).alerts[0]!, now + when)
    expect([take('a', 0), take('b', 500), take('c', 600)].map((one) => one === null)).toEqual([false, false, true])
    expect(take('c', 1200)).not.toBeNull()
    expect(memory.current().map((one) => one.labels.name)).toEqual(['b', 'c'])
  })
})

describe('the store of posted alerts', () => {
  const open = async (journal = memoryJournal(), max = 1000) => {
    const clock = virtualClock(now)
    const told: string[][] = []
    const life = async () => {
      const store = openPostedStore({ clock, log: silentLog, journal, resolveTimeoutMs: () => 300_000, max })
      await store.start()
      store.subscribe((alerts) => void told.push(alerts.map((one) => one.labels.n ?? '')))
      return store
    }
    return { clock, journal, told, life }
  }
  const posts = (...names: readonly (string | number)[]) => bytes(names.map((n) => ({ labels: { n: String(n) } })))

  it('answers only when a request is durable, and tells of it only then', async () => {
    const { journal, told, life } = await open()
    const store = await life()
    let write = (): void => {}
    journal.before = () => new Promise((resolve) => (write = resolve))
    let answered = false
    const post = store.post(posts('a')).then(() => {
      answered = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect([answered, told, store.current(), journal.rows]).toEqual([false, [], [], []])
    journal.before = async () => {}
    write()
    await post
    expect([answered, told, journal.rows.length]).toEqual([true, [['a']], 1])
  })

  it('writes what comes meanwhile together, in order, and tells each alert once', async () => {
    const { journal, told, life } = await open()
    const store = await life()
    let appends = 0
    journal.before = async () => void appends++
    await Promise.all([store.post(posts('a')), store.post(posts('b', 'c')), store.post(posts('c', 'a', 'd'))])
    expect(appends).toBe(2)
    expect(told).toEqual([['a'], ['b', 'c', 'a', 'd']])
  })

  it('refuses a request whole when it cannot be written, and takes it when it is posted again', async () => {
    const { journal, told, life } = await open()
    const store = await life()
    journal.before = async () => {
      throw new Error('no database')
    }
    await expect(store.post(posts('a'))).rejects.toThrow('no database')
    expect([told, store.current()]).toEqual([[], []])
    journal.before = async () => {}
    await store.post(posts('a'))
    expect(told).toEqual([['a']])
  })

  it('says what was wrong, counts it, and keeps the rest', async () => {
    const { life } = await open(memoryJournal(), 2)
    const store = await life()
    expect(await store.post(bytes([{ labels: {} }, { labels: { n: 'a' } }]))).toEqual([
      'alert 0: at least one label is needed',
    ])
    expect(await store.post(posts('b', 'c'))).toEqual(['there are 2 alerts already, and all of them fire'])
    expect(() => store.post(bytes('x'))).toThrow('not JSON')
    expect(store.stats()).toEqual({ posts: 2, alerts: 3, refused: 2, waiting: 0, held: 2 })
    await store.stop()
    expect(() => store.post(posts('d'))).toThrow(expect.objectContaining({ code: 'alert.busy', retryable: true }))
  })

  it('is what it was after a restart at any time, through posts and compactions by seed', async () => {
    const seed = 31
    const draw = random(seed)
    const { clock, journal, life } = await open()
    let store = await life()
    let restarts = 0
    const seen = (alerts: readonly Alert[]) =>
      [...alerts].map((one) => ({ ...one })).sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1))
    for (let step = 0; step < 200; step++) {
      await clock.advance(draw.integer(0, 60) * 1000)
      const list = Array.from({ length: draw.integer(1, 5) }, () => {
        const start = clock.now() - draw.integer(0, 300) * 1000
        const more = draw.uniform() < 0.5 ? {} : { endsAt: new Date(start + draw.integer(0, 600) * 1000).toISOString() }
        const starts = draw.uniform() < 0.5 ? { startsAt: new Date(start).toISOString() } : {}
        return { labels: { n: draw.pick(['1', '2', '3', '4']) }, annotations: { s: String(step) }, ...starts, ...more }
      })
      await store.post(bytes(list))
      if (draw.uniform() < 0.2) {
        const before = seen(store.current())
        await store.stop()
        restarts++
        store = await life()
        expect([seed, step, seen(store.current())]).toEqual([seed, step, before])
      }
      if (draw.uniform() < 0.1) {
        const rows: JournalRow[] = []
        const body = bytes(store.current().map((one) => ({ ...one, timeout: false })))
        rows.push({ kind: 'state', receivedAt: clock.now(), resolveTimeoutMs: 0, body })
        const before = seen(store.current())
        await store.stop()
        await journal.compact(rows)
        store = await life()
        expect([seed, step, seen(store.current())]).toEqual([seed, step, before])
      }
    }
    expect(restarts).toBeGreaterThan(20)
  })

  it('shortens its journal to the state that it gives', async () => {
    const { journal, life } = await open(memoryJournal(), 100_000)
    const store = await life()
    const big = bytes(
      Array.from({ length: 100 }, (_, n) => ({ labels: { n: String(n) }, annotations: { s: 'x'.repeat(60_000) } })),
    )
    for (let round = 0; round < 8; round++) await store.post(big)
    expect(journal.rows.filter((row) => row.kind === 'state').length).toBeGreaterThan(0)
    expect(journal.rows.length).toBeLessThan(8)
    const before = store.current()
    await store.stop()
    expect((await life()).current()).toEqual(before)
  })

  it('forgets an alert a day after its end', async () => {
    const { clock, life } = await open()
    const store = await life()
    await store.post(posts('a'))
    await clock.advance(86_400_000)
    expect(store.current()).toHaveLength(1)
    await clock.advance(1_000_000)
    expect(store.current()).toEqual([])
  })
})

describe('two sources as one', () => {
  const sourceOf = (...alerts: readonly Alert[]) => {
    const listeners = new Set<(list: readonly Alert[]) => void>()
    return {
      current: () => alerts,
      find: (print: string) => alerts.find((one) => one.fingerprint === print) ?? null,
      subscribe: (listener: (list: readonly Alert[]) => void) => {
        listeners.add(listener)
        return { [Symbol.dispose]: () => void listeners.delete(listener) }
      },
      tell: (...list: readonly Alert[]) => listeners.forEach((listener) => void listener(list)),
    }
  }
  it('tell an alert that is in both as firing while it fires in either', () => {
    const ended = alertOf('x', { startsAt: 1, endsAt: 5, updatedAt: 9 })
    const firing = alertOf('x', { startsAt: 3, updatedAt: 4, source: 'posted' })
    const [rules, posted] = [sourceOf(ended, alertOf('only')), sourceOf(firing, alertOf('other'))]
    const both = joinSources(rules, posted, () => 100)
    const told: (readonly Alert[])[] = []
    using _ = both.subscribe((list) => void told.push(list))
    rules.tell(ended)
    posted.tell(firing)
    const expected = { ...firing, updatedAt: 9 }
    expect(told).toEqual([[expected], [expected]])
    expect(both.find('x')).toEqual(expected)
    expect(both.find('gone')).toBeNull()
    expect(both.current().map((one) => one.fingerprint)).toEqual(['x', 'only', 'other'])
  })
})

describe.each(['memory', 'PostgreSQL'])('the journal of posted alerts in %s', (kind) => {
  it('gives back what was appended, byte by byte and in order, and only the state after it was shortened', async () => {
    await using database = kind === 'PostgreSQL' ? await testDatabase() : null
    const journal = database === null ? memoryJournal() : openPostedJournal(database.db)
    const row = (n: number): JournalRow => ({
      kind: 'post',
      receivedAt: now + n,
      resolveTimeoutMs: n,
      body: Uint8Array.from({ length: 500 }, (_, index) => (index + n) % 256),
    })
    const load = async (): Promise<readonly JournalRow[]> => {
      const rows: JournalRow[] = []
      await journal.load(({ body, ...rest }) => void rows.push({ ...rest, body: Uint8Array.from(body) }))
      return rows
    }
    expect(await load()).toEqual([])
    await journal.append([])
    const rows = Array.from({ length: 450 }, (_, n) => row(n))
    await journal.append(rows.slice(0, 1))
    await journal.append(rows.slice(1))
    expect(await load()).toEqual(rows)
    const state: JournalRow = { ...row(7), kind: 'state' }
    await journal.compact([state])
    await journal.append([row(8)])
    expect(await load()).toEqual([state, row(8)])
    await journal.compact([])
    expect(await load()).toEqual([])
  })
})
