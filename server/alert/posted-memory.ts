// Posted alerts in sight, merged as Alertmanager merges them: posts whose times overlap are one alert that began with the earliest; an end that
// somebody named outlives one that only a timeout gave. Alerts are found by their labels alone.

import { fingerprint } from '../../core/rules/labels.ts'
import type { Alert } from './alert.ts'
import type { PostedAlert } from './posted-body.ts'

export type PostedState = PostedAlert & { readonly updatedAt: number }

export type PostedMemory = {
  /** The alert as it stands now; null when there is no room for another. */
  take(posted: PostedAlert, now: number): Alert | null
  /** As it was written down. */
  restore(state: PostedState): void
  find(fingerprint: string): Alert | null
  current(): readonly Alert[]
  states(): Iterable<PostedState>
  /** Drops what ended before that time. */
  forget(endedBefore: number): void
  readonly size: number
}

/** `timeout` beside the alert: its end is not one that somebody named. */
type Held = { alert: Alert & { readonly endsAt: number }; timeout: boolean; readonly key: string }

export function openPostedMemory(max: number): PostedMemory {
  const byKey = new Map<string, Held>()
  const byFingerprint = new Map<string, Held>()

  const make = (key: string, labels: PostedAlert['labels']): Held => {
    const alert = {
      fingerprint: fingerprint(labels),
      labels,
      annotations: labels,
      startsAt: 0,
      endsAt: 0,
      updatedAt: 0,
      generatorUrl: '',
      source: 'posted',
    }
    const held = { alert, timeout: false, key }
    byKey.set(key, held)
    byFingerprint.set(alert.fingerprint, held)
    return held
  }
  /** A new state of it; labels and annotations keep their identity: what others worked out for them stays known. */
  const set = (held: Held, posted: PostedAlert, times: Times, updatedAt: number): Alert => {
    const { fingerprint: print, labels, annotations } = held.alert
    held.alert = {
      fingerprint: print,
      labels,
      annotations: same(annotations, posted.annotations) ? annotations : posted.annotations,
      startsAt: times.startsAt,
      endsAt: times.endsAt,
      updatedAt,
      generatorUrl: posted.generatorUrl,
      source: 'posted',
    }
    held.timeout = times.timeout
    return held.alert
  }
  const drop = (held: Held): void => {
    byKey.delete(held.key)
    byFingerprint.delete(held.alert.fingerprint)
  }
  /** The oldest that ended; false when all fire. */
  const makeRoom = (now: number): boolean => {
    for (const held of byKey.values()) {
      if (held.alert.endsAt > now) continue
      drop(held)
      return true
    }
    return false
  }

  return {
    take(posted, now) {
      const key = keyOf(posted.labels)
      const held = byKey.get(key)
      if (held !== undefined) return set(held, posted, merged(held, posted, now), now)
      if (byKey.size >= max && !makeRoom(now)) return null
      return set(make(key, posted.labels), posted, posted, now)
    },
    restore(state) {
      const key = keyOf(state.labels)
      set(byKey.get(key) ?? make(key, state.labels), state, state, state.updatedAt)
    },
    find: (print) => byFingerprint.get(print)?.alert ?? null,
    current: () => [...byKey.values()].map(({ alert }) => alert),
    *states() {
      for (const { alert, timeout } of byKey.values()) yield { ...alert, timeout }
    },
    forget(endedBefore) {
      for (const held of byKey.values()) if (held.alert.endsAt < endedBefore) drop(held)
    },
    get size() {
      return byKey.size
    },
  }
}

type Times = Pick<PostedAlert, 'startsAt' | 'endsAt' | 'timeout'>

function merged({ alert: old, timeout }: Held, posted: PostedAlert, now: number): Times {
  const within = (at: number, from: number, to: number): boolean => at > from && at < to
  const overlap = within(posted.endsAt, old.startsAt, old.endsAt) || within(posted.startsAt, old.startsAt, old.endsAt)
  // Neither end lies inside the other: the same start is the usual case of a post that confirms.
  if (!overlap) return posted
  const startsAt = Math.min(old.startsAt, posted.startsAt)
  const resolved = posted.endsAt <= now
  const keepsEnd = old.endsAt > posted.endsAt && (resolved ? old.endsAt <= now : !timeout)
  return keepsEnd
    ? { startsAt, endsAt: old.endsAt, timeout }
    : { startsAt, endsAt: posted.endsAt, timeout: posted.timeout }
}

/** Sorted, with the lengths before the texts: no two label sets share one. Posters mostly send them sorted. */
function keyOf(labels: Readonly<Record<string, string>>): string {
  let previous = ''
  let sorted = true
  let key = ''
  for (const name in labels) {
    if (name < previous) sorted = false
    previous = name
    key += `${name.length}:${labels[name]!.length}:${name}${labels[name]}`
  }
  if (sorted) return key
  key = ''
  for (const name of Object.keys(labels).sort()) key += `${name.length}:${labels[name]!.length}:${name}${labels[name]}`
  return key
}

function same(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  let left = 0
  for (const name in a) {
    if (a[name] !== b[name]) return false
    left++
  }
  for (const _ in b) left--
  return left === 0
}
