// The command ledger over the real PostgreSQL: fences rise, one command of an engine is open, and every command ends once.

import { describe, expect, it } from 'vitest'
import { isInferwardError } from '../../../core/base/errors.ts'
import type { EventOf } from '../../../core/event/event.ts'
import { command as commandSchema } from '../../../core/wire/command.ts'
import { openLedger } from '../../../server/db/ledger.ts'
import type { IssueRequest } from '../../../server/fleet/ledger-port.ts'
import { testDatabase } from '../../helpers/database.ts'

const request = (id: string, more: Partial<IssueRequest> = {}): IssueRequest => ({
  id: `command-${id}`,
  host: 'h1',
  engine: 'default',
  incarnation: 'a',
  action: 'restart',
  principal: 'admin',
  reason: 'test',
  ttlMs: 60_000,
  ...more,
})
const outcome = (id: string, result: EventOf<'outcome'>['result'], at = 5000): EventOf<'outcome'> => ({
  id: `outcome-${id}`,
  at,
  kind: 'outcome',
  host: 'h1',
  engine: 'default',
  incarnation: 'a',
  commandId: `command-${id}`,
  action: 'restart',
  principal: 'admin',
  result,
  reason: `was ${result}`,
  tookMs: null,
  newIncarnation: null,
})
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => (isInferwardError(error) ? error.code : String(error)),
  )

