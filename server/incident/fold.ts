// From the history to incidents: takes stored events in their order and sorts them to what they belong to. Pure: no clock, no store; the
// same events give the same incidents, however often and in however many pieces they are folded.
//
// An incident opens at a fault, a firing alert, or an action that failed or whose end nobody knows; everything else only joins. Alerts that
// name no engine make one incident per host and rule.

import type { Event, EventOf } from '../../core/event/event.ts'
import { type Entry, trimmed } from './entry.ts'
import { type Gathered, join, note, openIncident } from './incident.ts'

/** A fault or alert this soon after an incident closed is the same incident again: a crash loop, or the alert behind its fault. */
export const settleMs = 60_000
/** What happened to the engine this long before is shown as well. */
const preludeMs = 10 * 60_000
const preludeSize = 8

export type FoldLimits = { readonly incidents: number; readonly entries: number; readonly keys: number }
export const defaultFoldLimits: FoldLimits = { incidents: 1000, entries: 20_000, keys: 4096 }

export type Fold = {
  take(sequence: number, event: Event): void
  /** In the order they opened. */
  incidents(): readonly Gathered[]
  /** Forgets what closed before this time. */
  forget(before: number): void
  /** Incidents given up for room. */
  readonly dropped: number
}

const engineKey = (host: string, engine: string): string => JSON.stringify([host, engine])

/** What an alert is about: its labels say it; the event's own fields only where they do not. */
function aboutOf(event: EventOf<'transition'>): { key: string; host: string; engine: string | null } {
  const label = (name: string): string | undefined =>
    Object.hasOwn(event.labels, name) && event.labels[name] !== '' ? event.labels[name] : undefined
  const host = label('host') ?? event.host
  const engine = label('engine') ?? event.engine
  if (engine !== null) return { key: engineKey(host, engine), host, engine }
  return { key: JSON.stringify([host, null, event.group, event.rule]), host, engine: null }
}

export function openFold(limits: FoldLimits = defaultFoldLimits): Fold {
  const all = new Map<string, Gathered>()
  const latest = new Map<string, Gathered>()
  const byFingerprint = new Map<string, Gathered>()
  const preludes = new Map<string, Entry[]>()
  let entries = 0
  let dropped = 0

  const drop = (one: Gathered): void => {
    all.delete(one.id)
    entries -= one.entries.length
    if (latest.get(one.key) === one) latest.delete(one.key)
    for (const fingerprint of one.alerts.keys())
      if (byFingerprint.get(fingerprint) === one) byFingerprint.delete(fingerprint)
  }
  const makeRoom = (kept: Gathered): void => {
    while (all.size > limits.incidents || entries > limits.entries) {
      let oldest: Gathered | undefined
      for (const one of all.values()) {
        if (one === kept) continue
        oldest ??= one
        if (one.closedAt === null) continue
        oldest = one
        break
      }
      if (oldest === undefined) return
      drop(oldest)
      dropped++
    }
  }
  const add = (one: Gathered, sequence: number, event: Event): void => {
    const before = one.entries.length
    join(one, sequence, event)
    entries += one.entries.length - before
    if (event.kind === 'transition' && one.alerts.has(event.fingerprint)) byFingerprint.set(event.fingerprint, one)
    makeRoom(one)
  }
  const remember = (key: string, sequence: number, event: Event): void => {
    const list = preludes.get(key) ?? []
    preludes.delete(key)
    preludes.set(key, list)
    list.push({ sequence, event: trimmed(event) })
    if (list.length > preludeSize) list.shift()
    if (preludes.size > limits.keys) preludes.delete(preludes.keys().next().value!)
  }

  const open = (key: string, host: string, engine: string | null, sequence: number, event: Event): Gathered => {
    const one = openIncident(key, host, engine, event)
    all.set(one.id, one)
    latest.set(key, one)
    for (const from of [key, hostKey(host)])
      for (const entry of preludes.get(from) ?? [])
        if (entry.event.at <= event.at && entry.event.at >= event.at - preludeMs) {
          note(one, entry)
          entries++
        }
    preludes.delete(key)
    add(one, sequence, event)
    return one
  }
  /** `since`: when what the event tells of began. */
  const trigger = (
    about: { key: string; host: string; engine: string | null },
    since: number,
    sequence: number,
    event: Event,
  ): void => {
    const one = latest.get(about.key)
    const same =
      one !== undefined &&
      (one.closedAt === null ||
        (since <= one.closedAt + settleMs &&
          event.at <= one.closedAt + preludeMs &&
          event.at >= one.openedAt - settleMs))
    if (same) add(one, sequence, event)
    else open(about.key, about.host, about.engine, sequence, event)
  }
  const follow = (key: string, sequence: number, event: Event): void => {
    const one = latest.get(key)
    if (one !== undefined && (one.closedAt === null || event.at <= one.closedAt)) add(one, sequence, event)
    else remember(key, sequence, event)
  }
  const transition = (sequence: number, event: EventOf<'transition'>): void => {
    const about = aboutOf(event)
    const known = byFingerprint.get(event.fingerprint)
    if (event.state !== 'firing') {
      if (known !== undefined && event.state === 'resolved') add(known, sequence, event)
      else if (latest.get(about.key)?.closedAt === null) add(latest.get(about.key)!, sequence, event)
    } else if (known !== undefined && known.closedAt === null) add(known, sequence, event)
    else trigger(about, event.activeAt, sequence, event)
  }

  return {
    take(sequence, event) {
      const { host, engine } = event
      switch (event.kind) {
        case 'transition':
          return transition(sequence, event)
        case 'delivery': {
          const told = new Set(event.fingerprints.flatMap((one) => byFingerprint.get(one) ?? []))
          for (const one of told) add(one, sequence, event)
          return
        }
        case 'snapshot':
          return
        default:
      }
      if (engine === null) {
        // Of the host as a whole: part of whatever is open there, and of what opens next.
        for (const one of all.values()) if (one.about.host === host && one.closedAt === null) add(one, sequence, event)
        return remember(hostKey(host), sequence, event)
      }
      const about = { key: engineKey(host, engine), host, engine }
      const opens =
        event.kind === 'fault' ||
        (event.kind === 'outcome' && (event.result === 'failed' || event.result === 'unknown'))
      if (opens) trigger(about, event.at, sequence, event)
      else follow(about.key, sequence, event)
    },
    incidents: () => [...all.values()],
    forget(before) {
      for (const one of all.values()) if (one.closedAt !== null && one.closedAt < before) drop(one)
    },
    get dropped() {
      return dropped
    },
  }
}

const hostKey = (host: string): string => JSON.stringify([host])
