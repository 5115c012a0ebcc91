// The road from a group to a message, for one channel, as a list of stages. A stage lets the draft go on, changed or not, or stops it with a
// named reason. Pure: it runs inside the transaction of a flush, with what the notification log knows.
//
//   inhibit      takes firing alerts away whose cause is told already; the end of what was told is always told
//   silence      takes alerts away that somebody silenced, their end as well unless people are to be told of it
//   mute time    stops the draft outside the hours of its route, and says when they begin again
//   dedup        is there anything new to say, and why; who has taken an alert over is not reminded of it
//   spacing      firing messages of a group keep a group_interval between them
//   compose      the message
//   record       outbox.flush: log and message in one transaction (dispatcher.ts)
//   quota, send  delivery.ts

import { type Alert, isResolved } from '../alert/alert.ts'
import { type NewsReason, news } from './dedup.ts'
import type { LabelSet } from './matcher-text.ts'
import { type Notification, type NotifyReason, summarize } from './notification.ts'
import type { FlushWrite, LogEntry } from './outbox-port.ts'
import type { Route } from './route.ts'
import { type Muted, mutedBy, speaksAgain } from './time-interval.ts'

/** More alerts than this are counted in the message, not listed. */
export const maxAlertsListed = 1000

export type Draft = {
  readonly groupKey: string
  readonly groupLabels: LabelSet
  readonly route: Route
  readonly channel: { readonly name: string; readonly receiver: string; readonly sendResolved: boolean }
  readonly now: number
  readonly externalUrl: string
  readonly newId: () => string
  /** Alerts of the group; the stages before dedup may take some away. */
  readonly alerts: readonly Alert[]
  readonly inhibited: (alert: Alert) => boolean
  /** Silenced now; `tellResolved`: its end is told all the same. Null: it is not. */
  readonly silenced: (alert: Alert) => { readonly tellResolved: boolean } | null
  /** Somebody has taken it over. */
  readonly acknowledged: (alert: Alert) => boolean
  /** When somebody who had it ceased to; null: never, or not yet. */
  readonly ackEndedAt: (alert: Alert) => number | null
  /** The channel is no longer asked about this group: it hears of ends only. */
  readonly onlyEnds: boolean
  /** Fingerprints of alerts that fire and were taken away. */
  readonly muted: readonly string[]
  /** Fingerprints of alerts that have ended and were taken away: people hear nothing, and are no longer owed a word. */
  readonly hushed: readonly string[]
  /** What the channel knows of this group; null = nothing. */
  readonly known: LogEntry | null
  /** `hushed`: nothing is said, only forgotten. */
  readonly reason: NotifyReason | 'hushed' | null
  readonly notification: Notification | null
}

export type Stopped = {
  readonly stopped: NewsReason | 'inhibited' | 'silenced' | 'acknowledged' | 'held' | Muted['reason']
  /** When the same draft would pass, milliseconds; null = never by waiting. */
  readonly until: number | null
}

export type Stage = (draft: Draft) => Draft | Stopped

export const stages: readonly Stage[] = [inhibit, silence, muteTime, dedup, spacing, compose]

export type Outcome =
  | { readonly reason: NotifyReason | 'hushed'; readonly write: FlushWrite; readonly until: null }
  | { readonly reason: Stopped['stopped']; readonly write: null; readonly until: number | null }

export function runStages(first: Draft): Outcome {
  let draft = first
  for (const stage of stages) {
    const next = stage(draft)
    if ('stopped' in next) return { reason: next.stopped, write: null, until: next.until }
    draft = next
  }
  return { reason: draft.reason!, write: record(draft), until: null }
}

function inhibit(draft: Draft): Draft | Stopped {
  const muted = new Set(draft.alerts.filter((alert) => !isResolved(alert, draft.now) && draft.inhibited(alert)))
  if (muted.size === 0) return draft
  const alerts = draft.alerts.filter((alert) => !muted.has(alert))
  if (alerts.length === 0) return { stopped: 'inhibited', until: null }
  return { ...draft, alerts, muted: [...draft.muted, ...[...muted].map((alert) => alert.fingerprint)] }
}

function silence(draft: Draft): Draft | Stopped {
  const kept: Alert[] = []
  const muted: string[] = []
  const hushed: string[] = []
  for (const alert of draft.alerts) {
    const by = draft.silenced(alert)
    if (by === null) kept.push(alert)
    else if (!isResolved(alert, draft.now)) muted.push(alert.fingerprint)
    else if (by.tellResolved || draft.route.tellSilencedResolved) kept.push(alert)
    else hushed.push(alert.fingerprint)
  }
  if (kept.length === draft.alerts.length) return draft
  if (kept.length === 0 && !hushed.some((one) => draft.known?.firing.includes(one)))
    return { stopped: 'silenced', until: null }
  return { ...draft, alerts: kept, muted: [...draft.muted, ...muted], hushed }
}

