// Asks the engine itself: is this life the one we started, and does it infer? The first inference verifies a life; later ones, one every
// interval, are probes. Invariant: at most one question at a time; an answer for an earlier life changes nothing.

import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import type { WatchConfig } from './config.ts'
import type { Life } from './life.ts'
import type { Inference, Probe } from './probe.ts'

export type Checks = {
  /** A new life: nothing is known of it. */
  reset(): void
  /** Asks when it is time to. */
  tick(life: Life): void
  /** Monotonic time since which a request of ours is unanswered. */
  readonly pendingSince: number | null
  readonly failures: number
  readonly seconds: number | null
}

export function openChecks(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly name: string
  readonly url: string
  readonly watch: WatchConfig
  readonly probe: Probe
  readonly isPresent: (life: Life) => boolean
  readonly progress: () => number | null
  readonly onVerified: (life: Life) => void
  readonly onRecovered: (life: Life) => void
  /** Failed as often in a row as the configuration allows, and nothing moved meanwhile. */
  readonly onSick: (life: Life, failures: number, words: string) => void
}): Checks {
  const { clock, log, name, url, watch, probe } = deps
  let asking = false
  let warned = false
  let pendingSince: number | null = null
  let failures = 0
  let seconds: number | null = null
  let nextAt = 0

  const infer = async (life: Life, timeoutMs: number): Promise<Inference | null> => {
    pendingSince = clock.monotonic()
    const inference = await probe.infer(url, timeoutMs)
    if (!deps.isPresent(life)) return null
    pendingSince = null
    return inference
  }

  const verify = async (life: Life): Promise<void> => {
    const health = await probe.health(url)
    if (!deps.isPresent(life) || health.status !== 'ok') return
    if (health.incarnation !== life.run.incarnation) {
      if (!warned) log.warn('another engine answers on this address', { engine: name, url })
      warned = true
      return
    }
    const inference = await infer(life, Math.max(1000, watch.stall_timeout))
    if (inference === null || !inference.ok) return
    life.verified = true
    seconds = inference.tookMs / 1000
    nextAt = clock.monotonic() + watch.probe_interval
    deps.onVerified(life)
  }

  const runProbe = async (life: Life): Promise<void> => {
    const before = deps.progress()
    const inference = await infer(life, Math.min(watch.probe_interval, 30_000))
    if (inference === null) return
    seconds = inference.tookMs / 1000
    nextAt = clock.monotonic() + watch.probe_interval
    if (inference.ok) {
      failures = 0
      return deps.onRecovered(life)
    }
    failures++
    log.warn('probe failed', { engine: name, failures, words: inference.words })
    // Failed, yet it moved meanwhile: saturated, not sick. Restarting it would make that worse.
    const now = deps.progress()
    const moved = now !== null && now !== before
    if (failures >= watch.probe_failures && !moved) deps.onSick(life, failures, inference.words)
  }

  return {
    reset() {
      warned = false
      pendingSince = null
      failures = 0
      nextAt = 0
    },
    tick(life) {
      if (asking || (life.verified && clock.monotonic() < nextAt)) return
      asking = true
      ;(life.verified ? runProbe(life) : verify(life))
        .catch((error: unknown) => log.error('engine check failed', { engine: name, error: errorText(error) }))
        .finally(() => {
          asking = false
        })
    },
    get pendingSince() {
      return pendingSince
    },
    get failures() {
      return failures
    },
    get seconds() {
      return seconds
    },
  }
}
