// Who is on call at a moment, and until when. Pure. All in local time of the schedule: a handover at 10:00 is at 10:00 on the wall, also on the
// day when the clocks are set.

import type { OnCallSchedule } from './oncall-config.ts'
import { offsetMs } from './time-interval.ts'

const dayMs = 86_400_000

/** Local time as if it were UTC. */
const localOf = (zone: string, at: number): number => at + offsetMs(zone, at)
/** The moment of a local time; of one that the clock skips, the moment as far behind the jump. */
function momentOf(zone: string, local: number): number {
  const first = local - offsetMs(zone, local - dayMs)
  return localOf(zone, first) === local ? first : local - offsetMs(zone, first)
}
const localText = (text: string): number => Date.parse(`${text.replace(' ', 'T')}:00Z`)

/** The receiver of whoever is on call. Before `start` it is the first. */
export function onCallAt(schedule: OnCallSchedule, at: number): string {
  const local = localOf(schedule.time_zone, at)
  const override = schedule.overrides.findLast(
    ({ from, until }) => local >= localText(from) && local < localText(until),
  )
  return override === undefined ? inTurn(schedule, local) : override.receiver
}

function inTurn(schedule: OnCallSchedule, local: number): string {
  const turn = Math.floor((local - firstHandover(schedule)) / (schedule.days * dayMs))
  return schedule.receivers[Math.max(0, turn) % schedule.receivers.length]!
}

const firstHandover = ({ start, handover }: OnCallSchedule): number => localText(`${start} ${handover}`)

/** The first moment after `at` when somebody else is on call; null: nobody else within two rounds and all overrides. */
export function nextHandover(
  schedule: OnCallSchedule,
  at: number,
): { readonly at: number; readonly receiver: string } | null {
  const zone = schedule.time_zone
  const local = localOf(zone, at)
  const stepMs = schedule.days * dayMs
  const first = firstHandover(schedule)
  const turn = Math.max(-1, Math.floor((local - first) / stepMs))
  const moments = [
    ...Array.from({ length: 2 * schedule.receivers.length + 1 }, (_, index) => first + (turn + 1 + index) * stepMs),
    ...schedule.overrides.flatMap(({ from, until }) => [localText(from), localText(until)]),
  ]
    .map((one) => momentOf(zone, one))
    .filter((one) => one > at)
    .sort((a, b) => a - b)
  const now = onCallAt(schedule, at)
  for (const moment of moments) {
    const receiver = onCallAt(schedule, moment)
    if (receiver !== now) return { at: moment, receiver }
  }
  return null
}

/** Everybody who may ever be asked. */
export function receiversOf(schedule: OnCallSchedule): ReadonlySet<string> {
  return new Set([...schedule.receivers, ...schedule.overrides.map(({ receiver }) => receiver)])
}
