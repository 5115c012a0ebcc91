// One suite for the seam of the outbox: the double in memory and the one over PostgreSQL must not differ in anything dispatch can see.

import { describe, expect, it } from 'vitest'
import { openOutbox } from '../../../server/db/outbox.ts'
import type { Notification } from '../../../server/dispatch/notification.ts'
import type { FlushWrite, LogEntry, Outbox } from '../../../server/dispatch/outbox-port.ts'
import { testDatabase } from '../../helpers/database.ts'
import { memoryOutbox } from './memory-outbox.ts'
import { alertOf } from './story.ts'

const told = (firing: readonly string[], at: number): LogEntry => ({ firing, toldAt: at, firingAt: at })

function notification(id: string, more: Partial<Notification> = {}): Notification {
  return {
    id,
    receiver: 'oncall',
    groupKey: 'g',
    reason: 'first',
    status: 'firing',
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    alerts: [alertOf('a')],
    truncated: 0,
    externalUrl: 'http://x',
    at: 1000,
    ...more,
  }
}

const resolved = (id: string, name = 'a'): Notification =>
  notification(id, { reason: 'all_resolved', status: 'resolved', alerts: [alertOf(name, { endsAt: 900 })] })

const write = (channel: string, message: Notification | null, more: Partial<FlushWrite> = {}): FlushWrite => ({
  channel,
  entry: told(['a'], 1000),
  notification: message,
  critical: false,
  ...more,
})

async function flush(outbox: Outbox, group: string, at: number, ...writes: readonly FlushWrite[]): Promise<number[]> {
  const channels = writes.map((one) => one.channel)
  return [...(await outbox.flush(group, channels, at, () => writes)).values()]
}

async function known(outbox: Outbox, group: string, channels: readonly string[]): Promise<Record<string, LogEntry>> {
  let seen: Record<string, LogEntry> = {}
  await outbox.flush(group, channels, 0, (log) => {
    seen = Object.fromEntries(log)
    return []
  })
  return seen
}

const takenId = async (outbox: Outbox, channel: string, now: number): Promise<string | null> =>
  (await outbox.take(channel, now)).row?.id ?? null

const sent = { state: 'sent', at: 2000, reply: 'ok' } as const

type Case = { readonly name: string; readonly open: () => Promise<{ outbox: Outbox } & AsyncDisposable> }

