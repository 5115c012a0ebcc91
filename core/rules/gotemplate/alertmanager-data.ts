// The data of notification templates: Alertmanager's Data, Alerts, Alert, KV and Pairs with the methods that templates call. Made from plain
// records; field names and order are upstream's, since templates and toJson show them.

import { method } from './function.ts'
import { timeFromMs } from './time-value.ts'
import { byBytes, type GoList, type GoMap, type GoStruct, list, type Methods, map, struct } from './value.ts'

export type AlertData = {
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Milliseconds; the zero of Go's time where the alert has no end. */
  readonly startsAt: number
  readonly endsAt: number | null
  readonly generatorUrl: string
  readonly fingerprint: string
}
export type NotificationData = {
  readonly receiver: string
  readonly status: 'firing' | 'resolved'
  readonly alerts: readonly AlertData[]
  readonly notificationReason?: string
  readonly groupLabels: Readonly<Record<string, string>>
  readonly commonLabels: Readonly<Record<string, string>>
  readonly commonAnnotations: Readonly<Record<string, string>>
  readonly routeLabels?: Readonly<Record<string, string>>
  readonly externalUrl: string
}

const textsMethods: Methods = {
  Join: method(['string'], (texts: GoList, separator: string) => texts.items.join(separator)),
}
export const strings = (items: readonly string[]): GoList => list('template.Strings', items, textsMethods)

type Pair = { readonly name: string; readonly value: string }

/** The alert's name first, then by name. */
function pairsOf(kv: GoMap): readonly Pair[] {
  const rank = (name: string): number => (name === 'alertname' ? 0 : 1)
  return Object.keys(kv.entries)
    .sort((a, b) => rank(a) - rank(b) || byBytes(a, b))
    .map((name) => ({ name, value: kv.entries[name] as string }))
}

const pairList = (pairs: readonly Pair[]): GoList =>
  list(
    'template.Pairs',
    pairs.map(({ name, value }) => struct('template.Pair', { Name: name, Value: value })),
    {
      Names: method([], () => strings(pairs.map((pair) => pair.name))),
      Values: method([], () => strings(pairs.map((pair) => pair.value))),
      String: method([], () => pairText(pairs)),
    },
  )
const pairText = (pairs: readonly Pair[]): string => pairs.map(({ name, value }) => `${name}=${value}`).join(', ')

const kvMethods: Methods = {
  SortedPairs: method([], (kv: GoMap) => pairList(pairsOf(kv))),
  Names: method([], (kv: GoMap) => strings(pairsOf(kv).map((pair) => pair.name))),
  Values: method([], (kv: GoMap) => strings(pairsOf(kv).map((pair) => pair.value))),
  String: method([], (kv: GoMap) => pairText(pairsOf(kv))),
  Remove: method(['[]string'], (kv: GoMap, names: GoList | null) => {
    const gone = new Set(names?.items)
    return keyValues(
      Object.fromEntries(Object.entries(kv.entries).filter(([name]) => !gone.has(name))) as Record<string, string>,
    )
  }),
}

export const keyValues = (entries: Readonly<Record<string, string>>): GoMap =>
  map('template.KV', entries, '', kvMethods)

/** Kept apart from the shown fields, since a template may not change what is firing. */
const alertList = (alerts: readonly AlertData[]): GoList => {
  const structs = alerts.map(alertStruct)
  // Made once: a template may ask for them in a loop over them.
  const some = (status: AlertData['status']) => {
    const chosen = list(
      '[]template.Alert',
      structs.filter((_, index) => alerts[index]!.status === status),
    )
    return method([], () => chosen)
  }
  return list('template.Alerts', structs, { Firing: some('firing'), Resolved: some('resolved') })
}

const zeroMs = new Date('0001-01-01T00:00:00Z').getTime()

function alertStruct(alert: AlertData): GoStruct {
  return struct(
    'template.Alert',
    {
      Status: alert.status,
      Labels: keyValues(alert.labels),
      Annotations: keyValues(alert.annotations),
      StartsAt: timeFromMs(alert.startsAt),
      EndsAt: timeFromMs(alert.endsAt ?? zeroMs),
      GeneratorURL: alert.generatorUrl,
      Fingerprint: alert.fingerprint,
    },
    {},
    {
      Status: 'status',
      Labels: 'labels',
      Annotations: 'annotations',
      StartsAt: 'startsAt',
      EndsAt: 'endsAt',
      GeneratorURL: 'generatorURL',
      Fingerprint: 'fingerprint',
    },
  )
}

export function notificationData(data: NotificationData): GoStruct {
  return struct(
    '*template.Data',
    {
      Receiver: data.receiver,
      Status: data.status,
      Alerts: alertList(data.alerts),
      NotificationReason: data.notificationReason ?? '',
      GroupLabels: keyValues(data.groupLabels),
      CommonLabels: keyValues(data.commonLabels),
      CommonAnnotations: keyValues(data.commonAnnotations),
      RouteLabels: keyValues(data.routeLabels ?? {}),
      ExternalURL: data.externalUrl,
    },
    {},
    {
      Receiver: 'receiver',
      Status: 'status',
      Alerts: 'alerts',
      NotificationReason: 'notification_reason',
      GroupLabels: 'groupLabels',
      CommonLabels: 'commonLabels',
      CommonAnnotations: 'commonAnnotations',
      RouteLabels: 'routeLabels',
      ExternalURL: 'externalURL',
    },
  )
}
