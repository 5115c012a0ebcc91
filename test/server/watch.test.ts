// What counts as trouble: rules nobody evaluates, messages that do not leave, and questions without an answer.

import { describe, expect, it } from 'vitest'
import { virtualClock } from '../../core/base/virtual-clock.ts'
import type { GroupView } from '../../core/rules/view.ts'
import type { Undelivered } from '../../server/dispatch/outbox-port.ts'
import { openWatch } from '../../server/watch.ts'

const minute = 60_000

function world() {
  const clock = virtualClock()
  const state: {
    rules: () => Promise<readonly GroupView[]>
    owed: () => Promise<readonly Undelivered[]>
    since: number
  } = {
    rules: async () => [],
    owed: async () => [],
    since: 0,
  }
  const trouble = openWatch({
    clock,
    rules: () => state.rules(),
    outbox: {
      undelivered: (since) => {
        state.since = since
        return state.owed()
      },
    },
  })
  const group = (name: string, lastEvaluationAt: number | null, intervalMs = 15_000): GroupView => ({
    name,
    file: 'r.yml',
    intervalMs,
    limit: 0,
    evaluationSeconds: 0,
    lastEvaluationAt,
    rules: [],
  })
  return { clock, state, trouble, group }
}

describe('the watch', () => {
  it('finds nothing while groups are evaluated and nothing waits', async () => {
    const { clock, state, trouble, group } = world()
    state.rules = async () => [group('a', clock.now() - 20_000), group('b', clock.now() - 5 * minute, 5 * minute)]
    expect(await trouble()).toBeNull()
    expect(state.since).toBe(clock.now() - 60 * minute)
  })

  it.each([
    [15_000, 89_000, null],
    [15_000, 91_000, 'Rule group "a" was not evaluated for 2 min.'],
    [5 * minute, 11 * minute - 1, null],
    [5 * minute, 11 * minute + 1, 'Rule group "a" was not evaluated for 11 min.'],
  ])('of a group every %i ms, last evaluated %i ms ago, says %s', async (interval, ago, words) => {
    const { clock, state, trouble, group } = world()
    state.rules = async () => [group('fine', clock.now()), group('a', clock.now() - ago, interval)]
    expect((await trouble())?.en ?? null).toBe(words)
  })

  it('gives a start five minutes before a group that was never evaluated counts', async () => {
    const { clock, state, trouble, group } = world()
    state.rules = async () => [group('a', null)]
    await clock.advance(6 * minute)
    expect(await trouble()).toBeNull()
    await clock.advance(minute)
    expect(await trouble()).toEqual({
      en: 'Rule group "a" was never evaluated since the start.',
      zh: '规则组 "a" 自启动以来从未求值。',
    })
  })

  it('tells of a message that waits for more than ten minutes, and of those given up', async () => {
    const { clock, state, trouble } = world()
    const owed = (oldest: number | null, givenUp: number): void => {
      const oldestAt = oldest === null ? null : clock.now() - oldest
      state.owed = async () => [{ channel: 'oncall/dingtalk[0]', oldestAt, givenUp }]
    }
    owed(10 * minute, 0)
    expect(await trouble()).toBeNull()
    owed(12 * minute, 0)
    expect((await trouble())?.en).toBe('A message has been waiting for channel oncall/dingtalk[0] for 12 min.')
    owed(null, 2)
    expect((await trouble())?.en).toBe(
      '2 message(s) for channel oncall/dingtalk[0] were given up within the last hour.',
    )
  })

  it('takes an error and a silence for trouble', async () => {
    const { clock, state, trouble } = world()
    state.owed = () => Promise.reject(new Error('connection lost'))
    expect((await trouble())?.en).toBe('The database does not answer: connection lost.')
    state.owed = () => new Promise(() => {})
    const silent = trouble()
    await clock.advance(10_000)
    expect((await silent)?.zh).toBe('数据库无响应:no answer within 10000 ms。')
    state.rules = () => new Promise(() => {})
    const still = trouble()
    await clock.advance(10_000)
    expect((await still)?.en).toBe('The rules cannot be asked: no answer within 10000 ms.')
    expect(clock.pending).toBe(0)
  })
})
