// One incident while the fold gathers it. All times inside are compared by what the sources said (wall time, then order of arrival), so a
// late event cannot change what an earlier one proved.
//
// Invariants: closed means that nothing of it fires and that the last thing known of the engine is a verified start, a stop on purpose or
// seen progress; the timeline is bounded, and what was left out of its middle is counted.

import { createHash } from 'node:crypto'
import type { Event, EventOf, FaultCause } from '../../core/event/event.ts'
import { clean, type Entry, later, type Mark, markOf, type Severity, severityOf, trimmed, worse } from './entry.ts'

export const entriesPerIncident = 200
const alertsPerIncident = 1000

export type Gathered = {
  readonly id: string
  readonly key: string
  /** As sent; `host` and `engine` are what may be shown. */
  readonly about: { readonly host: string; readonly engine: string | null }
  readonly host: string
  readonly engine: string | null
  openedAt: number
  closedAt: number | null
  severity: Severity
  /** By time. */
  readonly entries: Entry[]
  leftOut: number
  /** Earliest by time. */
  firstFault: (Mark & { readonly event: EventOf<'fault'> }) | null
  firstAlert: (Mark & { readonly event: EventOf<'transition'> }) | null
  firstFailure: (Mark & { readonly event: EventOf<'outcome'> }) | null
  /** Latest by time. */
  lastFault: (Mark & { readonly cause: FaultCause }) | null
  lastAction: (Mark & { readonly event: EventOf<'outcome'> }) | null
  lastRefusal: (Mark & { readonly reason: string }) | null
  /** What says that the engine serves, or was stopped on purpose. */
  proof: (Mark & { readonly by: 'inference' | 'stop' | 'progress' }) | null
  readonly alerts: Map<string, Mark & { readonly firing: boolean; readonly rule: string }>
  actedAt: number | null
  notifiedAt: number | null
  readonly counts: { faults: number; actions: number; failed: number; refused: number; sent: number; unsent: number }
}

/** Short enough to type, the same whenever and wherever the same history is folded. */
export function incidentId(firstEventId: string): string {
  return `I${createHash('sha256').update(firstEventId).digest('hex').slice(0, 12)}`
}

export function openIncident(key: string, host: string, engine: string | null, first: Event): Gathered {
  return {
    id: incidentId(first.id),
    key,
    about: { host, engine },
    host: clean(host, 200),
    engine: engine === null ? null : clean(engine, 200),
    openedAt: first.at,
    closedAt: null,
    severity: 'notice',
    entries: [],
    leftOut: 0,
    firstFault: null,
    firstAlert: null,
    firstFailure: null,
    lastFault: null,
    lastAction: null,
    lastRefusal: null,
    proof: null,
    alerts: new Map(),
    actedAt: null,
    notifiedAt: null,
    counts: { faults: 0, actions: 0, failed: 0, refused: 0, sent: 0, unsent: 0 },
  }
}

const isLater = (mark: Mark, known: Mark | null): boolean => known === null || later(mark, known)
const isEarlier = (mark: Mark, known: Mark | null): boolean => known === null || later(known, mark)

/** Puts a line in its place by time; past the bound the middle goes, since beginnings and ends tell most. */
export function note(incident: Gathered, entry: Entry): void {
  const { entries } = incident
  let place = entries.length
  while (place > 0 && later(markOf(entries[place - 1]!), markOf(entry))) place--
  entries.splice(place, 0, entry)
  if (entries.length <= entriesPerIncident) return
  entries.splice(entriesPerIncident >> 1, 1)
  incident.leftOut++
}

