// From sample to durable alert and over a restart in the middle: the rules, their runner and the alert store together, killed at every tick.

import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { openAlertStore } from '../../../server/alert/alert-store.ts'
import { openAlertTable } from '../../../server/db/alert-table.ts'
import { openEventStore } from '../../../server/db/event-store.ts'
import { openRuleRunner } from '../../../server/tsdb/rule-runner.ts'
import { at, groupsOf, openStore, type Store, start } from '../../core/rules/story.ts'
import { type TestDatabase, testDatabase } from '../../helpers/database.ts'

const rules = groupsOf(`
groups:
  - name: heat
    interval: 5s
    rules:
      - alert: Hot
        expr: temperature > 90
        for: 10s
        keep_firing_for: 10s
        annotations: { summary: "{{ $labels.host }} is hot" }
`)
/** Degrees at each tick of 5 s: hot from tick 1 to 5, then cold. */
const degrees = [80, 95, 95, 95, 95, 95, 70, 70, 70, 70]

/** One life of the server, from the given tick on; `until`: the tick after which it is killed. */
async function live(database: TestDatabase, samples: Store, from: number, until: number): Promise<readonly string[]> {
  const clock = virtualClock(start + from * 5000 - 1000)
  const told: string[] = []
  const alerts = openAlertStore({
    clock,
    log: silentLog,
    table: openAlertTable(database.db, () => clock.now()),
    externalUrl: '',
    random: Math.random,
  })
  await alerts.start(new AbortController().signal)
  alerts.subscribe((changed) => {
    for (const one of changed) told.push(`${one.endsAt === null ? 'firing' : 'resolved'}`)
  })
  const runner = openRuleRunner({ ...samples, clock, log: silentLog, ready: () => true })
  runner.subscribe((transitions, amendments) => alerts.apply(transitions, amendments))
  runner.load(rules, alerts.restored())
  runner.start()
  for (let tick = from; tick <= until; tick++) {
    samples.put(tick * 5 - 0.5, 'temperature', { host: 'h1' }, degrees[tick]!)
    await clock.advance(5000)
    await alerts.settled()
  }
  await runner.stop()
  await alerts.stop()
  return told
}
const history = async (database: TestDatabase) =>
  (await openEventStore(database.db, () => 0).read({ kinds: ['transition'] })).map(({ event }) =>
    event.kind === 'transition' ? `${event.state} ${(event.at - at(0)) / 1000}` : '',
  )

describe('a restart between any two evaluations', () => {
  it.each(
    degrees.slice(0, -1).map((_, tick) => tick),
  )('after tick %i repeats nothing and loses nothing', async (tick) => {
    await using database = await testDatabase()
    const samples = openStore()
    const before = await live(database, samples, 0, tick)
    const after = await live(database, samples, tick + 1, degrees.length - 1)
    expect(await history(database)).toEqual(['pending 5', 'firing 15', 'resolved 40'])
    expect([...before, ...after].filter((word, index, all) => word !== all[index - 1])).toEqual(['firing', 'resolved'])
    expect(await openEventStore(database.db, () => 0).verify()).toBeNull()
  })
})
