// A notification as every channel shows it: one shape, filled once, laid out by each format in its own way. Values are plain text without
// line breaks or control characters; escaping belongs to the format.

import { type Alert, isResolved } from '../../alert/alert.ts'
import type { Notification } from '../../dispatch/notification.ts'
import type { ActionLinks } from '../action-link.ts'
import type { OwnTexts } from './own-texts.ts'
import { localTime, span } from './time.ts'
import { type Lang, severityRank, statusIcon, words } from './words.ts'

export type Look = {
  readonly lang: Lang
  readonly timeZone: string
  /** Links that let a reader act; left out: none. */
  readonly actions?: ActionLinks
}

export type Field = { readonly name: string; readonly value: string }
export type Link = { readonly name: string; readonly url: string }

export type Message = {
  readonly lang: Lang
  readonly status: 'firing' | 'resolved'
  readonly icon: string
  /** `告警中` or `FIRING`, with the number of alerts when there is more than one. */
  readonly word: string
  readonly rule: string
  /** Never cut away: severity, rule, where, value, since. */
  readonly head: readonly Field[]
  /** Summary and description: shortened when there is no room. */
  readonly prose: readonly Field[]
  readonly links: readonly Link[]
  /** One line an alert, the first thousand; empty for a single alert, whose facts are all in the head. */
  readonly lines: readonly string[]
  /** Alerts of the group, those that are in no line included. */
  readonly total: number
  /** What the user's own templates made of it; it stands in place of all the rest. */
  readonly own: { readonly title?: string; readonly text?: string }
}

/** The head line, as the notice on a telephone shows it. */
export const titleOf = (message: Message): string =>
  message.own.title === undefined ? `${message.icon} ${message.word} · ${message.rule}` : oneLine(message.own.title)

const nothingOwn: OwnTexts<'title' | 'text'> = { texts: {}, fault: null }

/** More lines fit into no format. */
const maxLines = 1000

/** Label names under which the same thing is known; the first that is there wins. */
const places = {
  host: ['host', 'hostname', 'Hostname', 'instance', 'node'],
  engine: ['engine'],
  model: ['model', 'model_name'],
  gpu: ['gpu', 'GPU', 'uuid', 'UUID'],
} as const
const valueNames = ['value', 'current_value', 'currentValue']

// C0 and C1 controls, line breaks of every kind, and the marks that turn the direction of text.
const unprintable = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu
export const oneLine = (text: string): string => text.replace(unprintable, ' ').trim()

const pick = (from: Readonly<Record<string, string>>, names: readonly string[]): string => {
  for (const name of names) {
    const found = from[name]
    if (found !== undefined && found !== '') return oneLine(found)
  }
  return ''
}

export function firingCount(notification: Notification): number {
  const firing = notification.alerts.filter((alert) => !isResolved(alert, notification.at)).length
  // Firing ones come first, so what was left out fires only when everything shown does.
  return firing + (firing === notification.alerts.length ? notification.truncated : 0)
}

/** Alertmanager's subject: `[FIRING:2] values of the group labels (values of the other common labels)`. */
export function subject(notification: Notification): string {
  const status = notification.status === 'firing' ? `FIRING:${firingCount(notification)}` : 'RESOLVED'
  const values = (labels: Readonly<Record<string, string>>, without: Readonly<Record<string, string>>): string =>
    Object.keys(labels)
      .filter((name) => without[name] === undefined)
      .sort((a, b) => Number(b === 'alertname') - Number(a === 'alertname') || (a < b ? -1 : 1))
      .map((name) => oneLine(labels[name]!))
      .filter((value) => value !== '')
      .join(' ')
  const name = values(notification.groupLabels, {}) || pick(notification.commonLabels, ['alertname']) || 'alerts'
  const shown = Object.keys(notification.groupLabels).length > 0 ? notification.groupLabels : { alertname: '' }
  const rest = values(notification.commonLabels, shown)
  return `[${status}] ${name}${rest === '' ? '' : ` (${rest})`}`
}

/** A digest is of several groups, and no template was written for it; a part says which it is. */
function ownOf(notification: Notification, { texts }: OwnTexts<'title' | 'text'>): Message['own'] {
  if (notification.digest === true) return {}
  const { part } = notification
  if (part === undefined) return texts
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, `[${part.number}/${part.of}] ${text}`]))
}

