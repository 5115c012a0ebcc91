// Who is on call: turns, handovers in local time, days when clocks are set, exceptions; and which schedules are refused.

import { describe, expect, it } from 'vitest'
import { openEscalation } from '../../../server/dispatch/escalation.ts'
import { escalations, onCall } from '../../../server/dispatch/escalation-config.ts'
import { nextHandover, onCallAt } from '../../../server/dispatch/oncall.ts'
import { onCallSchedule } from '../../../server/dispatch/oncall-config.ts'

const week = {
  name: 'gpu',
  time_zone: 'Asia/Shanghai',
  receivers: ['li', 'wang', 'chen'],
  start: '2026-01-05',
  handover: '10:00',
}
const schedule = (more: object = {}) => onCallSchedule.parse({ ...week, ...more })
const utc = (text: string): number => Date.parse(`${text}Z`)

describe('who is on call', () => {
  it.each([
    ['before the start', '2025-11-01T00:00', 'li'],
    ['at the start', '2026-01-05T02:00', 'li'],
    ['a minute before the handover', '2026-01-12T01:59', 'li'],
    ['at the handover', '2026-01-12T02:00', 'wang'],
    ['two weeks on', '2026-01-19T02:00', 'chen'],
    ['after a round', '2026-01-26T02:00', 'li'],
    ['years on', '2029-01-01T02:00', 'li'],
  ])('%s', (_when, at, receiver) => {
    expect(onCallAt(schedule(), utc(at))).toBe(receiver)
  })

  it('changes at the same time on the wall when the clocks are set', () => {
    // Berlin sets its clocks forward on 2026-03-29 at 01:00 UTC, back on 2026-10-25 at 01:00 UTC.
    const daily = (start: string) => schedule({ time_zone: 'Europe/Berlin', start, days: 1, receivers: ['li', 'wang'] })
    const spring = daily('2026-03-28')
    expect(onCallAt(spring, utc('2026-03-28T09:00'))).toBe('li')
    expect(onCallAt(spring, utc('2026-03-29T07:59'))).toBe('li')
    expect(onCallAt(spring, utc('2026-03-29T08:00'))).toBe('wang')
    expect(nextHandover(spring, utc('2026-03-28T12:00'))).toEqual({ at: utc('2026-03-29T08:00'), receiver: 'wang' })
    const autumn = daily('2026-10-24')
    expect(nextHandover(autumn, utc('2026-10-24T12:00'))).toEqual({ at: utc('2026-10-25T09:00'), receiver: 'wang' })
  })

  it('is somebody else for the time of an override, the last one first', () => {
    const overrides = [
      { receiver: 'wang', from: '2026-01-06 00:00', until: '2026-01-08 00:00' },
      { receiver: 'zhao', from: '2026-01-07 00:00', until: '2026-01-07 12:00' },
    ]
    const one = schedule({ overrides })
    expect(onCallAt(one, utc('2026-01-05T15:59'))).toBe('li')
    expect(onCallAt(one, utc('2026-01-05T16:00'))).toBe('wang')
    expect(onCallAt(one, utc('2026-01-06T16:00'))).toBe('zhao')
    expect(onCallAt(one, utc('2026-01-07T16:00'))).toBe('li')
    expect(nextHandover(one, utc('2026-01-05T03:00'))).toEqual({ at: utc('2026-01-05T16:00'), receiver: 'wang' })
  })

  it('never changes where there is one person', () => {
    expect(nextHandover(schedule({ receivers: ['li'] }), utc('2026-01-05T03:00'))).toBeNull()
  })

  it('agrees, over a year of hours, with counting the handovers one by one', () => {
    const one = schedule({ time_zone: 'America/New_York', days: 3, handover: '02:30' })
    let at = utc('2026-01-05T12:00')
    let next = nextHandover(one, at)!
    let changes = 0
    for (; at < utc('2027-01-05T12:00'); at += 3_600_000) {
      const before = onCallAt(one, at - 3_600_000)
      if (next.at <= at) {
        expect(onCallAt(one, at)).toBe(next.receiver)
        expect(onCallAt(one, next.at - 1)).not.toBe(next.receiver)
        next = nextHandover(one, at)!
        changes++
      } else expect(onCallAt(one, at)).toBe(before)
    }
    expect(changes).toBe(121)
  })
})

describe('schedules and escalations', () => {
  it.each([
    ['an unknown zone', { time_zone: 'Asia/Peking2' }, 'not a time zone'],
    ['a day that is not there', { start: '2026-02-30' }, 'there is no such date'],
    ['an hour that is not there', { handover: '25:00' }, 'write a time in quotes'],
    ['nobody', { receivers: [] }, 'receivers'],
    [
      'an override that ends first',
      { overrides: [{ receiver: 'li', from: '2026-01-08 00:00', until: '2026-01-07 00:00' }] },
      'until must be later',
    ],
  ])('are refused with %s', (_what, more, words) => {
    const { success, error } = onCall.safeParse([{ ...week, ...more }])
    expect(success).toBe(false)
    expect(JSON.stringify(error!.issues)).toContain(words)
  })

  it('are refused for matchers that cannot be read, steps too late, and names used twice', () => {
    const page = { name: 'page', steps: [{ after: '5m', receiver: 'li' }] }
    expect(JSON.stringify(escalations.safeParse([{ ...page, matchers: ['a=~"("'] }]).error!.issues)).toContain(
      'matchers',
    )
    expect(JSON.stringify(escalations.safeParse([page, page]).error!.issues)).toContain('used twice')
    const late = { ...page, steps: [{ after: '8d', receiver: 'li' }] }
    expect(JSON.stringify(escalations.safeParse([late]).error!.issues)).toContain('at most 7d')
  })

  it('are refused for receivers without a channel and schedules that are not there, all at once', () => {
    const configs = escalations.parse([
      {
        name: 'page',
        steps: [
          { after: '1m', receiver: 'none' },
          { after: '2m', on_call: 'night' },
        ],
      },
    ])
    expect(() => openEscalation(configs, [schedule()], new Set(['li', 'wang']))).toThrow(
      [
        'escalations "page", steps[0]: receiver "none" does not exist or has no channel',
        'escalations "page", steps[1]: there is no on_call schedule "night"',
        'on_call "gpu": receiver "chen" does not exist or has no channel',
      ].join('\n'),
    )
  })
})
