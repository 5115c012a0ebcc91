// What an agent told of its alerts against what the store knows. Pure. Two who judged in turns may both have seen the same: a change is taken when it
// is the next step of that life of the alert, and left out when it is known. Order is that of arrival; another host's clock decides nothing.

import type { Amendment, RestoredAlert, Transition } from '../../core/rules/transition.ts'

/** What is known of one life of an alert. */
export type KnownLife = {
  readonly state: 'pending' | 'firing' | 'resolved'
  readonly firedAt: number | null
  readonly changedAt: number
  readonly updatedAt: number
}

/** The step to take; null: it is known, or is none. */
export function nextStep(told: Transition, known: KnownLife | null, now: number): Transition | null {
  const heardAt = Math.max(known?.changedAt ?? 0, Math.min(told.at, now))
  switch (told.state) {
    case 'pending':
      return known === null ? { ...told, heardAt } : null
    case 'firing':
      return known === null || known.state === 'pending' ? { ...told, heardAt } : null
    case 'resolved':
      return known?.state === 'firing' ? { ...told, heardAt } : null
    case 'inactive':
      if (known?.state === 'pending') return { ...told, heardAt }
      // The server let it fire on what it had heard last; on the host it never did.
      return known?.state === 'firing' ? { ...told, state: 'resolved', firedAt: known.firedAt, heardAt } : null
  }
}

/** Never older than what is known, or it would not be taken. */
export function amended(told: Amendment, known: KnownLife | null, now: number): Amendment | null {
  if (known?.state !== 'firing') return null
  return { ...told, heardAt: Math.max(known.updatedAt + 1, Math.min(told.at, now)) }
}

/** Steps that make the store's alerts of a host those that its agent states. Ends first. */
export function corrections(
  known: readonly RestoredAlert[],
  stated: readonly RestoredAlert[],
  now: number,
): readonly Transition[] {
  const stands = new Map(stated.map((alert) => [lifeOf(alert), alert]))
  const held = new Map(known.map((alert) => [lifeOf(alert), alert]))
  const ends = known.flatMap((alert) => (stands.has(lifeOf(alert)) ? [] : transition(alert, 'end', now)))
  const begins = stated.flatMap((alert) => {
    const before = held.get(lifeOf(alert))
    // What the server let fire stays so: its agent will let it fire as well, or end it.
    if (before !== undefined && (before.state === alert.state || before.state === 'firing')) return []
    return transition(alert, 'begin', now)
  })
  return [...ends, ...begins]
}

function transition(alert: RestoredAlert, kind: 'begin' | 'end', now: number): Transition {
  const { state, value, keepFiringSince: _since, ...rest } = alert
  if (kind === 'begin') return { ...rest, state, value, at: now }
  return { ...rest, state: state === 'firing' ? 'resolved' : 'inactive', value: null, at: now }
}

const lifeOf = ({ file, group, rule, fingerprint, activeAt }: RestoredAlert): string =>
  JSON.stringify([file, group, rule, fingerprint, activeAt])