export function join(incident: Gathered, sequence: number, original: Event): void {
  const event = trimmed(original)
  const entry: Entry = { sequence, event }
  const mark = markOf(entry)
  note(incident, entry)
  switch (event.kind) {
    case 'fault':
      incident.counts.faults++
      incident.severity = 'critical'
      incident.openedAt = Math.min(incident.openedAt, event.at)
      if (isEarlier(mark, incident.firstFault)) incident.firstFault = { ...mark, event }
      if (isLater(mark, incident.lastFault)) incident.lastFault = { ...mark, cause: event.cause }
      break
    case 'transition':
      alert(incident, mark, event, original)
      break
    case 'outcome':
      outcome(incident, mark, event)
      break
    case 'verdict':
      if (/^(?:healthy|busy|idle|long_prefill|overloaded)$/.test(event.verdict) && isLater(mark, incident.proof))
        incident.proof = { ...mark, by: 'progress' }
      break
    case 'delivery':
      if (event.status !== 'sent') incident.counts.unsent++
      else {
        incident.counts.sent++
        if (event.transition === 'firing')
          incident.notifiedAt = Math.min(incident.notifiedAt ?? Number.POSITIVE_INFINITY, event.at)
      }
      break
    default:
  }
  incident.closedAt = closedAt(incident)
}

function alert(incident: Gathered, mark: Mark, event: EventOf<'transition'>, original: Event): void {
  if (event.state !== 'firing' && event.state !== 'resolved') return
  const firing = event.state === 'firing'
  const identity = (original as EventOf<'transition'>).fingerprint
  const known = incident.alerts.get(identity)
  if (known === undefined && incident.alerts.size >= alertsPerIncident) return
  if (isLater(mark, known ?? null)) incident.alerts.set(identity, { ...mark, firing, rule: event.rule })
  if (!firing) return
  incident.severity = worse(incident.severity, severityOf(event.labels.severity))
  incident.openedAt = Math.min(incident.openedAt, event.at)
  if (isEarlier(mark, incident.firstAlert)) incident.firstAlert = { ...mark, event }
}

function outcome(incident: Gathered, mark: Mark, event: EventOf<'outcome'>): void {
  const { result } = event
  if (result === 'refused' || result === 'expired' || result === 'stale') {
    incident.counts.refused++
    if (isLater(mark, incident.lastRefusal)) incident.lastRefusal = { ...mark, reason: event.reason }
    return
  }
  if (result === 'started') {
    incident.counts.actions++
    incident.actedAt = Math.min(incident.actedAt ?? Number.POSITIVE_INFINITY, event.at)
  }
  if (isLater(mark, incident.lastAction)) incident.lastAction = { ...mark, event }
  if (result === 'done' && isLater(mark, incident.proof))
    incident.proof = { ...mark, by: event.action === 'stop' ? 'stop' : 'inference' }
  if (result !== 'failed' && result !== 'unknown') return
  incident.counts.failed++
  incident.severity = worse(incident.severity, result === 'failed' ? 'critical' : 'warning')
  incident.openedAt = Math.min(incident.openedAt, event.at)
  if (isEarlier(mark, incident.firstFailure)) incident.firstFailure = { ...mark, event }
}

/** When the last of its alerts was resolved; null while one fires or when it had none. */
export function resolvedAt(incident: Gathered): number | null {
  let last: number | null = null
  for (const one of incident.alerts.values()) {
    if (one.firing) return null
    last = Math.max(last ?? 0, one.at)
  }
  return last
}

function closedAt(incident: Gathered): number | null {
  const { lastFault, lastAction, proof } = incident
  const resolved = resolvedAt(incident)
  if (incident.alerts.size > 0 && resolved === null) return null
  if (lastFault === null && lastAction === null) return resolved
  let need: Mark | null = lastFault
  if (lastAction !== null && lastAction.event.result !== 'done' && isLater(lastAction, need)) need = lastAction
  const close = (at: number): number => Math.max(at, resolved ?? 0, incident.openedAt)
  if (proof !== null && (need === null || later(proof, need))) return close(proof.at)
  // The agent ended in the middle of the action, so no outcome will ever say `done`: then the resolved alert is the word that counts.
  if (lastAction?.event.result === 'unknown' && resolved !== null && resolved >= (need?.at ?? 0)) return close(resolved)
  return null
}
