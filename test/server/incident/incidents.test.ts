// Reading incidents from a store: from a cursor, within bounds, and saying so where the history was cut.

import { describe, expect, it } from 'vitest'
import type { Event } from '../../../core/event/event.ts'
import { openEventStore } from '../../../server/db/event-store.ts'
import { defaultIncidentLimits, type History, openIncidents } from '../../../server/incident/incidents.ts'
import { testDatabase } from '../../helpers/database.ts'
import { day, story } from './story.ts'

/** A store in memory with the port's behaviour; counts the rows it gave. */
function memory(events: Event[]): History & { given: number; failNext: boolean } {
  const history = {
    given: 0,
    failNext: false,
    async read({ after = 0, from = 0, limit = 1000, descending = false }: Parameters<History['read']>[0]) {
      if (history.failNext) {
        history.failNext = false
        throw new Error('connection lost')
      }
      const rows = events
        .map((event, index) => ({ sequence: index + 1, event }))
        .filter((row) => row.sequence > after && row.event.at >= from)
      const page = (descending ? rows.reverse() : rows).slice(0, limit)
      history.given += page.length
      return page
    },
  }
  return history
}

/** Kills of engines `e0`, `e1`, … a minute apart, each recovered. */
function kills(count: number): Event[] {
  return Array.from({ length: count }, (_, n) => {
    const it = story('gpu-1', `e${n}`)
    it.fault(n * 60)
    it.outcome(n * 60 + 1, 'done')
    return it.events.map((event) => ({ ...event, id: `kill-${n}-${event.id}` }))
  }).flat()
}

const now = (): number => day + 86_400_000

describe('incidents over a store', () => {
  it('lists newest first, by state, with a limit, and without timelines', async () => {
    const open = story('gpu-2')
    open.fault(10_000)
    const incidents = openIncidents({ now, history: memory([...kills(3), ...open.events]) })
    const { value, cut } = await incidents.list({ limit: 50 })
    expect(cut).toBe(false)
    expect(value.map((one) => one.engine)).toEqual(['default', 'e2', 'e1', 'e0'])
    expect(value[0]).not.toHaveProperty('timeline')
    expect((await incidents.list({ limit: 50, state: 'open' })).value.map((one) => one.host)).toEqual(['gpu-2'])
    expect((await incidents.list({ limit: 2, state: 'closed' })).value.map((one) => one.engine)).toEqual(['e2', 'e1'])
  })

  it('reads only what is new the second time, however many ask at once', async () => {
    const events = kills(40)
    const history = memory(events)
    const incidents = openIncidents({ now, history, limits: { ...defaultIncidentLimits, page: 16 } })
    await Promise.all(Array.from({ length: 5 }, () => incidents.list({ limit: 10 })))
    expect(history.given).toBe(80 + 3)
    const more = story('gpu-9')
    more.fault(9000)
    events.push(...more.events)
    expect((await incidents.list({ limit: 1 })).value[0]).toMatchObject({ host: 'gpu-9' })
    expect(history.given).toBe(80 + 3 + 1)
  })

  it('a reading that fails is told, and the next one goes on where the fold stands', async () => {
    const events = kills(2)
    const history = memory(events)
    const incidents = openIncidents({ now, history })
    history.failNext = true
    await expect(incidents.list({ limit: 10 })).rejects.toThrow('connection lost')
    expect((await incidents.list({ limit: 10 })).value).toHaveLength(2)
    history.failNext = true
    await expect(incidents.find('last')).rejects.toThrow('connection lost')
    expect((await incidents.list({ limit: 10 })).value.map((one) => one.counts.faults)).toEqual([1, 1])
  })

  it('a restarted server gives the same incidents under the same ids', async () => {
    const history = memory(kills(5))
    const [first, second] = [openIncidents({ now, history }), openIncidents({ now, history })]
    const before = (await first.list({ limit: 50 })).value
    expect(before).toHaveLength(5)
    expect((await second.list({ limit: 50 })).value).toEqual(before)
  })

  it.each([
    { name: 'more events than are read', limits: { events: 20 }, at: now, seen: 10 },
    { name: 'events older than are kept', limits: { keepMs: 86_400_000 }, at: () => now() + 30 * 60_000, seen: 10 },
  ])('says that it was cut: $name', async ({ limits, at, seen }) => {
    const incidents = openIncidents({
      now: at,
      history: memory(kills(40)),
      limits: { ...defaultIncidentLimits, ...limits },
    })
    const { value, cut } = await incidents.list({ limit: 50 })
    expect(cut).toBe(true)
    expect(value).toHaveLength(seen)
    expect(value[0]!.engine).toBe('e39')
  })

  it('finds by id, by an unambiguous beginning in any case, and the last one', async () => {
    const incidents = openIncidents({ now, history: memory(kills(40)) })
    const all = (await incidents.list({ limit: 50 })).value
    const last = all[0]!
    expect((await incidents.find('last')).value).toMatchObject({
      id: last.id,
      timeline: [{ kind: 'fault' }, { kind: 'outcome' }],
    })
    expect((await incidents.find(last.id.toUpperCase())).value).toMatchObject({ id: last.id })
    // The shortest beginning of it that no other has.
    const fits = (length: number): number => all.filter((one) => one.id.startsWith(last.id.slice(0, length))).length
    const length = [2, 3, 4, 5, 6, 7, 8].find((one) => fits(one) === 1)!
    expect((await incidents.find(last.id.slice(0, length))).value).toMatchObject({ id: last.id })
    const shared = all.find((one) => all.filter((other) => other.id.startsWith(one.id.slice(0, 2))).length > 1)!
    expect((await incidents.find(shared.id.slice(0, 2))).value).toBe('ambiguous')
    expect((await incidents.find('I')).value).toBe('not_found')
    expect((await incidents.find('Izz')).value).toBe('not_found')
    expect((await openIncidents({ now, history: memory([]) }).find('last')).value).toBe('not_found')
  })
})

describe('incidents over the real history', () => {
  it('an agent restart and a server restart in the middle give one incident, the same before and after', async () => {
    await using database = await testDatabase()
    const store = openEventStore(database.db, now)
    const it = story()
    it.fault(10)
    it.outcome(10.1, 'started')
    it.alert(11, 'firing')
    await store.append(it.events)
    const first = openIncidents({ now, history: store })
    expect((await first.list({ limit: 10 })).value).toMatchObject([{ closedAt: null, counts: { faults: 1 } }])

    // The agent is killed during the restart; its next life sends what it had not acknowledged once more.
    it.outcome(20, 'unknown', { reason: 'the agent ended between the start of this action and its end' })
    it.change(20.1)
    it.delivery(12)
    it.alert(25, 'resolved')
    await store.append(it.events)
    const second = openIncidents({ now, history: store })
    const [after] = (await second.list({ limit: 10 })).value
    expect(after).toMatchObject({
      closedAt: day + 25_000,
      counts: { faults: 1, alerts: 1, actions: 1, failed: 1, sent: 1 },
      times: { detectedAt: day + 10_000, verifiedAt: null, notifiedAt: day + 12_000, resolvedAt: day + 25_000 },
    })
    expect((await first.list({ limit: 10 })).value).toEqual([after])
    expect((await first.find('last')).value).toEqual((await second.find(after!.id)).value)
  })
})
