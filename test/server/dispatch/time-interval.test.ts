// Time intervals: which moments lie in one, in which zone, over every change of the clock; and when a silent route speaks again, against a look
// at every minute.

import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { contains, mutedBy, speaksAgain } from '../../../server/dispatch/time-interval.ts'
import { type NamedIntervals, timeIntervalsSchema } from '../../../server/dispatch/time-interval-config.ts'
import { random } from '../../helpers/random.ts'
import { story } from './story.ts'

const named = (interval: string, name = 'i'): NamedIntervals =>
  timeIntervalsSchema.parse(parse(`[{ name: ${name}, time_intervals: [${interval}] }]`))[0]!
const holds = (interval: string, at: string): boolean => contains(named(interval).intervals[0]!, Date.parse(at))

describe('a time interval', () => {
  // 2026-01-01 is a Thursday.
  it.each([
    ['{}', '2026-01-01T00:00:00Z', true],
    ['{ times: [{ start_time: "09:00", end_time: "17:00" }] }', '2026-01-01T08:59:59Z', false],
    ['{ times: [{ start_time: "09:00", end_time: "17:00" }] }', '2026-01-01T09:00:00Z', true],
    ['{ times: [{ start_time: "09:00", end_time: "17:00" }] }', '2026-01-01T17:00:00Z', false],
    [
      '{ times: [{ start_time: "22:00", end_time: "24:00" }, { start_time: "00:00", end_time: "06:00" }] }',
      '2026-01-01T23:59:59Z',
      true,
    ],
    [
      '{ times: [{ start_time: "22:00", end_time: "24:00" }, { start_time: "00:00", end_time: "06:00" }] }',
      '2026-01-01T06:00:00Z',
      false,
    ],
    ['{ weekdays: [saturday, "monday:wednesday"] }', '2026-01-01T00:00:00Z', false],
    ['{ weekdays: ["Monday:Friday"] }', '2026-01-01T00:00:00Z', true],
    ['{ weekdays: [sunday] }', '2026-01-04T23:59:00Z', true],
    ['{ days_of_month: [1] }', '2026-01-01T12:00:00Z', true],
    ['{ days_of_month: ["2:5"] }', '2026-01-01T12:00:00Z', false],
    ['{ days_of_month: ["-1"] }', '2026-02-28T12:00:00Z', true],
    ['{ days_of_month: ["-1"] }', '2028-02-28T12:00:00Z', false],
    ['{ days_of_month: ["-3:-1"] }', '2026-04-28T12:00:00Z', true],
    ['{ days_of_month: ["-3:-1"] }', '2026-04-27T12:00:00Z', false],
    ['{ days_of_month: ["29:31"] }', '2026-02-28T12:00:00Z', false],
    ['{ days_of_month: ["15:-1"] }', '2026-02-14T12:00:00Z', false],
    ['{ days_of_month: ["15:-1"] }', '2026-02-28T12:00:00Z', true],
    ['{ months: ["june:august", 12] }', '2026-12-31T00:00:00Z', true],
    ['{ months: ["6:8"] }', '2026-09-01T00:00:00Z', false],
    ['{ years: ["2020:2025"] }', '2026-01-01T00:00:00Z', false],
    ['{ years: [2026] }', '2026-01-01T00:00:00Z', true],
    ['{ weekdays: [friday], location: Asia/Shanghai }', '2026-01-01T16:00:00Z', true],
    ['{ weekdays: [friday], location: Asia/Shanghai }', '2026-01-01T15:59:59Z', false],
    ['{ days_of_month: [31], location: America/New_York }', '2026-01-01T04:59:00Z', true],
    // Winter is UTC+1, summer UTC+2: nine in the morning moves with the clock.
    ['{ times: [{ start_time: "09:00", end_time: "10:00" }], location: Europe/Berlin }', '2026-03-28T08:00:00Z', true],
    ['{ times: [{ start_time: "09:00", end_time: "10:00" }], location: Europe/Berlin }', '2026-03-29T08:00:00Z', false],
    ['{ times: [{ start_time: "09:00", end_time: "10:00" }], location: Europe/Berlin }', '2026-03-29T07:00:00Z', true],
    // The hour that comes twice in autumn holds twice.
    ['{ times: [{ start_time: "02:00", end_time: "03:00" }], location: Europe/Berlin }', '2026-10-25T00:30:00Z', true],
    ['{ times: [{ start_time: "02:00", end_time: "03:00" }], location: Europe/Berlin }', '2026-10-25T01:30:00Z', true],
  ])('%s at %s: %s', (interval, at, inside) => {
    expect(holds(interval, at)).toBe(inside)
  })

  it.each([
    ['{ times: [{ start_time: "22:00", end_time: "06:00" }] }', 'a span over midnight is two'],
    ['{ times: [{ start_time: "9:00", end_time: "10:00" }] }', 'not a time of the day'],
    ['{ times: [{ start_time: "24:01", end_time: "24:00" }] }', 'not a time of the day'],
    ['{ times: [{ start_time: 540, end_time: "10:00" }] }', 'write a time in quotes'],
    ['{ weekdays: [caturday] }', 'not a weekday'],
    ['{ weekdays: ["friday:monday"] }', 'the end lies before the start'],
    ['{ weekdays: ["monday:tuesday:friday"] }', 'not a weekday'],
    ['{ days_of_month: [0] }', '0 is no day of a month'],
    ['{ days_of_month: ["-32"] }', '-32 is no day of a month'],
    ['{ days_of_month: ["-1:1"] }', 'the end must be negative when the start is'],
    ['{ days_of_month: ["5:-25"] }', 'the end always lies before the start'],
    ['{ months: ["august:june"] }', 'the end lies before the start'],
    ['{ months: [juni] }', 'not a month'],
    ['{ years: [x] }', 'not a year'],
    ['{ location: Mars/Base }', 'not a time zone'],
    ['{ day: [1] }', 'Unrecognized key'],
  ])('%s is refused: %s', (interval, words) => {
    expect(() => named(interval)).toThrow(words)
  })
})

