// Alerts over the real PostgreSQL: each step once, in order, durable before it is told, whole after a kill at any moment.

import { afterEach, describe, expect, it } from 'vitest'
import { InferwardError } from '../../../core/base/errors.ts'
import { silentLog } from '../../../core/base/log.ts'
import { type VirtualClock, virtualClock } from '../../../core/base/virtual-clock.ts'
import { fingerprint } from '../../../core/rules/labels.ts'
import type { Transition } from '../../../core/rules/transition.ts'
import type { Alert } from '../../../server/alert/alert.ts'
import { type AlertStore, openAlertStore } from '../../../server/alert/alert-store.ts'
import type { AlertTable } from '../../../server/alert/alert-table-port.ts'
import { openAlertTable } from '../../../server/db/alert-table.ts'
import { openEventStore } from '../../../server/db/event-store.ts'
import { type TestDatabase, testDatabase } from '../../helpers/database.ts'

const start = Date.UTC(2026, 0, 1)
const minute = 60_000
const at = (minutes: number): number => start + minutes * minute

const worlds: World[] = []
afterEach(async () => {
  for (const { store, clock } of worlds.splice(0)) {
    const stopped = store.stop()
    await clock.advance(10_000)
    await stopped
  }
})

type World = { readonly clock: VirtualClock; readonly store: AlertStore; readonly told: string[] }

/** A store as after a start of the server: what the one before held in memory is gone. */
async function boot(
  database: TestDatabase,
  options: { table?: (table: AlertTable) => AlertTable; queueCapacity?: number; now?: number } = {},
): Promise<World> {
  const clock = virtualClock(options.now ?? start)
  const table = openAlertTable(database.db, () => clock.now())
  const told: string[] = []
  const store = openAlertStore({
    clock,
    log: silentLog,
    table: options.table?.(table) ?? table,
    externalUrl: 'http://server:9700',
    random: () => 0.5,
    ...(options.queueCapacity === undefined ? {} : { queueCapacity: options.queueCapacity }),
  })
  const world = { clock, store, told }
  worlds.push(world)
  await store.start(new AbortController().signal)
  store.subscribe((alerts) => {
    for (const alert of alerts) told.push(words(alert))
  })
  return world
}
const signal = () => {
  let fire = (): void => {}
  const fired = new Promise<void>((resolve) => {
    fire = resolve
  })
  return { fired, fire }
}
const words = (alert: Alert): string => `${alert.labels.host} ${alert.endsAt === null ? 'firing' : 'resolved'}`
const events = async (database: TestDatabase): Promise<readonly string[]> =>
  (await openEventStore(database.db, () => 0).read({ kinds: ['transition'] })).map(({ event }) =>
    event.kind === 'transition' ? `${event.labels.host} ${event.state}` : '',
  )

function step(state: Transition['state'], minutes: number, more: Partial<Transition> = {}): Transition {
  const labels = { alertname: 'Hot', host: 'h1', engine: 'default', ...more.labels }
  return {
    fingerprint: fingerprint(labels),
    file: 'rules.yml',
    group: 'heat',
    rule: 'Hot',
    expression: 'temperature > 90',
    state,
    at: at(minutes),
    annotations: { summary: `at ${minutes}` },
    value: state === 'pending' || state === 'firing' ? 95 : null,
    activeAt: at(0),
    firedAt: state === 'firing' || state === 'resolved' ? at(1) : null,
    ...more,
    labels,
  }
}

