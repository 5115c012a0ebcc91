// What an agent told against what is known, state by state; and what its statement puts right.

import { describe, expect, it } from 'vitest'
import type { RestoredAlert, Transition } from '../../../core/rules/transition.ts'
import { amended, corrections, type KnownLife, nextStep } from '../../../server/rules/merge.ts'

const now = 1000
const alert = {
  fingerprint: 'f',
  file: 'r.yml',
  group: 'g',
  rule: 'A',
  expression: 'x',
  labels: { alertname: 'A', host: 'h' },
  annotations: {},
  activeAt: 100,
  firedAt: null,
}
const told = (state: Transition['state'], at = 500): Transition => ({ ...alert, state, at, value: null })
const known = (state: KnownLife['state']): KnownLife => ({
  state,
  activeAt: 90,
  firedAt: state === 'pending' ? null : 95,
  changedAt: 200,
  updatedAt: 200,
})
const stated = (state: 'pending' | 'firing', more: Partial<RestoredAlert> = {}): RestoredAlert => ({
  ...alert,
  state,
  value: 1,
  keepFiringSince: null,
  ...more,
})

describe('a change that an agent told', () => {
  it.each<[Transition['state'], KnownLife['state'] | null, Transition['state'] | null]>([
    ['pending', null, 'pending'],
    ['pending', 'pending', null],
    ['pending', 'firing', null],
    ['pending', 'resolved', null],
    ['firing', null, 'firing'],
    ['firing', 'pending', 'firing'],
    ['firing', 'firing', null],
    ['firing', 'resolved', null],
    ['resolved', null, null],
    ['resolved', 'pending', null],
    ['resolved', 'firing', 'resolved'],
    ['resolved', 'resolved', null],
    ['inactive', null, null],
    ['inactive', 'pending', 'inactive'],
    ['inactive', 'firing', 'resolved'],
    ['inactive', 'resolved', null],
  ])('%s on %s is %s', (state, before, step) => {
    expect(nextStep(told(state), before === null ? null : known(before), now)?.state ?? null).toBe(step)
  })

  it('belongs to the life that the store knows, whenever each of them says that it began', () => {
    expect(nextStep(told('resolved'), known('firing'), now)).toMatchObject({ activeAt: 90, firedAt: 95 })
    expect(nextStep(told('firing'), null, now)?.activeAt).toBe(100)
  })

  it.each([
    ['at its own time', 500, 500],
    ['not before what is known', 10, 200],
    ['not later than now', 5000, now],
  ])('is ordered %s', (_what, at, heardAt) => {
    expect(nextStep(told('firing', at), known('pending'), now)).toMatchObject({ at, heardAt })
  })

  it('of a text is of a firing alert, and newer than what is known', () => {
    const text = { ...alert, at: 10, value: 1, keepFiringSince: null }
    expect(amended(text, known('firing'), now)).toMatchObject({ heardAt: 201, activeAt: 90 })
    expect(amended(text, known('pending'), now)).toBeNull()
    expect(amended(text, null, now)).toBeNull()
  })
})

describe('a statement', () => {
  it.each<[string, RestoredAlert[], RestoredAlert[], string[]]>([
    ['that agrees changes nothing', [stated('firing')], [stated('firing', { activeAt: 7 })], []],
    ['brings what is missing', [], [stated('firing')], ['firing 100']],
    ['ends what is too much', [stated('firing')], [], ['resolved 100']],
    ['ends what was pending', [stated('pending')], [], ['inactive 100']],
    [
      'lets fire what is pending, in its life',
      [stated('pending')],
      [stated('firing', { activeAt: 7 })],
      ['firing 100'],
    ],
    ['leaves firing what its agent holds pending', [stated('firing')], [stated('pending')], []],
    [
      'ends before it begins',
      [stated('firing', { fingerprint: 'old' })],
      [stated('firing', { fingerprint: 'new' })],
      ['resolved 100', 'firing 100'],
    ],
  ])('%s', (_what, held, says, steps) => {
    expect(corrections(held, says, now).map(({ state, activeAt }) => `${state} ${activeAt}`)).toEqual(steps)
  })
})
