// Repairs that alerts ask for: once an episode, within the budget of the engine, over a restart too; and the channel that asks.

import { describe, expect, it } from 'vitest'
import { InferwardError } from '../../../core/base/errors.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import type { RemedyAnswer, RemedyRequest } from '../../../server/notify/remedy-port.ts'
import { openRemedy, type RemedyDeps, type Repair } from '../../../server/remedy/remedy.ts'
import { load, never, receiverFile, testDeps } from '../notify/deps.ts'
import { alert, at, notification } from '../notify/sample.ts'

type Row = Parameters<RemedyDeps['ledger']['issue']>[0] & { issuedAt: number }

function world() {
  const clock = virtualClock(at)
  const rows: Row[] = []
  const woken: string[] = []
  let busy = false
  const life = () =>
    openRemedy({
      now: () => clock.now(),
      incarnation: (_host, engine) => (engine === 'default' ? { incarnation: 'i1' } : null),
      ledger: {
        get: async (id) => rows.find((row) => row.id === id) ?? null,
        list: async () => [...rows].reverse(),
        async issue(request, now) {
          if (busy) throw new InferwardError({ code: 'fleet.conflict', message: 'busy' })
          const row = { ...request, issuedAt: now }
          rows.push(row)
          return row
        },
      },
      onIssued: async (id) => void woken.push(id),
      limits: { actions_per_engine: 3, window: 1_800_000 },
    })
  return { clock, rows, woken, life, busy: (now: boolean) => (busy = now) }
}
const repair = (id: string, more: Partial<Repair> = {}): Repair => ({
  id,
  host: 'gpu-01',
  engine: 'default',
  action: 'restart',
  reason: 'alert EngineHung',
  ...more,
})

describe('a repair', () => {
  it('is one command of the present life, by remedy, and the agent is woken', async () => {
    const w = world()
    expect(await w.life()(repair('a'))).toEqual({ outcome: 'issued' })
    expect(w.rows).toEqual([{ ...repair('a'), incarnation: 'i1', principal: 'remedy', ttlMs: 120_000, issuedAt: at }])
    expect(w.woken).toEqual(['a'])
  })

  it('that is asked for again, also by the next life of the server, is known and done once', async () => {
    const w = world()
    const first = w.life()
    const both = await Promise.all([first(repair('a')), first(repair('a'))])
    expect(both.map((one) => one.outcome)).toEqual(['issued', 'known'])
    expect(await w.life()(repair('a'))).toEqual({ outcome: 'known' })
    expect(w.rows).toHaveLength(1)
  })

  it('past the budget of its engine is refused until the window has moved on, and other engines are not touched', async () => {
    const w = world()
    const remedy = w.life()
    const four = await Promise.all(['a', 'b', 'c', 'd'].map((id) => remedy(repair(id))))
    expect(four.map((one) => ('reason' in one ? one.reason : one.outcome))).toEqual([
      'issued',
      'issued',
      'issued',
      'budget_spent',
    ])
    expect(await remedy(repair('e', { host: 'gpu-02' }))).toEqual({ outcome: 'issued' })
    w.clock.jump(1_799_999)
    expect(await w.life()(repair('f'))).toEqual({ outcome: 'refused', reason: 'budget_spent' })
    w.clock.jump(1)
    expect(await w.life()(repair('g'))).toEqual({ outcome: 'issued' })
  })

  it('counts what people did against nobody', async () => {
    const w = world()
    for (const id of ['1', '2', '3'])
      w.rows.push({ ...repair(id), incarnation: null, principal: 'ann', ttlMs: 1, issuedAt: at })
    expect(await w.life()(repair('a'))).toEqual({ outcome: 'issued' })
  })

  it('of an engine that nobody knows, or that is at work already, is refused by name', async () => {
    const w = world()
    const remedy = w.life()
    expect(await remedy(repair('a', { engine: 'gone' }))).toEqual({ outcome: 'refused', reason: 'no_such_engine' })
    w.busy(true)
    expect(await remedy(repair('a'))).toEqual({ outcome: 'refused', reason: 'busy' })
    w.busy(false)
    expect(await remedy(repair('a'))).toEqual({ outcome: 'issued' })
  })
})

describe('a remedy channel', () => {
  function open(answer: (request: RemedyRequest) => RemedyAnswer, lines = '{}') {
    const asked: RemedyRequest[] = []
    const remedy = async (request: RemedyRequest): Promise<RemedyAnswer> => {
      asked.push(request)
      return answer(request)
    }
    const config = load(receiverFile(`    remedy_configs: [${lines}]`))
    return { asked, channel: config.channels({ ...testDeps(), remedy })[0]! }
  }
  const issued = (): RemedyAnswer => ({ outcome: 'issued' })
  const two = [alert(), alert({ fingerprint: '2' }), alert({ fingerprint: '3', labels: { host: 'b', engine: 'e' } })]

  it('asks once for each engine that fires, under an id that stays for the episode', async () => {
    const { asked, channel } = open(issued, '{ action: rebuild }')
    expect(channel).toMatchObject({ name: 'oncall/remedy[0]', kind: 'remedy', sendResolved: false })
    const result = await channel.send(notification(two), never)
    expect(result).toEqual({ ok: true, reply: 'rebuild gpu-01/default: issued; rebuild b/e: issued' })
    await channel.send(notification(two, { id: 'another' }), never)
    expect(asked[2]!.id).toBe(asked[0]!.id)
    await channel.send(notification([alert({ startsAt: at })]), never)
    expect(asked.at(-1)!.id).not.toBe(asked[0]!.id)
    expect(asked[0]).toMatchObject({ action: 'rebuild', host: 'gpu-01', engine: 'default', reason: 'alert GpuTooHot' })
    expect(asked[0]!.id).toMatch(/^[0-9A-F]{26}$/)
  })

  it.each([
    { reason: 'busy', result: { ok: false, retryable: true, retryAfterMs: 10_000 } },
    { reason: 'budget_spent', result: { ok: false, retryable: false } },
    { reason: 'no_such_engine', result: { ok: false, retryable: false } },
  ] as const)('that is told $reason says so, and asks again only if that helps', async ({ reason, result }) => {
    const { channel } = open(() => ({ outcome: 'refused', reason }))
    const answer = await channel.send(notification(), never)
    expect(answer).toMatchObject(result)
    expect(answer.reply).toBe(`restart gpu-01/default: refused: ${reason}`)
  })

  it('does nothing for what is over, for what names no engine, for a test, and where nothing repairs', async () => {
    const { asked, channel } = open(issued)
    await channel.send(notification([alert({ endsAt: at })]), never)
    await channel.send(notification([alert({ labels: { alertname: 'A', host: 'h' } })]), never)
    await channel.send(notification([alert({ labels: { alertname: 'InferwardTest', receiver: 'oncall' } })]), never)
    expect(asked).toEqual([])
    const alone = load(receiverFile('    remedy_configs: [{}]')).channels(testDeps())[0]!
    expect(await alone.send(notification(), never)).toMatchObject({ ok: false, reply: 'this server repairs nothing' })
    expect(alone.preview(notification())).toBe('restart gpu-01/default (alert GpuTooHot)')
  })
})