const cases: readonly Case[] = [
  { name: 'in memory', open: async () => ({ outbox: memoryOutbox(), async [Symbol.asyncDispose]() {} }) },
  {
    name: 'over PostgreSQL',
    open: async () => {
      const database = await testDatabase()
      return { outbox: openOutbox(database.db), [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
    },
  },
]

describe.each(cases)('the outbox $name', ({ open }) => {
  it('remembers what each channel was told of each group', async () => {
    await using one = await open()
    const { outbox } = one
    expect(await known(outbox, 'g', ['x', 'y'])).toEqual({})
    await flush(outbox, 'g', 1000, write('x', null), write('y', notification('1'), { entry: told(['a', 'b'], 1000) }))
    await flush(outbox, 'h', 1000, write('x', null, { entry: told(['c'], 1000) }))
    expect(await known(outbox, 'g', ['x', 'y'])).toEqual({ x: told(['a'], 1000), y: told(['a', 'b'], 1000) })
    expect(await known(outbox, 'g', ['y'])).toEqual({ y: told(['a', 'b'], 1000) })
    await flush(outbox, 'g', 2000, write('x', null, { entry: { firing: [], toldAt: 2000, firingAt: 1000 } }))
    expect(await known(outbox, 'g', ['x'])).toEqual({ x: { firing: [], toldAt: 2000, firingAt: 1000 } })
  })

  it('writes all of a flush or nothing', async () => {
    await using one = await open()
    const { outbox } = one
    const attempt = outbox.flush('g', ['x'], 1000, () => {
      throw new Error('no')
    })
    await expect(attempt).rejects.toThrow('no')
    expect(await known(outbox, 'g', ['x'])).toEqual({})
    expect(await outbox.list(10)).toEqual([])
  })

  it('gives messages in order, each once, and counts attempts', async () => {
    await using one = await open()
    const { outbox } = one
    expect(await flush(outbox, 'g', 1000, write('x', notification('1')), write('y', notification('2')))).toEqual([1, 1])
    expect(await flush(outbox, 'h', 1001, write('x', notification('3')))).toEqual([1])
    expect([...(await outbox.waiting())].sort()).toEqual([
      ['x', 2],
      ['y', 1],
    ])
    const first = await outbox.take('x', 1001)
    expect(first.row).toMatchObject({ id: '1', attempt: 1, state: 'due', notification: notification('1') })
    expect(await takenId(outbox, 'x', 1001)).toBe('3')
    expect(await outbox.take('x', 1001)).toEqual({ row: null, nextAt: null })
    await outbox.settle('1', sent)
    expect([...(await outbox.waiting())].sort()).toEqual([
      ['x', 1],
      ['y', 1],
    ])
    const rows = await outbox.list(10)
    expect(rows.find((row) => row.id === '1')).toMatchObject({ state: 'sent', reply: 'ok', attempt: 1, code: '' })
  })

  it('tells what each channel owes: since when something waits, and what was given up lately', async () => {
    await using one = await open()
    const { outbox } = one
    expect(await outbox.undelivered(0)).toEqual([])
    await flush(outbox, 'g', 1000, write('x', notification('1')), write('y', notification('2')))
    await flush(outbox, 'h', 1500, write('x', notification('3')), write('z', notification('4')))
    await outbox.take('x', 1500)
    await outbox.take('y', 1500)
    await outbox.settle('1', { state: 'given_up', at: 2000, code: 'rejected', reply: 'no' })
    await outbox.settle('2', sent)
    await outbox.take('x', 1500)
    await outbox.settle('3', { state: 'failed', at: 2000, nextAt: 9000, code: 'timeout', reply: '' })
    const z = { channel: 'z', oldestAt: 1500, givenUp: 0 }
    expect(await outbox.undelivered(2000)).toEqual([{ channel: 'x', oldestAt: 1500, givenUp: 1 }, z])
    expect(await outbox.undelivered(2001)).toEqual([{ channel: 'x', oldestAt: 1500, givenUp: 0 }, z])
  })

  it('gives critical messages first', async () => {
    await using one = await open()
    const { outbox } = one
    await flush(outbox, 'g', 1000, write('x', notification('1')))
    await flush(outbox, 'h', 1001, write('x', notification('2'), { critical: true }))
    await flush(outbox, 'i', 1002, write('x', notification('3'), { critical: true }))
    expect(await takenId(outbox, 'x', 2000)).toBe('2')
    expect(await takenId(outbox, 'x', 2000)).toBe('3')
    expect(await takenId(outbox, 'x', 2000)).toBe('1')
  })

  it('gives a failed message again when its time has come, and other groups meanwhile', async () => {
    await using one = await open()
    const { outbox } = one
    await flush(outbox, 'g', 1000, write('x', notification('1')))
    expect(await takenId(outbox, 'x', 1000)).toBe('1')
    await outbox.settle('1', { state: 'failed', at: 1100, nextAt: 6100, code: 'http_5xx', reply: 'busy' })
    await flush(outbox, 'h', 1200, write('x', notification('2')))
    expect(await takenId(outbox, 'x', 1200)).toBe('2')
    expect(await outbox.take('x', 1200)).toEqual({ row: null, nextAt: 6100 })
    const again = await outbox.take('x', 6100)
    expect(again.row).toMatchObject({ id: '1', attempt: 2, state: 'failed', code: 'http_5xx', reply: 'busy' })
    await outbox.settle('1', { state: 'given_up', at: 6200, code: 'rejected', reply: 'no' })
    expect(await outbox.take('x', 9000)).toEqual({ row: null, nextAt: null })
  })

  it('never lets a message pass an earlier one of its group, taken or failed', async () => {
    await using one = await open()
    const { outbox } = one
    await flush(outbox, 'g', 1000, write('x', notification('1')))
    await flush(outbox, 'g', 1001, write('x', resolved('2'), { critical: true }))
    expect(await takenId(outbox, 'x', 2000)).toBe('1')
    expect(await outbox.take('x', 2000)).toEqual({ row: null, nextAt: null })
    await outbox.settle('1', { state: 'failed', at: 2000, nextAt: 3000, code: 'timeout', reply: '' })
    expect(await outbox.take('x', 2000)).toEqual({ row: null, nextAt: 3000 })
    expect(await takenId(outbox, 'x', 3000)).toBe('1')
    await outbox.settle('1', sent)
    expect(await takenId(outbox, 'x', 3000)).toBe('2')
  })

  it('puts a newer firing message in the place of one that waits', async () => {
    await using one = await open()
    const { outbox } = one
    await flush(outbox, 'g', 1000, write('x', notification('1'), { critical: true }))
    await flush(outbox, 'h', 1001, write('x', notification('2'), { critical: true }))
    const newer = notification('3', { reason: 'repeat', alerts: [alertOf('a'), alertOf('b')] })
    expect(await flush(outbox, 'g', 1002, write('x', newer))).toEqual([0])
    const first = await outbox.take('x', 2000)
    expect(first.row).toMatchObject({ id: '3', notification: { ...newer, reason: 'first' } })
    expect(await takenId(outbox, 'x', 2000)).toBe('2')
    expect((await outbox.list(10)).map((row) => [row.id, row.state]).sort()).toEqual([
      ['1', 'superseded'],
      ['2', 'due'],
      ['3', 'due'],
    ])
    expect([...(await outbox.waiting())]).toEqual([['x', 2]])
  })

  it('never replaces what was tried', async () => {
    await using one = await open()
    const { outbox } = one
    await flush(outbox, 'g', 1000, write('x', notification('1')))
    expect(await takenId(outbox, 'x', 1000)).toBe('1')
    expect(await flush(outbox, 'g', 1002, write('x', notification('2')))).toEqual([1])
    await outbox.settle('1', { state: 'failed', at: 1500, nextAt: 1600, code: 'timeout', reply: '' })
    expect(await flush(outbox, 'g', 1700, write('x', notification('3')))).toEqual([0])
    expect(await takenId(outbox, 'x', 2000)).toBe('1')
    await outbox.settle('1', sent)
    expect(await takenId(outbox, 'x', 2000)).toBe('3')
  })

  it('gives what an earlier life had taken again, with its id', async () => {
    await using one = await open()
    const { outbox } = one
    await flush(outbox, 'g', 1000, write('x', notification('1')))
    expect(await takenId(outbox, 'x', 1000)).toBe('1')
    await outbox.release()
    const again = await outbox.take('x', 1000)
    expect(again.row).toMatchObject({ id: '1', attempt: 2 })
    await outbox.settle('1', sent)
    await outbox.release()
    expect(await outbox.take('x', 1000)).toEqual({ row: null, nextAt: null })
  })

  it('keeps the first end of a message', async () => {
    await using one = await open()
    const { outbox } = one
    await flush(outbox, 'g', 1000, write('x', notification('1')))
    await outbox.take('x', 1000)
    await outbox.settle('1', sent)
    await outbox.settle('1', { state: 'failed', at: 2100, nextAt: 2200, code: 'timeout', reply: '' })
    expect(await outbox.take('x', 9000)).toEqual({ row: null, nextAt: null })
    expect(await outbox.sentSince('x', 2000)).toEqual([2000])
    expect(await outbox.sentSince('x', 2001)).toEqual([])
    expect(await outbox.sentSince('y', 0)).toEqual([])
  })

  it('forgets what is old, and gives up what has no channel any more', async () => {
    await using one = await open()
    const { outbox } = one
    await flush(outbox, 'g', 1000, write('x', notification('1')), write('gone', notification('2')))
    await flush(outbox, 'h', 1000, write('x', null, { entry: { firing: [], toldAt: 1000, firingAt: 500 } }))
    await outbox.take('x', 1000)
    await outbox.settle('1', sent)
    const limits = { now: 5000, channels: ['x'], settledBefore: 3000, staleBefore: 500, unsentBefore: 900 }
    expect(await outbox.prune({ ...limits, settledBefore: 1000 })).toBe(0)
    expect(await outbox.list(10)).toHaveLength(2)
    expect(await known(outbox, 'h', ['x'])).not.toEqual({})
    expect(await outbox.prune({ ...limits, unsentBefore: 2000 })).toBe(1)
    expect((await outbox.list(10)).map((row) => [row.id, row.state, row.code])).toEqual([
      ['2', 'given_up', 'no_channel'],
    ])
    expect(await known(outbox, 'h', ['x'])).toEqual({})
    expect(Object.keys(await known(outbox, 'g', ['x', 'gone'])).sort()).toEqual(['gone', 'x'])
    await outbox.prune({ ...limits, now: 9000, settledBefore: 6000, staleBefore: 1001 })
    expect(await outbox.list(10)).toEqual([])
    expect(await known(outbox, 'g', ['x', 'gone'])).toEqual({})
  })

  it('takes text of any kind: NUL, lone surrogates, keys longer than a page', async () => {
    await using one = await open()
    const { outbox } = one
    const group = `{}:{a="${'长'.repeat(5000)}"}`
    const odd = { ...alertOf('a'), annotations: { summary: 'NUL \u0000, quote ", 🙂, \ud800 end' } }
    const message = notification('1', { groupKey: group, alerts: [odd] })
    await flush(outbox, group, 1000, write('x', message))
    expect((await outbox.take('x', 1000)).row?.notification).toEqual(JSON.parse(JSON.stringify(message)))
    await outbox.settle('1', { state: 'given_up', at: 2000, code: 'rejected', reply: 'NUL \u0000' })
    expect((await outbox.list(1))[0]?.reply).toMatch(/^NUL /)
  })

  it('gives two flushes of one group one order', async () => {
    await using one = await open()
    const { outbox } = one
    const seen: number[] = []
    const work = Array.from({ length: 8 }, (_, n) =>
      outbox.flush('g', ['x'], 1000 + n, (log) => {
        seen.push(log.get('x')?.firing.length ?? 0)
        const firing = [...(log.get('x')?.firing ?? []), `f${n}`]
        return [write('x', null, { entry: told(firing, 1000) })]
      }),
    )
    await Promise.all(work)
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  const digest = (id: string): Notification => notification(id, { digest: true, groupKey: 'digest' })

  it('merges what is due and was never tried into a digest, which goes before what comes later', async () => {
    await using one = await open()
    const { outbox } = one
    for (const id of ['1', '2', '3', '4']) await flush(outbox, `g${id}`, 1000, write('x', notification(id)))
    await flush(outbox, 'g5', 1000, write('y', notification('5')))
    expect(await takenId(outbox, 'x', 1000)).toBe('1')
    await flush(outbox, 'g1', 1000, write('x', resolved('1b')))
    const seen: string[][] = []
    const changed = await outbox.merge('x', 2000, (waiting) => {
      seen.push(waiting.map((row) => row.id))
      return [{ from: ['2', '3'], notification: digest('d'), critical: true }]
    })
    expect(seen).toEqual([['2', '3', '4']])
    expect(changed).toBe(-1)
    expect((await outbox.waiting()).get('x')).toBe(4)
    await flush(outbox, 'g2', 3000, write('x', resolved('2b')))
    expect(await takenId(outbox, 'x', 3000)).toBe('d')
    // What lay there before may go meanwhile, what came after may not.
    expect(await takenId(outbox, 'x', 3000)).toBe('4')
    expect(await takenId(outbox, 'x', 3000)).toBeNull()
    expect(await outbox.settle('d', sent)).toBe(0)
    expect(await takenId(outbox, 'x', 3000)).toBe('2b')
    const rows = new Map((await outbox.list(20)).map((row) => [row.id, row]))
    for (const id of ['2', '3']) expect(rows.get(id)).toMatchObject({ state: 'merged', code: 'd', reply: 'ok' })
    expect(await outbox.sentSince('x', 0)).toEqual([2000])
  })

  it('has the messages of a digest that was given up due again, each on its own', async () => {
    await using one = await open()
    const { outbox } = one
    for (const id of ['1', '2']) await flush(outbox, `g${id}`, 1000, write('x', notification(id)))
    await outbox.merge('x', 1000, () => [{ from: ['1', '2'], notification: digest('d'), critical: false }])
    await takenId(outbox, 'x', 1000)
    expect(await outbox.settle('d', { state: 'given_up', at: 2000, code: 'rejected', reply: 'no' })).toBe(2)
    expect((await outbox.waiting()).get('x')).toBe(2)
    // Tried once: they are not merged again.
    let seen = -1
    const look = (waiting: readonly unknown[]) => {
      seen = waiting.length
      return []
    }
    expect(await outbox.merge('x', 3000, look)).toBe(0)
    expect(seen).toBe(0)
    expect([await takenId(outbox, 'x', 3000), await takenId(outbox, 'x', 3000)]).toEqual(['1', '2'])
  })

  it('puts the parts of a message in its place, one after the other', async () => {
    await using one = await open()
    const { outbox } = one
    await flush(outbox, 'g', 1000, write('x', notification('1')))
    expect(await takenId(outbox, 'x', 1000)).toBe('1')
    await flush(outbox, 'g', 1500, write('x', resolved('2')))
    const part = (number: number) => notification(`1.0${number}`, { part: { number, of: 2 } })
    expect(await outbox.split('1', [part(1), part(2)])).toBe(1)
    expect(await outbox.split('1', [part(1), part(2)])).toBe(0)
    for (const id of ['1.01', '1.02', '2']) {
      expect(await takenId(outbox, 'x', 2000)).toBe(id)
      expect(await takenId(outbox, 'x', 2000)).toBeNull()
      await outbox.settle(id, sent)
    }
    expect((await outbox.list(10)).find((row) => row.id === '1')).toMatchObject({ state: 'merged', reply: 'ok' })
  })

  it('knows what another channel told since the last recovery of a group', async () => {
    await using one = await open()
    const { outbox } = one
    const told = async (id: string, message: Notification, spilled: boolean): Promise<boolean> => {
      await flush(outbox, 'g', 1000, write('x', message))
      await takenId(outbox, 'x', 1000)
      const was = await outbox.wasSpilled(id)
      await outbox.settle(id, spilled ? { ...sent, spilled: true } : sent)
      return was
    }
    expect(await told('1', notification('1'), true)).toBe(false)
    expect(await told('2', notification('2'), false)).toBe(true)
    expect(await told('3', resolved('3'), false)).toBe(true)
    expect(await told('4', notification('4'), false)).toBe(false)
    expect((await outbox.list(10)).map((row) => row.code)).toEqual(['', '', '', 'spilled'])
  })
})
