// The route tree, ready for use: labels in, the routes that take the alert out. Pure. The first child that matches ends the search among its
// siblings, unless it says `continue`; a route none of whose children match takes the alert itself; what a child leaves unsaid it inherits.

import type { Matcher } from './matcher.ts'
import { type LabelSet, labelsText, matchersText, matcherText } from './matcher-text.ts'
import type { RouteConfig } from './route-config.ts'
import type { RouteTimes } from './time-interval.ts'
import type { NamedIntervals } from './time-interval-config.ts'

export type Route = {
  /** Place in the tree, unique where keys need not be: `0`, `0.2`, `0.2.1`. */
  readonly id: string
  /** As Alertmanager's: the matchers on the way down, `{}/{severity="critical"}`. */
  readonly key: string
  readonly receiver: string
  readonly groupBy: ReadonlySet<string> | 'all'
  readonly groupWaitMs: number
  readonly groupIntervalMs: number
  readonly repeatIntervalMs: number
  readonly resolveWaitMs: number
  readonly continues: boolean
  readonly times: RouteTimes
  readonly labels: LabelSet
  readonly tellSilencedResolved: boolean
  readonly matchers: readonly Matcher[]
  readonly children: readonly Route[]
}

/** One look at one route, in the order of looking. */
export type RouteStep = {
  readonly route: Route
  /** `taken`: the alert goes there; `passed`: a child took it; else the first matcher that did not hold. */
  readonly result: 'taken' | 'passed' | { readonly missed: string }
}

export const routeDefaults = { groupWaitMs: 30_000, groupIntervalMs: 300_000, repeatIntervalMs: 14_400_000 } as const
const minResolveWaitMs = 5000

/** `config` passed `checkRoute` with the names of these intervals. */
export function buildRoutes(config: RouteConfig, intervals: readonly NamedIntervals[] = []): Route {
  const byName = new Map(intervals.map((one) => [one.name, one]))
  return build(config, { key: null, id: '0', said: {} }, (names) =>
    (names ?? []).flatMap((name) => byName.get(name) ?? []),
  )
}

type Said = Pick<
  RouteConfig,
  | 'receiver'
  | 'group_by'
  | 'group_wait'
  | 'group_interval'
  | 'repeat_interval'
  | 'resolve_wait'
  | 'labels'
  | 'tell_silenced_resolved'
>

function build(
  config: RouteConfig,
  place: { readonly key: string | null; readonly id: string; readonly said: Said },
  intervalsOf: (names: readonly string[] | undefined) => readonly NamedIntervals[],
): Route {
  const { said: above, id } = place
  const said: Said = {
    receiver: config.receiver ?? above.receiver,
    // An empty list says nothing.
    group_by: config.group_by === undefined || config.group_by.length === 0 ? above.group_by : config.group_by,
    group_wait: config.group_wait ?? above.group_wait,
    group_interval: config.group_interval ?? above.group_interval,
    repeat_interval: config.repeat_interval ?? above.repeat_interval,
    resolve_wait: config.resolve_wait ?? above.resolve_wait,
    labels: { ...above.labels, ...config.labels },
    tell_silenced_resolved: config.tell_silenced_resolved ?? above.tell_silenced_resolved,
  }
  const matchers = [...config.match, ...config.match_re, ...config.matchers]
  const key = place.key === null ? matchersText(matchers) : `${place.key}/${matchersText(matchers)}`
  const groupWaitMs = said.group_wait ?? routeDefaults.groupWaitMs
  const groupIntervalMs = said.group_interval ?? routeDefaults.groupIntervalMs
  return {
    id,
    key,
    receiver: said.receiver ?? '',
    groupBy: said.group_by?.includes('...') ? 'all' : new Set(said.group_by),
    groupWaitMs,
    groupIntervalMs,
    repeatIntervalMs: said.repeat_interval ?? routeDefaults.repeatIntervalMs,
    resolveWaitMs: Math.min(groupIntervalMs, said.resolve_wait ?? Math.max(groupWaitMs, minResolveWaitMs)),
    continues: config.continue ?? false,
    // Not inherited: a child without times of its own speaks at any time, as in Alertmanager.
    times: { mute: intervalsOf(config.mute_time_intervals), active: intervalsOf(config.active_time_intervals) },
    labels: said.labels ?? {},
    tellSilencedResolved: said.tell_silenced_resolved ?? false,
    matchers,
    children: (config.routes ?? []).map((child, index) =>
      build(child, { key, id: `${id}.${index}`, said }, intervalsOf),
    ),
  }
}

/** The routes that take an alert with these labels, in tree order; none when the root itself does not match. */
export function matchRoutes(root: Route, labels: LabelSet): readonly Route[] {
  if (!root.matchers.every((one) => one.matches(labels))) return []
  const taken: Route[] = []
  for (const child of root.children) {
    const found = matchRoutes(child, labels)
    taken.push(...found)
    if (found.length > 0 && !child.continues) break
  }
  return taken.length > 0 ? taken : [root]
}

/** The same search, told step by step: why an alert goes where it goes. */
export function explainRoutes(root: Route, labels: LabelSet): readonly RouteStep[] {
  const missed = root.matchers.find((one) => !one.matches(labels))
  if (missed !== undefined) return [{ route: root, result: { missed: matcherText(missed) } }]
  const below: RouteStep[] = []
  let passed = false
  for (const child of root.children) {
    const steps = explainRoutes(child, labels)
    below.push(...steps)
    if (typeof steps[0]?.result === 'object') continue
    passed = true
    if (!child.continues) break
  }
  return [{ route: root, result: passed ? 'passed' : 'taken' }, ...below]
}

/** The labels that an alert's group goes by on this route. */
export function groupLabels(route: Route, labels: LabelSet): LabelSet {
  if (route.groupBy === 'all') return labels
  const { groupBy } = route
  return Object.fromEntries(Object.entries(labels).filter(([name]) => groupBy.has(name)))
}

/** As Alertmanager's, `{}/{severity="critical"}:{alertname="EngineCrashed"}`: receivers see it and keep it. */
export function groupKey(route: Route, labels: LabelSet): string {
  return `${route.key}:${labelsText(groupLabels(route, labels))}`
}

/** The longest wait of any route: what is remembered must outlive it. */
export function longestInterval(root: Route): number {
  return Math.max(root.groupIntervalMs, root.repeatIntervalMs, ...root.children.map(longestInterval))
}
