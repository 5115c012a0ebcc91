// The guard as a table: every reason it has, in the order it asks, and the budget at its borders.

import { describe, expect, it } from 'vitest'
import { engineActions } from '../../../core/event/event.ts'
import { type Budget, budgetLeft, type GuardRequest, type GuardState, guard } from '../../../core/repair/guard.ts'

const budget: Budget = { actionsPerEngine: 2, windowMs: 1000 }
const state: GuardState = { incarnation: 'a', highestFence: 5, stoppedByPerson: false, acting: false, actions: [] }
const local: GuardRequest = {
  action: 'restart',
  origin: 'local-policy',
  incarnation: 'a',
  fence: null,
  expiresAt: null,
}
const person: GuardRequest = { action: 'restart', origin: 'command', incarnation: 'a', fence: 6, expiresAt: 20_000 }
const now = 10_000

describe('the guard', () => {
  it.each([
    ['a command at its deadline', { ...person, expiresAt: now }, state, 'expired', null],
    ['a command with a lower fence than was seen', { ...person, fence: 4 }, state, 'lower_fence', null],
    ['a command for a life that is over', person, { ...state, incarnation: 'b' }, 'stale_incarnation', null],
    ['a command for a life when none lives', person, { ...state, incarnation: null }, 'stale_incarnation', null],
    ['anything while it acts', person, { ...state, acting: true }, 'busy', 1000],
    ['its own stop while it acts', { ...local, action: 'stop' as const }, { ...state, acting: true }, 'busy', 1000],
    [
      'its own start of what a person stopped',
      { ...local, action: 'start' as const },
      { ...state, stoppedByPerson: true },
      'stopped_by_person',
      null,
    ],
    ['its own restart past the budget', local, { ...state, actions: [9500, 9900] }, 'budget_spent', 500],
    [
      'a command that is late, stale and low: the end is told first',
      { ...person, expiresAt: 0, fence: 0 },
      { ...state, incarnation: 'b' },
      'expired',
      null,
    ],
    [
      'a command that is stale and low: the fence is told first',
      { ...person, fence: 0 },
      { ...state, incarnation: 'b' },
      'lower_fence',
      null,
    ],
  ])('refuses %s', (_name, request, held, reason, retryMs) => {
    expect(guard(request, held, budget, now)).toEqual({ allow: false, reason, retryMs })
  })

  it.each([
    ['a command one millisecond before its deadline', { ...person, expiresAt: now + 1 }, state],
    ['a command with the very fence that was seen', { ...person, fence: 5 }, state],
    ['a command without a life, whichever lives', { ...person, incarnation: null }, { ...state, incarnation: 'b' }],
    ['a person past the budget', person, { ...state, actions: [9000, 9500, 9900] }],
    [
      "a person's start of what a person stopped",
      { ...person, action: 'start' as const },
      { ...state, stoppedByPerson: true },
    ],
    [
      'its own stop past the budget: stopping loops over nothing',
      { ...local, action: 'stop' as const },
      { ...state, actions: [9500, 9900] },
    ],
    ['its own restart when the oldest action leaves the window', local, { ...state, actions: [9000, 9900] }],
    ['its own restart inside the budget', local, { ...state, actions: [9900] }],
  ])('allows %s', (_name, request, held) => {
    expect(guard(request, held, budget, now)).toEqual({ allow: true })
  })

  it.each(engineActions)('lets nobody %s by its own policy when the budget is nought, but for stopping', (action) => {
    const answer = guard({ ...local, action }, state, { actionsPerEngine: 0, windowMs: 1000 }, now)
    expect(answer).toEqual(
      action === 'stop' ? { allow: true } : { allow: false, reason: 'budget_spent', retryMs: null },
    )
  })

  it('says when to ask again, and that time is right', () => {
    for (const actions of [
      [9100, 9200],
      [9001, 9999],
      [8000, 9300, 9400],
    ]) {
      const answer = guard(local, { ...state, actions }, budget, now)
      if (answer.allow || answer.retryMs === null) throw new Error('a refusal with a time was expected')
      expect(guard(local, { ...state, actions }, budget, now + answer.retryMs).allow).toBe(true)
      expect(guard(local, { ...state, actions }, budget, now + answer.retryMs - 1).allow).toBe(false)
    }
  })

  it('still says the right time when more was done than the budget allows', () => {
    const crowded = { ...state, actions: [9100, 9200, 9300, 9400] }
    const answer = guard(local, crowded, budget, now)
    expect(answer).toEqual({ allow: false, reason: 'budget_spent', retryMs: 300 })
    expect(guard(local, crowded, budget, now + 300).allow).toBe(true)
    expect(guard(local, crowded, budget, now + 299).allow).toBe(false)
  })

  it('counts what is left, never below nought', () => {
    expect(budgetLeft([], budget, now)).toBe(2)
    expect(budgetLeft([9000, 9001], budget, now)).toBe(1)
    expect(budgetLeft([9500, 9600, 9700], budget, now)).toBe(0)
  })
})