describe('the alert store', () => {
  it('keeps an alert that fired when the end of its pending time comes late, also over a restart', async () => {
    await using database = await testDatabase()
    const { store } = await boot(database)
    store.apply([step('pending', 0)])
    await store.written()
    store.apply([step('firing', 3)])
    await store.written()
    store.apply([step('inactive', 1)])
    await store.written()
    expect(store.restored().map((one) => one.state)).toEqual(['firing'])
    const { store: after } = await boot(database)
    expect(after.restored().map((one) => one.state)).toEqual(['firing'])
  })

  it('shows what another clock evaluated by the time at which it was heard', async () => {
    await using database = await testDatabase()
    const { store } = await boot(database)
    store.apply([step('firing', 60, { firedAt: at(60), heardAt: at(1) })])
    await store.written()
    expect(store.current()).toMatchObject([{ startsAt: at(1), endsAt: null }])
    store.apply([step('resolved', 61, { firedAt: at(1), heardAt: at(2) })])
    await store.written()
    expect(store.current()).toMatchObject([{ startsAt: at(1), endsAt: at(2) }])
    expect(await events(database)).toEqual(['h1 firing', 'h1 resolved'])
  })

  it('writes rows and events, and tells readers what fires and what is resolved, never what is pending', async () => {
    await using database = await testDatabase()
    const { store, told } = await boot(database)
    store.apply([step('pending', 0), step('firing', 1)])
    await store.settled()
    expect(told).toEqual(['h1 firing'])
    expect(store.current()).toEqual([
      {
        fingerprint: step('firing', 1).fingerprint,
        labels: { alertname: 'Hot', host: 'h1', engine: 'default' },
        annotations: { summary: 'at 1' },
        startsAt: at(1),
        endsAt: null,
        updatedAt: at(1),
        generatorUrl: 'http://server:9700/graph?g0.expr=temperature+%3E+90&g0.tab=1',
        source: 'rules',
      },
    ])
    store.apply([step('resolved', 3)])
    await store.settled()
    expect(told).toEqual(['h1 firing', 'h1 resolved'])
    expect(store.current()).toMatchObject([{ startsAt: at(1), endsAt: at(3) }])
    const history = openEventStore(database.db, () => 0)
    const [first] = await history.read({ kinds: ['transition'], host: 'h1', engine: 'default' })
    expect(first!.event).toMatchObject({ kind: 'transition', state: 'pending', at: at(0), group: 'heat', value: 95 })
    expect(await history.verify()).toBeNull()
    expect(store.stats()).toMatchObject({ written: 3, waiting: 0, firing: 0, lost: 0 })
  })

  it('takes the same step twice as once', async () => {
    await using database = await testDatabase()
    const { store, told } = await boot(database)
    const story = [step('pending', 0), step('firing', 1), step('resolved', 3)]
    for (const batch of [story, story, [story[1]!], [story[0]!, story[1]!]]) {
      store.apply(batch)
      await store.settled()
    }
    expect(await events(database)).toEqual(['h1 pending', 'h1 firing', 'h1 resolved'])
    expect(told).toEqual(['h1 firing', 'h1 resolved'])
    expect(store.current()).toMatchObject([{ endsAt: at(3) }])
    const again = await boot(database, { now: at(4) })
    again.store.apply(story)
    await again.store.settled()
    expect(again.told).toEqual([])
    expect(await events(database)).toHaveLength(3)
    expect(again.store.current()).toMatchObject([{ endsAt: at(3) }])
  })

  it('gives the rules back what was pending and firing, with texts and keep_firing_for as they stood', async () => {
    await using database = await testDatabase()
    const { store, told } = await boot(database)
    const other = step('pending', 2, { labels: { host: 'h2' } })
    store.apply([step('pending', 0), step('firing', 1), other])
    const { fingerprint: id, file, group, rule, activeAt } = step('firing', 1)
    const annotations = { summary: 'hotter' }
    const from = { fingerprint: id, file, group, rule, activeAt }
    store.apply([], [{ ...from, at: at(2), annotations, value: 99, keepFiringSince: at(2) }])
    await store.settled()
    expect(told).toEqual(['h1 firing', 'h1 firing'])
    expect(store.current()[0]!.annotations).toEqual(annotations)

    const { store: after } = await boot(database, { now: at(3) })
    expect(after.current()).toEqual(store.current())
    const { at: _at, ...pending } = other
    const { at: _then, ...firing } = step('firing', 1)
    const restored = [...after.restored()].sort((a, b) => (a.labels.host! < b.labels.host! ? -1 : 1))
    expect(restored).toEqual([
      { ...firing, annotations, value: 99, keepFiringSince: at(2) },
      { ...pending, keepFiringSince: null },
    ])
  })

  it('forgets a pending alert that never fired, but not what is still to be said of its life before', async () => {
    await using database = await testDatabase()
    const { store, told } = await boot(database)
    store.apply([step('firing', 1), step('resolved', 2)])
    store.apply([step('pending', 3, { activeAt: at(3) })])
    await store.settled()
    const { store: after } = await boot(database, { now: at(4) })
    expect(after.current().map(words)).toEqual(['h1 resolved'])
    expect(after.restored()).toHaveLength(1)
    after.apply([step('inactive', 4, { activeAt: at(3) })])
    await after.settled()
    expect(after.restored()).toEqual([])
    expect(after.current().map(words)).toEqual(['h1 resolved'])
    expect(told).toEqual(['h1 firing', 'h1 resolved'])
  })

  it('shows two rules with the same labels as one alert, which fires while one of them does', async () => {
    await using database = await testDatabase()
    const { store } = await boot(database)
    const second = { group: 'other' }
    store.apply([step('firing', 1), step('firing', 2, { ...second, firedAt: at(2) }), step('resolved', 3)])
    await store.settled()
    expect(store.current()).toMatchObject([{ startsAt: at(2), endsAt: null }])
    store.apply([step('resolved', 4, { ...second, firedAt: at(2) })])
    await store.settled()
    expect(store.current()).toMatchObject([{ endsAt: at(4) }])
  })

  it('keeps order and tells nothing while the database is away, then everything once', async () => {
    await using database = await testDatabase()
    let away = true
    const { store, told, clock } = await boot(database, {
      table: (table) => ({
        ...table,
        apply: (writes) => (away ? Promise.reject(new Error('connection refused')) : table.apply(writes)),
      }),
    })
    store.apply([step('pending', 0)])
    await clock.advance(1000)
    store.apply([step('firing', 1), step('firing', 1, { labels: { host: 'h2' } })])
    store.apply([step('resolved', 2)])
    await clock.advance(5 * minute)
    expect(told).toEqual([])
    expect(store.current()).toEqual([])
    expect(store.stats().waiting).toBe(4)
    expect(store.stats().retries).toBeGreaterThan(10)
    away = false
    await clock.advance(20_000)
    await store.settled()
    expect(told).toEqual(['h1 firing', 'h2 firing', 'h1 resolved'])
    expect(await events(database)).toEqual(['h1 pending', 'h1 firing', 'h2 firing', 'h1 resolved'])
  })

  it('tells of a change whose answer was lost after the commit, and writes it once', async () => {
    await using database = await testDatabase()
    const lost = signal()
    let calls = 0
    const { store, told, clock } = await boot(database, {
      table: (table) => ({
        ...table,
        apply: async (writes) => {
          const done = await table.apply(writes)
          if (calls++ > 0) return done
          lost.fire()
          throw new Error('connection reset')
        },
      }),
    })
    store.apply([step('firing', 1)])
    await lost.fired
    await clock.advance(1000)
    await store.settled()
    expect(told).toEqual(['h1 firing'])
    expect(await events(database)).toEqual(['h1 firing'])
  })

  it('loses nothing and repeats nothing over kills between any two steps', async () => {
    const story = [step('pending', 0), step('firing', 1), step('resolved', 2)]
    for (let kill = 0; kill <= story.length; kill++) {
      await using database = await testDatabase()
      const first = await boot(database)
      first.store.apply(story.slice(0, kill))
      await first.store.settled()
      // The rules evaluate the last tick again: the step before the kill is told a second time.
      const second = await boot(database, { now: at(3) })
      second.store.apply(story.slice(Math.max(0, kill - 1)))
      await second.store.settled()
      expect(await events(database)).toEqual(['h1 pending', 'h1 firing', 'h1 resolved'])
      expect([...first.told, ...second.told]).toEqual(['h1 firing', 'h1 resolved'])
      expect(second.store.current()).toMatchObject([{ endsAt: at(2) }])
      expect(second.store.restored()).toEqual([])
    }
  })

  it('gives up a change that the database will never take, and writes those beside it', async () => {
    await using database = await testDatabase()
    const { store, told } = await boot(database, {
      table: (table) => ({
        ...table,
        apply: (writes) =>
          writes.some((one) => one.kind === 'step' && one.row.labels.host === 'bad')
            ? Promise.reject(new InferwardError({ code: 'database.refused', message: 'no' }))
            : table.apply(writes),
      }),
    })
    store.apply(['h1', 'bad', 'h2'].map((host) => step('firing', 1, { labels: { host } })))
    await store.settled()
    expect(told).toEqual(['h1 firing', 'h2 firing'])
    expect(store.stats()).toMatchObject({ lost: 1, waiting: 0, written: 2 })
  })

  it('says that a row too long for the table is refused for good', async () => {
    await using database = await testDatabase()
    const { store, told } = await boot(database)
    const noise = Array.from({ length: 4000 }, (_, n) => String.fromCodePoint(0x4e00 + ((n * 7919) % 20_000))).join('')
    store.apply([step('firing', 1, { rule: noise }), step('firing', 1, { labels: { host: 'h2' } })])
    await store.settled()
    expect(store.stats()).toMatchObject({ lost: 1, waiting: 0 })
    expect(told).toEqual(['h2 firing'])
  })

  it('stores what PostgreSQL and events cannot hold as it is: NUL, half pairs, long texts, infinite values', async () => {
    await using database = await testDatabase()
    const { store } = await boot(database)
    const labels = { host: 'h\0\ud800', long: 'é'.repeat(9000) }
    store.apply([step('firing', 1, { labels, value: Number.POSITIVE_INFINITY, annotations: { text: '\udc00' } })])
    await store.settled()
    const [row] = await openEventStore(database.db, () => 0).read({})
    expect(row!.event).toMatchObject({ host: 'h\ufffd\ufffd', value: null, labels: { long: 'é'.repeat(4000) } })
    const { store: after } = await boot(database, { now: at(2) })
    expect(after.restored()).toMatchObject([{ value: Number.POSITIVE_INFINITY, labels: { long: 'é'.repeat(9000) } }])
  })

  it('counts what it drops when too many changes wait', async () => {
    await using database = await testDatabase()
    const { store } = await boot(database, {
      queueCapacity: 3,
      table: (table) => ({ ...table, apply: () => Promise.reject(new Error('away')) }),
    })
    store.apply(Array.from({ length: 10 }, (_, n) => step('firing', 1, { labels: { host: `h${n}` } })))
    expect(store.stats().refused).toBe(7)
  })

  it('shows ends for 15 minutes at least, and not for ever', async () => {
    await using database = await testDatabase()
    const { store, clock } = await boot(database)
    store.apply([step('resolved', 2), step('firing', 1, { labels: { host: 'h2' } })])
    await store.settled()
    await clock.advance(17 * minute)
    expect(store.current().map(words).sort()).toEqual(['h1 resolved', 'h2 firing'])
    await clock.advance(20 * minute)
    expect(store.current().map(words)).toEqual(['h2 firing'])
  })

  it('drops what was resolved more than five days ago and keeps what fires', async () => {
    await using database = await testDatabase()
    const swept = signal()
    const { store, clock } = await boot(database, {
      now: at(5 * 24 * 60),
      table: (table) => ({
        ...table,
        sweep: async (before, limit) => {
          const count = await table.sweep(before, limit)
          swept.fire()
          return count
        },
      }),
    })
    const younger = step('resolved', 60, { labels: { host: 'h3' } })
    store.apply([step('resolved', 2), step('firing', 1, { labels: { host: 'h2' } }), younger])
    await store.settled()
    await clock.advance(10 * minute)
    await swept.fired
    const rows = await database.pool.query("select labels->>'host' as host from alerts order by 1")
    expect(rows.rows).toEqual([{ host: 'h2' }, { host: 'h3' }])
  })
})