function muteTime(draft: Draft): Draft | Stopped {
  const { times } = draft.route
  if (times.mute.length + times.active.length === 0) return draft
  const muted = mutedBy(times, draft.now)
  return muted === null ? draft : { stopped: muted.reason, until: speaksAgain(times, draft.now) }
}

function dedup(draft: Draft): Draft | Stopped {
  let reason = news(draft.known, draft.alerts, draft.route.repeatIntervalMs, draft.now)
  if (reason === 'nothing' && orphaned(draft)) reason = 'repeat'
  if (reason === 'repeat' && firingOf(draft).every(draft.acknowledged)) return { stopped: 'acknowledged', until: null }
  if (draft.onlyEnds && reason !== 'all_resolved' && reason !== 'new_resolved')
    return { stopped: 'nothing', until: null }
  if (reason !== 'nothing') return { ...draft, reason }
  // Told, and ended in silence: the next time it fires is news.
  const forgotten = draft.hushed.some((one) => draft.known?.firing.includes(one))
  return forgotten ? { ...draft, reason: 'hushed' } : { stopped: 'nothing', until: null }
}

const firingOf = ({ alerts, now }: Draft): readonly Alert[] => alerts.filter((alert) => !isResolved(alert, now))

/** Somebody had one of the alerts, has it no more, and nobody was reminded since. */
function orphaned(draft: Draft): boolean {
  const { known } = draft
  if (known === null) return false
  return firingOf(draft).some((alert) => {
    const at = draft.ackEndedAt(alert)
    return at !== null && at > known.toldAt && known.firing.includes(alert.fingerprint)
  })
}

function spacing(draft: Draft): Draft | Stopped {
  if (draft.reason === 'all_resolved' || draft.reason === 'hushed' || draft.known === null) return draft
  if (draft.reason === 'new_resolved' && !draft.channel.sendResolved) return draft
  const until = draft.known.firingAt + draft.route.groupIntervalMs
  // A wall clock that was set back must not hold messages for longer than one interval.
  return draft.now < until && draft.known.firingAt <= draft.now ? { stopped: 'held', until } : draft
}

function compose(draft: Draft): Draft {
  const { reason, channel, known, now } = draft
  if (reason === null || reason === 'hushed') return draft
  if ((reason === 'all_resolved' || reason === 'new_resolved') && !channel.sendResolved) return draft
  const told = new Set(known?.firing)
  const firing = draft.alerts.filter((alert) => !isResolved(alert, now)).map((alert) => ({ ...alert, endsAt: null }))
  // Nobody hears of the end of what nobody was told.
  const resolved = channel.sendResolved
    ? draft.alerts.filter((alert) => isResolved(alert, now) && told.has(alert.fingerprint))
    : []
  const all = [...firing.sort(byStart), ...resolved.sort(byStart)]
  const alerts = all.slice(0, maxAlertsListed)
  const notification: Notification = {
    id: draft.newId(),
    receiver: channel.receiver,
    groupKey: draft.groupKey,
    reason,
    status: firing.length > 0 ? 'firing' : 'resolved',
    groupLabels: draft.groupLabels,
    ...summarize(all),
    alerts,
    truncated: all.length - alerts.length,
    externalUrl: draft.externalUrl,
    at: now,
  }
  return { ...draft, notification }
}

function record(draft: Draft): FlushWrite {
  const { alerts, known, notification, now, hushed } = draft
  if (draft.reason === 'hushed' && known !== null) {
    const entry = { ...known, firing: known.firing.filter((one) => !hushed.includes(one)) }
    return { channel: draft.channel.name, entry, notification: null, critical: false }
  }
  const firing = alerts.filter((alert) => !isResolved(alert, now)).map((alert) => alert.fingerprint)
  // Somebody still waits for the end of a muted alert that was told, unless this message says that all is over.
  const owed = firing.length === 0 ? [] : (known?.firing.filter((one) => draft.muted.includes(one)) ?? [])
  const entry: LogEntry = {
    firing: [...firing, ...owed].sort(),
    toldAt: notification === null ? (known?.toldAt ?? now) : now,
    firingAt: notification?.status === 'firing' ? now : (known?.firingAt ?? 0),
  }
  const critical = notification?.alerts.some((alert) => alert.labels.severity === 'critical') ?? false
  return { channel: draft.channel.name, entry, notification, critical }
}

const byStart = (a: Alert, b: Alert): number =>
  a.startsAt - b.startsAt || (a.fingerprint < b.fingerprint ? -1 : a.fingerprint > b.fingerprint ? 1 : 0)
