// Does a moment lie in a time interval, and when does a route that is silent now speak again. Pure. Days and minutes are those of the interval's
// own zone: where a clock is set forward or back, the local time decides, as people read it.

import { daysOfMonth, zoneNamed } from '../../core/rules/gotemplate/time-zone.ts'
import type { NamedIntervals, Range, TimeInterval } from './time-interval-config.ts'

const minuteMs = 60_000
const dayMs = 86_400_000
/** Zones change their offset at quarters of an hour. */
const slotMs = 15 * minuteMs
/** How far the end of a silence is looked for; one that is further away is looked for again from there. */
const horizonDays = 35
const spanDays = 5

const offsets = new Map<string, Map<number, number>>()

/** Milliseconds that local time of the zone is ahead of UTC. */
export function offsetMs(zone: string, at: number): number {
  if (zone === '' || zone === 'UTC') return 0
  const known = offsets.get(zone) ?? new Map<number, number>()
  offsets.set(zone, known)
  const slot = Math.floor(at / slotMs)
  let offset = known.get(slot)
  if (offset === undefined) {
    if (known.size > 10_000) known.clear()
    offset = (zoneNamed(zone)?.offsetAt((slot * slotMs) / 1000).seconds ?? 0) * 1000
    known.set(slot, offset)
  }
  return offset
}

export function contains(interval: TimeInterval, at: number): boolean {
  const local = at + offsetMs(interval.zone, at)
  const date = new Date(local)
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]
  const minute = date.getUTCHours() * 60 + date.getUTCMinutes()
  const inside = (list: readonly Range[] | undefined, value: number): boolean =>
    list === undefined || list.some(({ from, to }) => value >= from && value <= to)
  if (interval.times?.some(({ from, to }) => minute >= from && minute < to) === false) return false
  if (interval.daysOfMonth !== undefined) {
    const last = daysOfMonth(year, month)
    const on = (one: number): number => (one < 0 ? last + one + 1 : one)
    if (!interval.daysOfMonth.some(({ from, to }) => day >= on(from) && day <= on(to))) return false
  }
  return inside(interval.months, month) && inside(interval.weekdays, date.getUTCDay()) && inside(interval.years, year)
}

export type RouteTimes = {
  /** Silent while one of these holds … */
  readonly mute: readonly NamedIntervals[]
  /** … and while none of these does; an empty list is always. */
  readonly active: readonly NamedIntervals[]
}

export type Muted = {
  /** Names of the intervals that keep the route silent: those that hold, else the active ones of which none does. */
  readonly by: readonly string[]
  readonly reason: 'mute_time' | 'inactive_time'
}

export function mutedBy({ mute, active }: RouteTimes, at: number): Muted | null {
  const holds = ({ intervals }: NamedIntervals): boolean => intervals.some((one) => contains(one, at))
  if (active.length > 0 && !active.some(holds)) return { by: active.map(({ name }) => name), reason: 'inactive_time' }
  const by = mute.filter(holds).map(({ name }) => name)
  return by.length > 0 ? { by, reason: 'mute_time' } : null
}

/** The first moment after `at` when the route is not silent; when there is none within the horizon, a moment to look again. */
export function speaksAgain(times: RouteTimes, at: number): number {
  const all = [...times.mute, ...times.active].flatMap(({ intervals }) => intervals)
  const zones = new Set(all.map(({ zone }) => zone))
  const minutes = new Set([0, ...all.flatMap((one) => (one.times ?? []).flatMap(({ from, to }) => [from, to % 1440]))])
  // Days of different zones overlap: of each span all moments are looked at in their order, those of the days beside it included.
  for (let start = 0; start < horizonDays; start += spanDays) {
    const moments = new Set<number>()
    for (const zone of zones) {
      const today = Math.floor((at + offsetMs(zone, at)) / dayMs)
      for (let day = start - 2; day <= start + spanDays + 2; day++) {
        for (const minute of minutes) {
          const local = (today + day) * dayMs + minute * minuteMs
          // On a day when the clock is set, a local time has two moments, or none: both guesses are looked at.
          moments.add(local - offsetMs(zone, local - dayMs)).add(local - offsetMs(zone, local + dayMs))
        }
      }
    }
    const within = [...moments].filter((one) => one > at + start * dayMs && one <= at + (start + spanDays) * dayMs)
    for (const moment of within.sort((a, b) => a - b)) if (mutedBy(times, moment) === null) return moment
  }
  return at + horizonDays * dayMs
}
