// Liveness as stories: what an engine showed over time, and what was said of it.

import { describe, expect, it } from 'vitest'
import { firstLiveness, type Liveness, type LivenessLimits, type Look, observe } from '../../../core/repair/liveness.ts'

const limits: LivenessLimits = { stallMs: 60_000, loadStallMs: 300_000 }
const quiet: Omit<Look, 'at'> = {
  process: 'running',
  phase: 'serving',
  progress: 0,
  running: 0,
  waiting: 0,
  heartbeatAgeMs: 100,
  probePendingSince: null,
}

/** Looks every second from `from` to `to`; the last verdict. */
function watch(state: Liveness, from: number, to: number, look: (at: number) => Partial<Look>): Liveness {
  let current = state
  for (let at = from; at <= to; at += 1000) current = observe(current, { ...quiet, ...look(at), at }, limits)
  return current
}
const served = watch(firstLiveness(0), 0, 5000, () => ({}))

describe('an engine', () => {
  it('that loads and then serves is loading, then idle', () => {
    const loading = watch(firstLiveness(0), 0, 200_000, (at) => ({ phase: 'loading', progress: at }))
    expect(loading.verdict).toBe('loading')
    expect(watch(loading, 201_000, 202_000, () => ({ progress: 1 })).verdict).toBe('idle')
  })

  it('that loads without moving is loading up to the limit and hung at it', () => {
    const stuck = (to: number) => watch(firstLiveness(0), 0, to, () => ({ phase: 'loading', progress: 3 }))
    expect(stuck(299_000).verdict).toBe('loading')
    const hung = stuck(300_000)
    expect(hung.verdict).toBe('hung')
    expect(hung.evidence[0]!.statement).toBe('no progress for 300 s (limit 300 s)')
  })

  it('that loads where nothing can be read is hung at the limit as well', () => {
    expect(watch(firstLiveness(0), 0, 300_000, () => ({ phase: 'loading', progress: null })).verdict).toBe('hung')
  })

  it('that works is busy, and overloaded while others wait', () => {
    expect(watch(served, 6000, 9000, (at) => ({ progress: at, running: 4 })).verdict).toBe('busy')
    expect(watch(served, 6000, 9000, (at) => ({ progress: at, running: 4, waiting: 1 })).verdict).toBe('overloaded')
  })

  it('that moves once in 59 seconds, as in a long prefill, is never hung', () => {
    let current = served
    for (let at = 6000; at < 900_000; at += 1000) {
      current = observe(current, { ...quiet, at, running: 1, progress: Math.floor(at / 59_000) }, limits)
      expect(current.verdict).not.toBe('hung')
    }
  })

  it('that is frozen with work waiting is hung at the limit, not before, with every piece of evidence', () => {
    const frozen = (to: number) =>
      watch(served, 6000, to, (at) => ({
        process: 'stopped',
        running: 2,
        waiting: 3,
        heartbeatAgeMs: at - 5000,
        probePendingSince: 10_000,
      }))
    expect(frozen(64_000).verdict).not.toBe('hung')
    const hung = frozen(65_000)
    expect(hung.verdict).toBe('hung')
    expect(hung.stalledMs).toBe(60_000)
    expect(hung.evidence.map((one) => one.statement)).toEqual([
      'no progress for 60 s (limit 60 s)',
      '2 running, 3 waiting',
      'the process is stopped (state T)',
      'last heartbeat 60 s ago',
      'our own request has waited for 55 s',
    ])
  })

  it('whose heartbeat fell silent is hung though nobody waits', () => {
    const silent = watch(served, 6000, 66_000, (at) => ({ heartbeatAgeMs: at - 5000 }))
    expect(silent.verdict).toBe('hung')
  })

  it('that stops answering our own request is hung though it reports no work', () => {
    expect(watch(served, 6000, 66_000, () => ({ probePendingSince: 6000 })).verdict).toBe('hung')
  })

  it('without work for a week is idle, and may take its time when the first request comes', () => {
    const week = observe(
      watch(served, 6000, 20_000, () => ({})),
      { ...quiet, at: 604_800_000 },
      limits,
    )
    expect(week).toMatchObject({ verdict: 'idle', stalledMs: 0 })
    const first = observe(week, { ...quiet, at: 604_801_000, running: 1 }, limits)
    expect(first.verdict).not.toBe('hung')
    expect(first.stalledMs).toBe(1000)
  })

  it('that comes back from a hang is unknown at first, then what it shows', () => {
    const hung = watch(served, 6000, 66_000, () => ({ running: 1 }))
    expect(hung.verdict).toBe('hung')
    expect(observe(hung, { ...quiet, at: 67_000, running: 1, progress: 9 }, limits).verdict).toBe('busy')
    expect(observe(hung, { ...quiet, at: 67_000 }, limits).verdict).toBe('idle')
  })

  it('that is gone is dead, whatever else it showed', () => {
    const dead = observe(served, { ...quiet, at: 9000, process: 'gone', running: 3, progress: 77 }, limits)
    expect(dead).toMatchObject({ verdict: 'dead', evidence: [{ source: 'process', statement: 'no such process' }] })
  })

  it('whose progress counts from nought again after a restart has moved', () => {
    const busy = watch(served, 6000, 9000, (at) => ({ progress: at, running: 1 }))
    expect(observe(busy, { ...quiet, at: 10_000, running: 1, progress: 0 }, limits).stalledMs).toBe(0)
  })
})
