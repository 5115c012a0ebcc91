// Which hosts and engines there are: contact at its borders, and the grace after the server's own start.

import { describe, expect, it } from 'vitest'
import { contact, openRegistry } from '../../../server/fleet/registry.ts'

const engine = {
  name: 'e',
  incarnation: null,
  pid: null,
  phase: 'stopped',
  verdict: 'unknown',
  make: 'm',
  model: 'm',
  url: '',
  since: 0,
  budgetLeft: 0,
} as const
const state = (host: string, engines = [engine] as readonly (typeof engine)[]) => ({
  host,
  bootId: 'b',
  version: '1',
  startedAt: 0,
  engines: [...engines],
})

const limits = { hosts: 3, engines: 4 }

describe('contact', () => {
  it.each([
    ['just heard', 1_000_000, 0, 1_000_000, 'connected'],
    ['25 s ago', 1_000_000, 0, 1_025_000, 'connected'],
    ['a millisecond more', 1_000_000, 0, 1_025_001, 'late'],
    ['60 s ago', 1_000_000, 0, 1_060_000, 'late'],
    ['a millisecond more than a minute', 1_000_000, 0, 1_060_001, 'lost'],
    ['an hour ago, but the server is two minutes old less one millisecond', 0, 3_480_001, 3_600_000, 'late'],
    ['an hour ago, and the server is two minutes old', 0, 3_480_000, 3_600_000, 'lost'],
    ['in the future, after the clock was set back', 2_000_000, 0, 1_000_000, 'connected'],
  ])('%s', (_name, seen, started, now, expected) => {
    expect(contact(seen, started, now)).toBe(expected)
  })
})

describe('the registry', () => {
  it('shows what was last reported, replaces it whole, and hears only hosts it knows', () => {
    const registry = openRegistry(0, limits)
    registry.report(state('h1', [engine, { ...engine, name: 'f' } as unknown as typeof engine]), 1_000_000)
    registry.report(state('h2', []), 1_000_000)
    registry.heard('h1', 1_050_000)
    registry.heard('h3', 1_050_000)
    expect(registry.hosts(1_070_000).map((host) => [host.host, host.contact, host.engines])).toEqual([
      ['h1', 'connected', 2],
      ['h2', 'lost', 0],
    ])
    expect(registry.engines(1_070_000).map((one) => `${one.host}/${one.name}`)).toEqual(['h1/e', 'h1/f'])
    registry.report(state('h1'), 1_080_000)
    expect(registry.engine('h1', 'e')?.name).toBe('e')
    expect([
      registry.engine('h1', 'f'),
      registry.engine('h9', 'e'),
      registry.engine('__proto__', 'constructor'),
    ]).toEqual([null, null, null])
  })

  it('takes so many hosts and no more, and another once one is forgotten', () => {
    const registry = openRegistry(0, limits)
    const report = (host: string) => registry.report(state(host, []), 1)
    expect(['a', 'b', 'c', 'd', 'a'].map(report)).toEqual([null, null, null, 'hosts_full', null])
    registry.forget('b')
    registry.forget('nobody')
    expect(['d', 'e'].map(report)).toEqual([null, 'hosts_full'])
    expect(registry.hosts(1).map((one) => one.host)).toEqual(['a', 'c', 'd'])
  })

  it('takes so many engines in sum; who has too many keeps what was known and may always have fewer', () => {
    const registry = openRegistry(0, limits)
    const report = (host: string, count: number) =>
      registry.report(
        state(
          host,
          Array.from({ length: count }, () => engine),
        ),
        1,
      )
    expect([report('a', 3), report('b', 2), report('b', 1), report('a', 4)]).toEqual([
      null,
      'engines_full',
      null,
      'engines_full',
    ])
    expect(registry.hosts(1).map((one) => one.engines)).toEqual([3, 1])
    expect([report('a', 1), report('b', 3)]).toEqual([null, null])
    registry.forget('b')
    expect(report('a', 4)).toBe(null)
  })
})