describe('the end of a silent time', () => {
  it('is the first minute in which the route may speak, whatever the intervals are, by seed', () => {
    const seed = 77
    const draw = random(seed)
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe']
    const clock = (minute: number): string =>
      `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
    const interval = (): string => {
      const from = draw.integer(0, 47) * 30
      const to = Math.min(1440, from + draw.integer(1, 30) * 30)
      const parts = [
        `times: [{ start_time: "${clock(from)}", end_time: "${clock(to)}" }]`,
        `location: ${draw.pick(zones)}`,
      ]
      if (draw.uniform() < 0.5)
        parts.push(
          `weekdays: [${draw.pick(['sunday', 'monday:friday', 'saturday'])}]`.replace(
            'monday:friday',
            '"monday:friday"',
          ),
        )
      return `{ ${parts.join(', ')} }`
    }
    let waits = 0
    for (let round = 0; round < 60; round++) {
      const times = {
        mute: draw.uniform() < 0.7 ? [named(`${interval()}, ${interval()}`, 'mute')] : [],
        active: draw.uniform() < 0.7 ? [named(`${interval()}, ${interval()}`, 'active')] : [],
      }
      // Around the days on which Berlin, New York and Lord Howe set their clocks.
      const day = draw.pick(['2026-03-07', '2026-03-28', '2026-04-04', '2026-10-24', '2026-10-31', '2026-06-10'])
      const at = Date.parse(`${day}T00:00:00Z`) + draw.integer(0, 2 * 1440) * 60_000
      if (mutedBy(times, at) === null) continue
      waits++
      let minute = at
      while (mutedBy(times, minute) !== null && minute < at + 8 * 86_400_000) minute += 60_000
      const said = speaksAgain(times, at)
      if (minute < at + 8 * 86_400_000)
        expect([seed, round, new Date(said).toISOString()]).toEqual([seed, round, new Date(minute).toISOString()])
      else expect(said).toBeGreaterThanOrEqual(minute)
    }
    expect(waits).toBeGreaterThan(20)
  })

  it('that never comes is looked for again later', () => {
    const at = Date.parse('2026-01-01T00:00:00Z')
    const times = { mute: [named('{}')], active: [] }
    expect(speaksAgain(times, at)).toBe(at + 35 * 86_400_000)
  })
})

describe('a route with times', () => {
  // The story begins on 2026-01-01 at 00:00 UTC.
  const intervals = `
    - { name: first-hour, time_intervals: [{ times: [{ start_time: "00:00", end_time: "01:00" }] }] }
    - { name: second-hour, time_intervals: [{ times: [{ start_time: "01:00", end_time: "02:00" }] }] }`
  const route = (times: string) => `
    receiver: default
    routes: [{ receiver: oncall, group_wait: 10s, group_interval: 40m, repeat_interval: 12h, ${times} }]`
  const staged = (times: string) => {
    const s = story(route(times), { intervals })
    s.collector()
    return s
  }

  it.each([
    'mute_time_intervals: [first-hour]',
    'active_time_intervals: [second-hour]',
  ])('%s tells at the end of the silent time what fires still, not at an interval after it', async (times) => {
    const s = staged(times)
    const dispatch = await s.start()
    s.fires('a')
    s.fires('short')
    await s.after('30m')
    s.resolves('short')
    expect(dispatch.explain({ alertname: 'a' }).targets[0]).toMatchObject({
      muted: { until: Date.UTC(2026, 0, 1, 1), reason: times.startsWith('mute') ? 'mute_time' : 'inactive_time' },
    })
    await s.after('29m')
    expect(s.told()).toEqual([])
    await s.after('1m')
    expect(s.told()).toEqual(['60:00 first +a'])
    expect(dispatch.explain({ alertname: 'a' }).targets[0]!.muted).toBeNull()
  })

  it('tells after the silent time that what people knew of has ended in it', async () => {
    const s = staged('mute_time_intervals: [second-hour]')
    await s.start()
    s.fires('a')
    await s.after('61m')
    s.resolves('a')
    await s.after('58m')
    expect(s.told()).toEqual(['00:10 first +a'])
    await s.after('1m')
    expect(s.told().slice(1)).toEqual(['120:00 all_resolved -a'])
  })

  it('is as silent after a restart, and tells once', async () => {
    const s = staged('mute_time_intervals: [first-hour]')
    await s.start()
    s.fires('a')
    await s.after('20m')
    await s.start()
    await s.after('39m')
    expect(s.told()).toEqual([])
    await s.start()
    await s.after('10m')
    expect(s.told()).toEqual(['60:00 first +a'])
  })

  it('does not lend its times to its children', async () => {
    const s = story(
      `{ receiver: default, routes: [{ receiver: team, mute_time_intervals: [first-hour], group_wait: 0s, routes: [{ receiver: oncall }] }] }`,
      { intervals },
    )
    s.collector()
    await s.start()
    s.fires('a')
    await s.after('1m')
    expect(s.told()).toEqual(['00:00 first +a'])
  })
})
