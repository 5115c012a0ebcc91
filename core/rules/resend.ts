// When an alert is posted to an Alertmanager, as Prometheus decides it: at once when it fires or resolves, again after the delay as long as it fires, and a
// quarter of an hour long after it resolved. What is posted says until when it holds should nobody post again. Pure: called once after each evaluation.
// The suite of alert generators is held against it; alerts are forwarded by `server/notify/forward.ts`, which sees changes and not evaluations, and
// keeps the same minute and quarter of an hour by its own clock.

import type { ActiveAlerts } from './alerting-rule.ts'
import { type LabelRecord, labelKey } from './labels.ts'
import type { Transition } from './transition.ts'

export type Post = {
  readonly labels: LabelRecord
  readonly annotations: LabelRecord
  readonly startsAt: number
  /** When it ended, or until when it counts as firing. */
  readonly endsAt: number
}
export type Resend = {
  /** What is to be posted after the evaluation at `at`; `active` are the alerts of one rule as it left them, `changes` what it said. */
  due(at: number, intervalMs: number, active: ActiveAlerts, changes: readonly Transition[]): readonly Post[]
}

const defaultDelayMs = 60_000
const keepResolvedMs = 15 * 60_000
/** Evaluations, or posts, that may fail before a firing alert is taken for resolved. */
const spares = 4

type Ended = Post & { sentAt: number | null }

export function openResend(delayMs = defaultDelayMs): Resend {
  const sentAt = new Map<string, number>()
  const ended = new Map<string, Ended>()
  const again = (last: number | null | undefined, at: number): boolean => last == null || last + delayMs < at
  return {
    due(at, intervalMs, active, changes) {
      for (const { state, labels, annotations, firedAt } of changes) {
        const key = labelKey(labels)
        if (state === 'resolved') {
          sentAt.delete(key)
          ended.set(key, { labels, annotations, startsAt: firedAt ?? at, endsAt: at, sentAt: null })
        } else if (state === 'firing') ended.delete(key)
      }
      const posts: Post[] = []
      for (const [key, alert] of active) {
        if (alert.state !== 'firing' || !again(sentAt.get(key), at)) continue
        sentAt.set(key, at)
        const { labels, annotations, firedAt: startsAt } = alert
        posts.push({ labels, annotations, startsAt, endsAt: at + spares * Math.max(delayMs, intervalMs) })
      }
      for (const [key, one] of ended) {
        if (at - one.endsAt > keepResolvedMs) ended.delete(key)
        else if (again(one.sentAt, at)) {
          one.sentAt = at
          const { labels, annotations, startsAt, endsAt } = one
          posts.push({ labels, annotations, startsAt, endsAt })
        }
      }
      return posts
    },
  }
}
