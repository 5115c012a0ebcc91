// Where an alert with these labels would go, and why: the answer to the question that routing trees raise most. Plain data for API and CLI.

import type { Channel } from './channel.ts'
import type { InhibitRule } from './inhibit-config.ts'
import type { Inhibited } from './inhibition.ts'
import { type LabelSet, matchersText } from './matcher-text.ts'
import { explainRoutes, groupKey, groupLabels, matchRoutes, type Route } from './route.ts'
import { type Muted, mutedBy, speaksAgain } from './time-interval.ts'

export type Explanation = {
  /** The alert that mutes this one now, and by which rule; null: none. */
  readonly inhibitedBy: { readonly rule: string; readonly fingerprint: string; readonly labels: LabelSet } | null
  /** Ids of the silences that silence it now. */
  readonly silencedBy: readonly string[]
  /** Every route that was looked at, in order. */
  readonly steps: readonly {
    readonly route: string
    readonly receiver: string
    readonly result: 'taken' | 'passed' | 'missed'
    /** The first matcher that did not hold; empty unless missed. */
    readonly missed: string
  }[]
  readonly targets: readonly {
    readonly route: string
    readonly receiver: string
    readonly channels: readonly string[]
    readonly groupKey: string
    readonly groupLabels: LabelSet
    readonly groupWaitMs: number
    readonly groupIntervalMs: number
    readonly repeatIntervalMs: number
    readonly resolveWaitMs: number
    /** Why the route is silent now, and until when; null: it is not. */
    readonly muted: (Muted & { readonly until: number }) | null
  }[]
}

export function explain(
  root: Route,
  labels: LabelSet,
  channels: readonly Channel[],
  inhibited: Inhibited | null,
  silencedBy: readonly string[],
  now: number,
): Explanation {
  return {
    inhibitedBy:
      inhibited === null
        ? null
        : {
            rule: ruleText(inhibited.rule),
            fingerprint: inhibited.source.fingerprint,
            labels: inhibited.source.labels,
          },
    silencedBy,
    steps: explainRoutes(root, labels).map(({ route, result }) => ({
      route: route.key,
      receiver: route.receiver,
      result: typeof result === 'object' ? 'missed' : result,
      missed: typeof result === 'object' ? result.missed : '',
    })),
    targets: matchRoutes(root, labels).map((route) => ({
      route: route.key,
      receiver: route.receiver,
      channels: channels.filter((channel) => channel.receiver === route.receiver).map((channel) => channel.name),
      groupKey: groupKey(route, labels),
      groupLabels: groupLabels(route, labels),
      groupWaitMs: route.groupWaitMs,
      groupIntervalMs: route.groupIntervalMs,
      repeatIntervalMs: route.repeatIntervalMs,
      resolveWaitMs: route.resolveWaitMs,
      muted: mutedNow(route, now),
    })),
  }
}

function mutedNow(route: Route, now: number): (Muted & { until: number }) | null {
  const muted = mutedBy(route.times, now)
  return muted === null ? null : { ...muted, until: speaksAgain(route.times, now) }
}

const ruleText = (rule: InhibitRule): string =>
  rule.name !== '' ? rule.name : `${matchersText(rule.source)} inhibits ${matchersText(rule.target)}`
