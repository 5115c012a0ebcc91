// Alerts come and go at random, channels fail at random, and the server is killed at random points. Whatever happens, people are told of every
// episode that lasted, once, and of its end, once.

import { describe, expect, it } from 'vitest'
import type { Notification } from '../../../server/dispatch/notification.ts'
import { random } from '../../helpers/random.ts'
import { type Collector, ok, type Point, refuses, story } from './story.ts'

const seed = Number(process.env.INFERWARD_SEED ?? Date.now() % 1_000_000)
const schedules = Number(process.env.INFERWARD_SCHEDULES ?? 25)
const groupWaitMs = 20_000
const groupIntervalMs = 60_000
const route = `{receiver: oncall, group_by: [cluster], group_wait: 20s, group_interval: 1m, repeat_interval: 10m}`
const points: readonly Point[] = [
  'before:flush',
  'after:flush',
  'before:take',
  'after:take',
  'before:send',
  'after:send',
  'before:settle',
  'after:settle',
]

type Episode = { readonly name: string; readonly from: number; readonly to: number }

/** Messages in the order in which a receiver that knows ids saw them. */
function seen(to: Collector): readonly Notification[] {
  const ids = new Set<string>()
  return to.received.flatMap(({ notification }) => {
    if (ids.has(notification.id)) return []
    ids.add(notification.id)
    return [notification]
  })
}

/** What a receiver was told of one alert, each change once: `+-+-`. */
function changes(messages: readonly Notification[], name: string): string {
  let out = ''
  for (const message of messages) {
    for (const alert of message.alerts) {
      if (alert.fingerprint !== name) continue
      const now = alert.endsAt === null ? '+' : '-'
      if (now === '-' || !out.endsWith('+')) out += now
    }
  }
  return out
}

async function run(scheduleSeed: number): Promise<void> {
  const chance = random(scheduleSeed)
  const s = story(route)
  const collectors = [s.collector('oncall/m[0]'), s.collector('oncall/m[1]')]
  // The second channel fails now and then; in the end both work.
  let quiet = false
  collectors[1]!.answer = () => (!quiet && chance.uniform() < 0.3 ? refuses('http_5xx') : ok)
  const names = ['a', 'b', 'c', 'd', 'e']
  const since = new Map<string, number>()
  const episodes: Episode[] = []
  await s.start()

  const end = (name: string): void => {
    episodes.push({ name, from: since.get(name)!, to: s.clock.now() })
    since.delete(name)
    s.resolves(name)
  }
  for (let step = 0; step < 120; step++) {
    const what = chance.uniform()
    if (!s.alive) await s.start()
    if (what < 0.55) {
      const name = chance.pick(names)
      if (since.has(name)) end(name)
      else {
        since.set(name, s.clock.now())
        s.fires(name, { cluster: name < 'd' ? 'x' : 'y' })
      }
    } else if (what < 0.7) await s.start({ point: chance.pick(points), nth: chance.integer(1, 4) })
    else if (what < 0.75) s.kill()
    await s.clock.advance(chance.integer(0, 40_000))
  }
  quiet = true
  await s.start()
  await s.after('20m')
  for (const name of [...since.keys()]) end(name)
  await s.after('20m')

  expect([...(await s.outbox.waiting())]).toEqual([])
  for (const to of collectors) {
    const messages = seen(to)
    const byId = new Map(to.received.map((one) => [one.notification.id, JSON.stringify(one.notification)]))
    for (const { notification } of to.received) expect(JSON.stringify(notification)).toBe(byId.get(notification.id))
    for (const name of names) {
      const told = changes(messages, name)
      // Told, ended, told, ended: never an end without a beginning, never an end twice, never a beginning left open.
      expect(told, `alert ${name} of ${to.channel.name}`).toMatch(/^(?:\+-)*$/)
    }
    // An episode that outlives every wait is told while it lasts; a channel that fails may take a minute more.
    const patience = groupWaitMs + groupIntervalMs + 60_000
    for (const episode of episodes.filter((one) => one.to - one.from > patience)) {
      const told = messages.some(
        (message) =>
          message.at <= episode.to &&
          message.alerts.some(
            (alert) => alert.fingerprint === episode.name && alert.endsAt === null && alert.startsAt === episode.from,
          ),
      )
      const merged = episodes.some(
        (one) => one.name === episode.name && one.to <= episode.from && episode.from - one.to < patience,
      )
      expect(told || merged, `episode of ${episode.name} from ${episode.from} to ${episode.to}`).toBe(true)
    }
  }
}

describe('random schedules', () => {
  it(`tell every lasting episode and its end, each once (seed ${seed})`, async () => {
    for (let n = 0; n < schedules; n++) {
      try {
        await run(seed + n)
      } catch (error) {
        throw new Error(`INFERWARD_SEED=${seed + n} shows it`, { cause: error })
      }
    }
  }, 600_000)
})