/** `own`: what templates made of it; the fault of one is told in the prose, and everything else is the program's. */
export function toMessage(
  notification: Notification,
  look: Look,
  own: OwnTexts<'title' | 'text'> = nothingOwn,
): Message {
  const w = words[look.lang]
  const { alerts, at, status } = notification
  const ended = (alert: Alert): boolean => isResolved(alert, at)
  const total = alerts.length + notification.truncated
  // While the group fires, the head speaks of what fires; what has ended stands in the list.
  const unended = alerts.filter((alert) => !ended(alert))
  const relevant = status === 'resolved' || unended.length === 0 ? alerts : unended
  const distinct = (read: (alert: Alert) => string): string => {
    const all = [...new Set(relevant.map(read).filter((value) => value !== ''))]
    return all.length <= 3 ? all.join(', ') : `${all.slice(0, 3).join(', ')} ${w.and(all.length)}`
  }
  const severity = relevant
    .map((alert) => pick(alert.labels, ['severity', 'level']))
    .reduce((worst, one) => (severityRank(one) < severityRank(worst) || worst === '' ? one : worst), '')
  const severityWord = (one: string): string => w.severities[one.toLowerCase()] ?? one
  const rule = distinct((alert) => pick(alert.labels, ['alertname'])) || pick(notification.groupLabels, ['alertname'])
  const firing = firingCount(notification)
  const since = relevant.reduce((least, one) => Math.min(least, one.startsAt), relevant[0]?.startsAt ?? at)
  const end = status === 'resolved' ? alerts.reduce((most, one) => Math.max(most, one.endsAt ?? at), since) : null
  const field = (name: string, value: string): readonly Field[] => (value === '' ? [] : [{ name, value }])
  /** An annotation for readers of this language may stand beside the plain one: `summary_zh`. */
  const spoken = (name: string): readonly string[] => [`${name}_${look.lang}`, name]
  const common = (name: string): string =>
    pick(notification.commonAnnotations, spoken(name)) ||
    (alerts.length === 1 ? pick(alerts[0]!.annotations, spoken(name)) : '')

  const distinctRule = new Set(alerts.map((alert) => alert.labels.alertname)).size > 1
  const line = (alert: Alert): string => {
    const state = ended(alert) ? 'resolved' : 'firing'
    const gpu = pick(alert.labels, places.gpu)
    const facts = [
      distinctRule ? pick(alert.labels, ['alertname']) : '',
      pick(alert.labels, places.host),
      pick(alert.labels, places.engine),
      pick(alert.labels, places.model),
      gpu === '' ? '' : `${w.gpu} ${gpu}`,
      pick(alert.annotations, valueNames),
      common('summary') === '' ? pick(alert.annotations, ['summary', 'description'].flatMap(spoken)) : '',
      localTime(alert.startsAt, look.timeZone),
      state === 'resolved' ? `${w.lasted} ${span((alert.endsAt ?? at) - alert.startsAt, look.lang)}` : '',
    ]
    const icon = statusIcon(state, pick(alert.labels, ['severity', 'level']))
    return `${icon} ${state === 'firing' ? w.firing : w.resolved} ${facts.filter((fact) => fact !== '').join(' · ')}`
  }

  return {
    lang: look.lang,
    status,
    icon: statusIcon(status, severity),
    word: [
      notification.digest === true ? w.digest : '',
      status === 'firing' ? w.firing : w.resolved,
      total > 1 ? `(${status === 'firing' ? firing : total})` : '',
      notification.part === undefined ? '' : `[${notification.part.number}/${notification.part.of}]`,
    ]
      .filter((part) => part !== '')
      .join(' '),
    rule: rule === '' ? subject(notification) : rule,
    head: [
      ...field(w.severity, severityWord(severity)),
      ...field(w.rule, rule),
      ...field(
        w.host,
        distinct((alert) => pick(alert.labels, places.host)),
      ),
      ...field(
        w.engine,
        distinct((alert) => pick(alert.labels, places.engine)),
      ),
      ...field(
        w.model,
        distinct((alert) => pick(alert.labels, places.model)),
      ),
      ...field(
        w.gpu,
        distinct((alert) => pick(alert.labels, places.gpu)),
      ),
      ...field(
        w.value,
        distinct((alert) => pick(alert.annotations, valueNames)),
      ),
      ...field(w.since, localTime(since, look.timeZone)),
      ...field(w.ended, end === null ? '' : localTime(end, look.timeZone)),
      ...field(w.lasted, end === null ? '' : span(end - since, look.lang)),
      ...field(w.details, firing > 0 && firing < total ? w.counts(firing, total - firing) : ''),
    ],
    prose: [
      ...field(w.templateFault, own.fault ?? ''),
      ...field(w.summary, common('summary')),
      ...field(w.description, common('description')),
    ],
    links: links(notification, look),
    lines: total > 1 ? alerts.slice(0, maxLines).map(line) : [],
    total,
    own: ownOf(notification, own),
  }
}

/** Only http and https: an annotation may hold anything, and a reader will click on it. */
export function safeUrl(text: string): string {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return ''
  return new URL(text).href.replace(/[()[\]<>"'|`*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

function links(notification: Notification, look: Look): readonly Link[] {
  const w = words[look.lang]
  const actions = (look.actions?.(notification) ?? []).map(({ action, url }) => ({
    name: w[action],
    url: safeUrl(url),
  }))
  const first = notification.alerts[0]
  const runbook = notification.commonAnnotations.runbook_url ?? first?.annotations.runbook_url ?? ''
  return [
    { name: w.console, url: safeUrl(notification.externalUrl) },
    ...actions,
    { name: w.source, url: safeUrl(first?.generatorUrl ?? '') },
    { name: w.runbook, url: runbookUrl(runbook, notification.externalUrl) },
  ].filter((link) => link.url !== '')
}

/** The shipped rules name their pages as `alerts/runbooks/NAME.md`; the server shows them under `/runbooks`. */
function runbookUrl(text: string, externalUrl: string): string {
  const page = /^alerts\/runbooks\/([A-Za-z0-9_-]+)\.md$/.exec(text)?.[1]
  return safeUrl(page === undefined ? text : `${externalUrl}/runbooks/${page}`)
}
