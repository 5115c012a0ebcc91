// One line of an incident's timeline: an event, trimmed. Texts that came from outside (last words of a process, a receiver's reply, label
// values) lose control and direction characters here, once, so that no reader downstream can be led astray by them; and lengths are bounded.

import type { Event, Evidence } from '../../core/event/event.ts'

export type Entry = { readonly sequence: number; readonly event: Event }

/** A place in the history: by wall time at the source, then by order of arrival. */
export type Mark = { readonly at: number; readonly sequence: number }

export const markOf = (entry: Entry): Mark => ({ at: entry.event.at, sequence: entry.sequence })
export const later = (a: Mark, b: Mark): boolean => a.at > b.at || (a.at === b.at && a.sequence > b.sequence)

const textLimit = 400
const evidenceLimit = 6
const labelLimit = 16

// Control characters but for white space, zero-width and bidirectional marks, lone surrogates, private tags.
const unseen =
  /(?![\t\n\r])[\p{Cc}\p{Cs}]|[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/gu

/** One line of visible text, at most `limit` characters. */
export function clean(text: string, limit = textLimit): string {
  const line = text
    .slice(0, limit * 4)
    .replace(unseen, '')
    .replace(/\s+/g, ' ')
    .trim()
  const characters = [...line]
  return characters.length <= limit ? line : `${characters.slice(0, limit - 1).join('')}…`
}

const cleanEvidence = (list: readonly Evidence[]): Evidence[] =>
  list.slice(0, evidenceLimit).map(({ source, statement }) => ({
    source: clean(source, 60),
    statement: clean(statement, 240),
  }))

function cleanLabels(
  labels: Readonly<Record<string, string>>,
  wanted: readonly string[] | null,
): Record<string, string> {
  const names = wanted ?? Object.keys(labels).slice(0, labelLimit)
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = Object.hasOwn(labels, name) ? labels[name] : undefined
      return value === undefined ? [] : [[clean(name, 60), clean(value, 240)]]
    }),
  )
}

/** The event as the timeline keeps it. What routing needs of the original is read before this. */
export function trimmed(event: Event): Event {
  const base = { id: event.id, at: event.at, host: clean(event.host, 200), incarnation: event.incarnation }
  const engine = event.engine === null ? null : clean(event.engine, 200)
  switch (event.kind) {
    case 'fault':
      return { ...event, ...base, engine, detail: clean(event.detail), evidence: cleanEvidence(event.evidence) }
    case 'verdict':
      return { ...event, ...base, engine, evidence: cleanEvidence(event.evidence) }
    case 'transition':
      return {
        ...event,
        ...base,
        engine,
        group: clean(event.group, 100),
        rule: clean(event.rule, 100),
        labels: cleanLabels(event.labels, null),
        annotations: cleanLabels(event.annotations, ['summary', 'summary_zh', 'runbook_url']),
      }
    case 'delivery':
      return {
        ...event,
        ...base,
        engine,
        receiver: clean(event.receiver, 100),
        channel: clean(event.channel, 100),
        messageId: clean(event.messageId, 100),
        fingerprints: [],
        reply: clean(event.reply, 240),
      }
    case 'command':
    case 'outcome':
      return { ...event, ...base, engine, principal: clean(event.principal, 100), reason: clean(event.reason) }
    case 'breaker':
      return { ...event, ...base, engine, backend: clean(event.backend, 100), reason: clean(event.reason) }
    case 'snapshot':
      return { ...event, ...base, engine, snapshotId: clean(event.snapshotId, 100), detail: clean(event.detail) }
    case 'change':
      return {
        ...event,
        ...base,
        engine,
        subject: clean(event.subject, 100),
        principal: clean(event.principal, 100),
        detail: clean(event.detail),
      }
  }
}

/** `critical`, `warning` or `notice`, whatever words a rule file uses; an alert without one is a warning. */
export type Severity = 'critical' | 'warning' | 'notice'

export function severityOf(label: string | undefined): Severity {
  const word = (label ?? '').toLowerCase()
  if (/^(?:critical|page|emergency|fatal|error|p0|p1)$/.test(word)) return 'critical'
  return /^(?:notice|info|information|none|p3|p4)$/.test(word) ? 'notice' : 'warning'
}

const ranks: readonly Severity[] = ['notice', 'warning', 'critical']
export const worse = (a: Severity, b: Severity): Severity => (ranks.indexOf(a) >= ranks.indexOf(b) ? a : b)
