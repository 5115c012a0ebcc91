// Is it working? A verdict from forward progress, not from a 200: an engine that answers `/health` may be frozen, and one that misses a
// probe may only be busy. Pure: the last look, this look and the limits in; a verdict with its evidence out.

import type { Evidence, Verdict } from '../event/event.ts'

/** What was seen of an engine at one moment. */
export type Look = {
  /** Monotonic milliseconds. */
  readonly at: number
  readonly process: 'running' | 'stopped' | 'gone'
  readonly phase: 'loading' | 'serving'
  /** Grows with every bit of work done; null when it cannot be read. */
  readonly progress: number | null
  readonly running: number
  readonly waiting: number
  /** Age of the engine's own heartbeat; null when it has none. */
  readonly heartbeatAgeMs: number | null
  /** A request of ours that is still unanswered began then; null when none is. */
  readonly probePendingSince: number | null
}

export type LivenessLimits = {
  /** Work waits and nothing moves for this long: hung. */
  readonly stallMs: number
  /** A load without progress for this long: hung. */
  readonly loadStallMs: number
}

/** What is remembered between looks. */
export type Liveness = {
  /** Last value of progress, and when it last moved (or when there was last nothing to do). */
  readonly progress: number | null
  readonly movedAt: number
  readonly verdict: Verdict
  readonly stalledMs: number
  readonly evidence: readonly Evidence[]
}

export function firstLiveness(at: number): Liveness {
  return { progress: null, movedAt: at, verdict: 'loading', stalledMs: 0, evidence: [] }
}

/** What a person is told of a hang; `idle`: nobody waited for it. */
export function hungDetail(stalledMs: number, idle: boolean): string {
  const seconds = Math.round(stalledMs / 1000)
  return idle ? `no progress for ${seconds} s: it stood still` : `no progress for ${seconds} s while work waited`
}

export function observe(previous: Liveness, look: Look, limits: LivenessLimits): Liveness {
  const moved = look.progress !== null && look.progress !== previous.progress
  const beating = look.heartbeatAgeMs === null || look.heartbeatAgeMs < 2000
  const work = look.running + look.waiting > 0 || look.probePendingSince !== null
  const idle = !work && beating && look.process === 'running' && look.phase === 'serving'
  const movedAt = moved || idle ? look.at : previous.movedAt
  const stalledMs = look.at - movedAt
  const next = (verdict: Verdict, evidence: readonly Evidence[] = []): Liveness => ({
    progress: look.progress ?? previous.progress,
    movedAt,
    verdict,
    stalledMs: idle || moved ? 0 : stalledMs,
    evidence,
  })

  if (look.process === 'gone') return next('dead', [{ source: 'process', statement: 'no such process' }])
  const evidence = (limitMs: number): readonly Evidence[] => {
    const list: Evidence[] = [
      {
        source: 'telemetry',
        statement: `no progress for ${Math.round(stalledMs / 100) / 10} s (limit ${limitMs / 1000} s)`,
      },
      { source: 'telemetry', statement: `${look.running} running, ${look.waiting} waiting` },
    ]
    if (look.process === 'stopped') list.push({ source: 'process', statement: 'the process is stopped (state T)' })
    if (!beating)
      list.push({
        source: 'heartbeat',
        statement: `last heartbeat ${Math.round(look.heartbeatAgeMs! / 100) / 10} s ago`,
      })
    if (look.probePendingSince !== null) {
      const age = Math.round((look.at - look.probePendingSince) / 100) / 10
      list.push({ source: 'probe', statement: `our own request has waited for ${age} s` })
    }
    return list
  }
  if (look.phase === 'loading') {
    return stalledMs >= limits.loadStallMs ? next('hung', evidence(limits.loadStallMs)) : next('loading')
  }
  // A silent heartbeat is a stall whether or not anybody waits: the loop thread itself stands still.
  if (stalledMs >= limits.stallMs && (work || !beating)) return next('hung', evidence(limits.stallMs))
  if (idle) return next('idle')
  if (look.waiting > 0 && moved) return next('overloaded')
  if (moved) return next('busy')
  return next(previous.verdict === 'loading' ? 'healthy' : previous.verdict === 'hung' ? 'unknown' : previous.verdict)
}