describe('the ledger', () => {
  it('gives every command of an engine a higher fence, engines apart from each other', async () => {
    await using database = await testDatabase()
    const ledger = openLedger(database.db)
    for (let n = 1; n <= 3; n++) {
      expect((await ledger.issue(request(`${n}`), n)).fence).toBe(n)
      await ledger.observe(outcome(`${n}`, 'done'))
    }
    expect((await ledger.issue(request('o', { engine: 'other' }), 9)).fence).toBe(1)
    expect((await ledger.issue(request('h', { host: 'h2' }), 9)).fence).toBe(1)
  })

  it('keeps one command of an engine open, refuses the second as a conflict, and spends no fence on it', async () => {
    await using database = await testDatabase()
    const ledger = openLedger(database.db)
    await ledger.issue(request('1'), 1)
    expect(await codeOf(ledger.issue(request('2'), 2))).toBe('fleet.conflict')
    await ledger.observe(outcome('1', 'failed'))
    expect((await ledger.issue(request('3'), 3)).fence).toBe(2)
    expect(await ledger.get('command-2')).toBeNull()
  })

  it('issues one of many that are asked for at the same moment', async () => {
    await using database = await testDatabase()
    const ledger = openLedger(database.db)
    const codes = await Promise.all(Array.from({ length: 12 }, (_, n) => codeOf(ledger.issue(request(`${n}`), 1))))
    expect(codes.filter((code) => code === 'none')).toHaveLength(1)
    expect(codes.filter((code) => code === 'fleet.conflict')).toHaveLength(11)
    expect(await ledger.list(100)).toHaveLength(1)
  })

  it('refuses an id that was used before', async () => {
    await using database = await testDatabase()
    const ledger = openLedger(database.db)
    await ledger.issue(request('1'), 1)
    await ledger.observe(outcome('1', 'done'))
    expect(await codeOf(ledger.issue(request('1'), 2))).toBe('fleet.conflict')
    expect((await ledger.get('command-1'))!.state).toBe('done')
  })

  it('hands out what waits for a host, with the time that is left, as the wire wants it, oldest first', async () => {
    await using database = await testDatabase()
    const ledger = openLedger(database.db)
    await ledger.issue(request('2', { engine: 'b' }), 2000)
    await ledger.issue(request('1', { engine: 'a' }), 1000)
    await ledger.issue(request('3', { host: 'h2' }), 1000)
    const pending = await ledger.pending('h1', 11_000)
    expect(pending.map((one) => [one.id, one.ttlMs])).toEqual([
      ['command-1', 50_000],
      ['command-2', 51_000],
    ])
    for (const one of pending) expect(commandSchema.safeParse(one).success).toBe(true)
    expect(await ledger.pending('h1', 61_000)).toHaveLength(1)
    await ledger.received('h1', 'command-2', 12_000)
    await ledger.received('h1', 'command-nobody', 12_000)
    expect((await ledger.pending('h1', 12_000)).map((one) => one.id)).toEqual(['command-1'])
  })

  it('believes nobody but the host that a command is for', async () => {
    await using database = await testDatabase()
    const ledger = openLedger(database.db)
    await ledger.issue(request('1'), 1000)
    await ledger.received('h2', 'command-1', 2000)
    await ledger.observe({ ...outcome('1', 'done'), host: 'h2' })
    expect((await ledger.get('command-1'))!.state).toBe('issued')
    expect(await ledger.pending('h1', 3000)).toHaveLength(1)
  })

  it('expires what nobody took, at its time and not before, and the engine is free again', async () => {
    await using database = await testDatabase()
    const ledger = openLedger(database.db)
    await ledger.issue(request('1'), 1000)
    await ledger.expire(60_999)
    expect((await ledger.get('command-1'))!.state).toBe('issued')
    await ledger.expire(61_000)
    expect(await ledger.get('command-1')).toMatchObject({ state: 'expired', outcome: 'nobody took it in time' })
    expect((await ledger.issue(request('2'), 62_000)).fence).toBe(2)
  })

  it('gives up a command that was taken and never ended, so that its engine is not locked for ever', async () => {
    await using database = await testDatabase()
    const ledger = openLedger(database.db)
    await ledger.issue(request('1'), 1000)
    await ledger.received('h1', 'command-1', 2000)
    await ledger.observe(outcome('1', 'started'))
    await ledger.expire(61_000 + 599_999)
    expect((await ledger.get('command-1'))!.state).toBe('started')
    await ledger.expire(61_000 + 600_000)
    expect((await ledger.get('command-1'))!.state).toBe('unknown')
    await ledger.issue(request('2'), 700_000)
    await ledger.observe(outcome('1', 'started'))
    expect((await ledger.get('command-1'))!.state).toBe('unknown')
  })

  it.each([
    'expired',
    'unknown',
  ] as const)('believes the agent when its word comes after the server had assumed %s', async (assumed) => {
    await using database = await testDatabase()
    const ledger = openLedger(database.db)
    await ledger.issue(request('1'), 1000)
    if (assumed === 'unknown') await ledger.received('h1', 'command-1', 2000)
    await ledger.expire(10_000_000)
    expect((await ledger.get('command-1'))!.state).toBe(assumed)
    await ledger.observe(outcome('1', 'done'))
    expect(await ledger.get('command-1')).toMatchObject({ state: 'done', outcome: 'was done' })
  })

  it('ends a command once: later words change nothing', async () => {
    await using database = await testDatabase()
    const ledger = openLedger(database.db)
    await ledger.issue(request('1'), 1000)
    await ledger.observe(outcome('1', 'started'))
    await ledger.observe(outcome('1', 'refused'))
    for (const late of ['done', 'started', 'failed'] as const) await ledger.observe(outcome('1', late))
    await ledger.received('h1', 'command-1', 9000)
    await ledger.expire(10_000_000)
    expect((await ledger.get('command-1'))!.state).toBe('refused')
  })

  it('takes no notice of outcomes of the local policy or of commands it never issued', async () => {
    await using database = await testDatabase()
    const ledger = openLedger(database.db)
    await ledger.observe({ ...outcome('1', 'done'), commandId: null })
    await ledger.observe(outcome('nobody', 'done'))
    expect(await ledger.list(10)).toEqual([])
    expect(await ledger.get('command-nobody')).toBeNull()
  })

  it('lists the newest first, up to the limit', async () => {
    await using database = await testDatabase()
    const ledger = openLedger(database.db)
    for (let n = 0; n < 5; n++) await ledger.issue(request(`${n}`, { engine: `e${n}` }), 1000 + (n % 2))
    expect((await ledger.list(3)).map((row) => row.id)).toEqual(['command-3', 'command-1', 'command-4'])
  })
})
