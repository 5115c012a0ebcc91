// `time_intervals` (and the older `mute_time_intervals`) of an Alertmanager configuration: named sets of spans of the calendar. Every list that
// is there narrows the span; one that is left out allows everything.

import { z } from 'zod'
import { zoneNamed } from '../../core/rules/gotemplate/time-zone.ts'
import { maybe, scalar } from './route-config.ts'

/** Both ends belong to it. */
export type Range = { readonly from: number; readonly to: number }

export type TimeInterval = {
  /** Minutes of the day, the last one not included. */
  readonly times: readonly Range[] | undefined
  /** 0 is Sunday. */
  readonly weekdays: readonly Range[] | undefined
  /** From 1; negative ones count from the end of the month, -1 is its last day. */
  readonly daysOfMonth: readonly Range[] | undefined
  readonly months: readonly Range[] | undefined
  readonly years: readonly Range[] | undefined
  readonly zone: string
}
export type NamedIntervals = { readonly name: string; readonly intervals: readonly TimeInterval[] }

const weekdayNames = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const monthNames = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
]
const whole = (text: string): number | undefined => (/^[+-]?\d{1,9}$/.test(text) ? Number(text) : undefined)
const named = (names: readonly string[], first: number, text: string): number | undefined => {
  const index = names.indexOf(text)
  return index < 0 ? undefined : index + first
}

/** `a` or `a:b`; `fault` gets the two ends and says what is wrong with them. */
const ranges = (
  what: string,
  read: (text: string) => number | undefined,
  fault: (from: number, to: number) => string | null,
) =>
  maybe(
    z
      .array(
        scalar.transform((given, context): Range => {
          const parts = given.toLowerCase().split(':')
          const [from, to] = [parts[0], parts.at(-1)].map((part) => read(part ?? ''))
          const message =
            parts.length > 2 || from === undefined || to === undefined
              ? `not ${what}: ${JSON.stringify(given)}`
              : fault(from, to)
          if (message === null) return { from: from!, to: to! }
          context.addIssue({ code: 'custom', message })
          return z.NEVER
        }),
      )
      .max(1000),
  )

const ordered = (from: number, to: number): string | null => (from > to ? 'the end lies before the start' : null)

/** Months have 28 days at least: what is the wrong way round there may still hold in longer ones. */
function dayFault(from: number, to: number): string | null {
  for (const day of [from, to])
    if (day === 0 || Math.abs(day) > 31) return `${day} is no day of a month: 1 to 31, or -1 (the last) to -31`
  if (from < 0 && to > 0) return 'the end must be negative when the start is'
  const at = (day: number): number => (day < 0 ? 28 + day : day)
  return at(from) > at(to) ? 'the end always lies before the start' : null
}

const clockTime = z.string({ error: 'write a time in quotes, such as "09:00"' }).transform((text, context): number => {
  const found = /^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/.exec(text)
  if (found !== null) return found[1] === undefined ? 1440 : Number(found[1]) * 60 + Number(found[2])
  context.addIssue({ code: 'custom', message: `not a time of the day: ${JSON.stringify(text)} (00:00 to 24:00)` })
  return z.NEVER
})

const timeRange = z
  .object({ start_time: clockTime, end_time: clockTime })
  .strict()
  .transform(({ start_time: from, end_time: to }, context): Range => {
    if (from < to) return { from, to }
    const message =
      'the end must be later than the start; a span over midnight is two, one up to 24:00 and one from 00:00'
    context.addIssue({ code: 'custom', path: ['end_time'], message })
    return z.NEVER
  })

const timeInterval = z
  .object({
    times: maybe(z.array(timeRange).max(1000)),
    weekdays: ranges('a weekday', (text) => named(weekdayNames, 0, text), ordered),
    days_of_month: ranges('a day of the month', whole, dayFault),
    months: ranges('a month', (text) => named(monthNames, 1, text) ?? whole(text), ordered),
    years: ranges('a year', whole, ordered),
    location: maybe(
      z.string().refine((name) => zoneNamed(name) !== undefined, {
        message: 'not a time zone: write a name such as Asia/Shanghai, Europe/Berlin or UTC',
      }),
    ),
  })
  .strict()
  .transform(
    (raw): TimeInterval => ({
      times: raw.times,
      weekdays: raw.weekdays,
      daysOfMonth: raw.days_of_month,
      months: raw.months,
      years: raw.years,
      zone: raw.location === 'Local' ? Intl.DateTimeFormat().resolvedOptions().timeZone : (raw.location ?? ''),
    }),
  )

export const timeIntervalsSchema = maybe(
  z
    .array(
      z
        .object({
          name: z.string({ error: 'a time interval needs a name' }).min(1, 'a time interval needs a name'),
          time_intervals: maybe(z.array(timeInterval).max(1000)),
        })
        .strict()
        .transform((raw): NamedIntervals => ({ name: raw.name, intervals: raw.time_intervals ?? [] })),
    )
    .max(1000),
).transform((list) => list ?? [])
