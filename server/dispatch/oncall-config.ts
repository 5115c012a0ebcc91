// Who is on call: people in turn, each for some days, with a time of the day when one hands over to the next, and exceptions by date.

import { z } from 'zod'
import { zoneNamed } from '../../core/rules/gotemplate/time-zone.ts'

const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, { error: 'write a date in quotes, such as "2026-01-05"' })
const isDate = (text: string): boolean => new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text) === true
const date = day.refine(isDate, { error: 'there is no such date' })
const moment = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2} (?:[01]\d|2[0-3]):[0-5]\d$/, { error: 'write a local time such as "2026-05-01 10:00"' })
  .refine((text) => isDate(text.slice(0, 10)), { error: 'there is no such date' })
const receiver = z.string().min(1).max(200)

export const onCallSchedule = z
  .object({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, { error: 'lower-case letters, digits and hyphens' }),
    time_zone: z.string().refine((name) => zoneNamed(name) !== undefined, {
      error: 'not a time zone: write a name such as Asia/Shanghai or UTC',
    }),
    /** Receivers of alertmanager_config, one for each person, in turn. */
    receivers: z.array(receiver).min(1).max(100),
    /** The day on which the first of them begins. */
    start: date,
    handover: z
      .string()
      .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, { error: 'write a time in quotes, such as "10:00"' })
      .default('10:00'),
    /** How many days each has. */
    days: z.number().int().min(1).max(366).default(7),
    /** The last one that holds decides. */
    overrides: z
      .array(
        z
          .object({ receiver, from: moment, until: moment })
          .strict()
          .refine(({ from, until }) => from < until, { error: 'until must be later than from' }),
      )
      .max(1000)
      .default([]),
  })
  .strict()
export type OnCallSchedule = z.infer<typeof onCallSchedule>
