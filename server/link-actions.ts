// What is behind the links of messages: a silence over the labels, or an acknowledgement of every alert that fires with them.

import type { Clock } from '../core/base/clock.ts'
import { InferwardError } from '../core/base/errors.ts'
import type { Alert } from './alert/alert.ts'
import { isResolved } from './alert/alert.ts'
import type { Ack } from './dispatch/ack.ts'
import type { LabelSet } from './dispatch/matcher-text.ts'
import type { Silences } from './dispatch/silences.ts'
import type { ActionPorts } from './http/action-page.ts'

export function linkActions(deps: {
  readonly clock: Clock
  readonly alerts: () => readonly Alert[]
  readonly silences: Pick<Silences, 'set'>
  readonly acks: { set(ack: Ack, alert: Alert | undefined): Promise<void> }
}): Required<ActionPorts> {
  const { clock } = deps
  const firing = (labels: LabelSet): readonly Alert[] =>
    deps
      .alerts()
      .filter((alert) => !isResolved(alert, clock.now()))
      .filter((alert) => Object.entries(labels).every(([name, value]) => alert.labels[name] === value))
  return {
    async silence({ labels, ...rest }) {
      const matchers = Object.entries(labels).map(([name, value]) => ({ name, op: '=' as const, value }))
      const id = await deps.silences.set({ id: '', matchers, startsAt: null, annotations: {}, ...rest })
      return { id, endsAt: rest.endsAt }
    },
    async ack({ labels, ...rest }) {
      const alerts = firing(labels)
      if (alerts.length === 0)
        throw new InferwardError({ code: 'ack.not_found', message: 'none of these alerts fires any more' })
      for (const alert of alerts)
        await deps.acks.set({ fingerprint: alert.fingerprint, at: clock.now(), ...rest }, alert)
      return { alerts: alerts.length }
    },
  }
}
