// What an agent told of its alerts against what the store knows. Pure. Two who judged in turns may both have seen the same: a change is taken when it
// is the next step of the alert, and left out when it is known. Both may say differently when the alert began: the store's word stands, so that one
// alert is one life. Order is that of arrival; another host's clock decides nothing.

import type { Amendment, RestoredAlert, Transition } from '../../core/rules/transition.ts'

/** What is known of an alert: the life that goes on, else the one that is meant. */
export type KnownLife = {
  readonly state: 'pending' | 'firing' | 'resolved'
  readonly activeAt: number
  readonly firedAt: number | null
  readonly changedAt: number
  readonly updatedAt: number
}

/** The step to take; null: it is known, or is none. */
export function nextStep(told: Transition, known: KnownLife | null, now: number): Transition | null {
  const heardAt = Math.max(known?.changedAt ?? 0, Math.min(told.at, now))
  if (known === null) return told.state === 'pending' || told.state === 'firing' ? { ...told, heardAt } : null
  const step = { ...told, activeAt: known.activeAt, heardAt }
  switch (told.state) {
    case 'pending':
      return null
    case 'firing':
      return known.state === 'pending' ? step : null
    case 'resolved':
      return known.state === 'firing' ? { ...step, firedAt: known.firedAt } : null
    case 'inactive':
      if (known.state === 'pending') return step
      // The server let it fire on what it had heard last; on the host it never did.
      return known.state === 'firing' ? { ...step, state: 'resolved', firedAt: known.firedAt } : null
  }
}

/** Never older than what is known, or it would not be taken. */
export function amended(told: Amendment, known: KnownLife | null, now: number): Amendment | null {
  if (known?.state !== 'firing') return null
  return { ...told, activeAt: known.activeAt, heardAt: Math.max(known.updatedAt + 1, Math.min(told.at, now)) }
}

/** Steps that make the store's alerts of a host those that its agent states. Ends first. */
export function corrections(
  known: readonly RestoredAlert[],
  stated: readonly RestoredAlert[],
  now: number,
): readonly Transition[] {
  const stands = new Set(stated.map(keyOf))
  const held = new Map(known.map((alert) => [keyOf(alert), alert]))
  const ends = known.flatMap((alert) => (stands.has(keyOf(alert)) ? [] : transition(alert, 'end', now)))
  const begins = stated.flatMap((alert) => {
    const before = held.get(keyOf(alert))
    if (before === undefined) return transition(alert, 'begin', now)
    // What the server let fire stays so: its agent will let it fire as well, or end it.
    if (before.state === alert.state || before.state === 'firing') return []
    return transition({ ...alert, activeAt: before.activeAt }, 'begin', now)
  })
  return [...ends, ...begins]
}

function transition(alert: RestoredAlert, kind: 'begin' | 'end', now: number): Transition {
  const { state, value, keepFiringSince: _since, ...rest } = alert
  if (kind === 'begin') return { ...rest, state, value, at: now }
  return { ...rest, state: state === 'firing' ? 'resolved' : 'inactive', value: null, at: now }
}

const keyOf = ({ file, group, rule, fingerprint }: RestoredAlert): string =>
  JSON.stringify([file, group, rule, fingerprint])
