// Acknowledgements: one suite for the table and its double, what may be acknowledged, and stories about reminders, told as `when why +firing`.

import { describe, expect, it } from 'vitest'
import { openAckTable } from '../../../server/db/ack-table.ts'
import { type Ack, checkAck } from '../../../server/dispatch/ack.ts'
import type { AckTable } from '../../../server/dispatch/ack-table-port.ts'
import { testDatabase } from '../../helpers/database.ts'
import { memoryAckTable } from './memory-acks.ts'
import { alertOf, story } from './story.ts'

const ackOf = (fingerprint: string, more: Partial<Ack> = {}): Ack => ({
  fingerprint,
  owner: 'li',
  comment: 'on it',
  at: 1000,
  expiresAt: 5000,
  ...more,
})

const tables: readonly { name: string; open: () => Promise<{ table: AckTable } & AsyncDisposable> }[] = [
  { name: 'in memory', open: async () => ({ table: memoryAckTable(), async [Symbol.asyncDispose]() {} }) },
  {
    name: 'over PostgreSQL',
    open: async () => {
      const database = await testDatabase()
      return { table: openAckTable(database.db), [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
    },
  },
]

describe.each(tables)('the table of acknowledgements $name', ({ open }) => {
  it('keeps one for each alert, and drops those that expired long ago', async () => {
    await using one = await open()
    const { table } = one
    await table.save(ackOf('a'))
    await table.save(ackOf('b', { at: 2000, comment: '在处理' }))
    const again = ackOf('a', { owner: 'wang', at: 3000, expiresAt: 9000 })
    await table.save(again)
    expect(await table.load(0)).toEqual([ackOf('b', { at: 2000, comment: '在处理' }), again])
    expect(await table.load(5001)).toEqual([again])
    expect(await table.sweep(5001)).toBe(1)
    expect(await table.load(0)).toEqual([again])
  })
})

describe('an acknowledgement', () => {
  const firing = alertOf('a')
  it.each<[string, Partial<Ack>, string]>([
    ['nobody', { owner: '' }, 'the owner has 1 to 200 characters'],
    ['a long comment', { comment: 'x'.repeat(4001) }, 'more than 4000'],
    ['a NUL', { comment: 'x\u0000' }, 'NUL'],
    ['no time at all', { expiresAt: 1000 }, 'must expire later than now'],
    ['a year', { expiresAt: 365 * 86_400_000 }, 'within 30 days'],
  ])('by or for %s is refused', (_what, more, words) => {
    expect(() => checkAck(ackOf('a', more), firing)).toThrow(words)
  })

  it('of what does not fire is refused', () => {
    expect(() => checkAck(ackOf('a'), undefined)).toThrow('no alert a fires')
    expect(() => checkAck(ackOf('a'), { ...firing, endsAt: 900 })).toThrow('no alert a fires')
  })
})

const route = '{receiver: oncall, group_by: [cluster], group_wait: 0s, group_interval: 1m, repeat_interval: 10m}'

describe('an acknowledged alert', () => {
  it('is not repeated until the acknowledgement expires; then at once, and on', async () => {
    const one = story(route)
    one.collector()
    await one.start()
    one.fires('a')
    await one.after('5m')
    await one.acknowledge('a', '1h')
    await one.after('2h')
    expect(one.told().slice(0, 4)).toEqual(['00:00 first +a', '65:00 repeat +a', '75:00 repeat +a', '85:00 repeat +a'])
    one.resolves('a')
    await one.after('1m')
    expect(one.told().at(-1)).toBe('125:05 all_resolved -a')
  })

  it('has its end told, and does not keep others of its group quiet', async () => {
    const one = story(route)
    one.collector()
    await one.start()
    one.fires('a')
    await one.after('5m')
    await one.acknowledge('a', '3h')
    one.fires('b')
    await one.after('11m')
    await one.acknowledge('b', '3h')
    await one.after('1h')
    one.resolves('a')
    await one.after('5m')
    one.resolves('b')
    await one.after('5m')
    expect(one.told()).toEqual([
      '00:00 first +a',
      '06:00 new_firing +a +b',
      '16:00 repeat +a +b',
      '77:00 new_resolved +b -a',
      '81:05 all_resolved -b',
    ])
  })

  it('is not acknowledged in its next episode', async () => {
    const one = story(route)
    one.collector()
    await one.start()
    one.fires('a')
    await one.after('5m')
    await one.acknowledge('a', '3h')
    await one.after('5m')
    one.resolves('a')
    await one.after('5m')
    one.fires('a')
    await one.after('11m')
    expect(one.told().slice(2)).toEqual(['15:00 first +a', '25:00 repeat +a'])
  })

  it('stays so over a restart, and an expiry meanwhile is told after it', async () => {
    const one = story(route)
    one.collector()
    await one.start()
    one.fires('a')
    await one.after('1m')
    await one.acknowledge('a', '30m')
    one.kill()
    await one.start()
    await one.after('20m')
    expect(one.told()).toEqual(['00:00 first +a'])
    one.kill()
    await one.after('20m')
    await one.start()
    await one.after('1m')
    expect(one.told()).toEqual(['00:00 first +a', '41:00 repeat +a'])
  })

  it('that is given back is told again at once', async () => {
    const one = story(route)
    one.collector()
    await one.start()
    one.fires('a')
    await one.after('2m')
    await one.acknowledge('a', '3h')
    await one.after('3m')
    expect(one.acks.list().map((ack) => ack.owner)).toEqual(['li'])
    await one.acks.withdraw('a', 'wang')
    await one.after('1m')
    expect(one.told()).toEqual(['00:00 first +a', '05:00 repeat +a'])
    expect(one.acks.list()).toEqual([])
    await expect(one.acks.withdraw('a', 'wang')).rejects.toThrow('alert a is not acknowledged')
  })
})

describe('acknowledgements that are refused', () => {
  it('are counted, and change nothing', async () => {
    const one = story(route)
    one.collector()
    await one.start()
    one.fires('a')
    await one.after('1m')
    expect(one.acks.refused()).toBe(0)
    await expect(one.acknowledge('b', '1h')).rejects.toThrow('no alert b fires')
    await expect(one.acknowledge('a', '31d')).rejects.toThrow('within 30 days')
    expect([one.acks.refused(), one.acks.list()]).toEqual([2, []])
  })
})

describe('an alert that nobody acknowledges', () => {
  const escalation = `
escalations:
  - name: page
    matchers: ['severity="critical"']
    steps:
      - { after: 5m, receiver: team }
      - { after: 15m, receiver: other }
`
  const world = async () => {
    const one = story(route, { escalation })
    const oncall = one.collector()
    const team = one.collector('team/memory[0]')
    const other = one.collector('other/memory[0]')
    await one.start()
    return { one, oncall, team, other }
  }
  const critical = { severity: 'critical' }

  it('climbs, step by step, and its end is told to everybody who heard of it', async () => {
    const { one, oncall, team, other } = await world()
    one.fires('a', critical)
    one.fires('b', { severity: 'warning' })
    await one.after('4m')
    expect(one.told(team)).toEqual([])
    await one.after('3m')
    one.resolves('b')
    await one.after('10m')
    one.resolves('a')
    await one.after('2m')
    expect(one.told(team)).toEqual(['05:00 first +a', '15:00 repeat +a', '17:05 all_resolved -a'])
    expect(one.told(other)).toEqual(['15:00 first +a', '17:05 all_resolved -a'])
    expect(one.told(oncall).slice(0, 2)).toEqual(['00:00 first +a', '01:00 new_firing +a +b'])
  })

  it('climbs no further once somebody has it, and begins anew when that ends', async () => {
    const { one, oncall, team, other } = await world()
    one.fires('a', critical)
    await one.after('6m')
    await one.acknowledge('a', '30m')
    await one.after('34m')
    expect(one.told(oncall).slice(1)).toEqual(['36:00 repeat +a'])
    expect([one.told(team), one.told(other)]).toEqual([['05:00 first +a'], []])
    await one.after('12m')
    expect(one.told(team)).toEqual(['05:00 first +a', '41:00 repeat +a', '51:00 repeat +a'])
    expect(one.told(other)).toEqual(['51:00 first +a'])
  })

  it('does not climb while it is silenced; the wait begins when the silence ends', async () => {
    const { one, oncall, team } = await world()
    await one.silence('severity="critical"', '20m')
    one.fires('a', critical)
    await one.after('24m')
    expect([one.told(oncall), one.told(team)]).toEqual([['20:00 first +a'], []])
    await one.after('2m')
    expect(one.told(team)).toEqual(['25:00 first +a'])
  })

  it('climbs on after a restart as if there had been none', async () => {
    const { one, team, other } = await world()
    one.fires('a', critical)
    await one.after('6m')
    one.kill()
    await one.after('2m')
    await one.start()
    await one.after('8m')
    expect(one.told(team)).toEqual(['05:00 first +a', '15:00 repeat +a'])
    expect(one.told(other)).toEqual(['15:00 first +a'])
  })

  it('goes to whoever is on call, and to the next one after the handover', async () => {
    // The story begins on 2026-01-01 at 00:00 UTC, 08:00 in Shanghai.
    const one = story(route, {
      escalation: `
escalations:
  - { name: page, steps: [{ after: 10m, on_call: gpu }] }
on_call:
  - { name: gpu, time_zone: Asia/Shanghai, start: "2025-12-31", days: 1, handover: "08:30", receivers: [team, other] }
`,
    })
    one.collector()
    const team = one.collector('team/memory[0]')
    const other = one.collector('other/memory[0]')
    await one.start()
    one.fires('a')
    await one.after('45m')
    expect(one.told(team)).toEqual(['10:00 first +a', '20:00 repeat +a'])
    expect(one.told(other)[0]).toBe('30:00 first +a')
    one.resolves('a')
    await one.after('2m')
    expect(one.told(team).at(-1)).toBe('45:05 all_resolved -a')
    expect(one.told(other).at(-1)).toBe('45:05 all_resolved -a')
  })
})
