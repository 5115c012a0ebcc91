// Alerts of Alertmanager's API: all that fire, the groups they are in, and the door through which others post theirs.

import type { Request, Response } from 'express'
import type { Clock } from '../../../core/base/clock.ts'
import { type Alert, isResolved } from '../../alert/alert.ts'
import type { Dispatch } from '../../dispatch/dispatcher.ts'
import type { LabelSet } from '../../dispatch/matcher-text.ts'
import type { Look } from '../../dispatch/view.ts'
import { sendParts } from '../prometheus/answer.ts'
import { alertText, instant, recordText } from './alert-json.ts'
import { bad, filters, flag, pattern, type Routes } from './route.ts'

export type AlertsApiDeps = {
  readonly clock: Clock
  readonly alerts: { current(): readonly Alert[] }
  /** As the posted store's. */
  readonly post: (body: Uint8Array) => Promise<readonly string[]>
  readonly dispatch: Pick<Dispatch, 'look' | 'groups'>
  /** Labels of each receiver, its name among them. */
  readonly receivers: () => readonly LabelSet[]
  /** How far ahead the end of an alert lies that nobody has ended. */
  readonly resolveTimeoutMs: () => number
}

export function addAlerts({ add }: Routes, deps: AlertsApiDeps): void {
  const { clock, dispatch } = deps
  /** What the caller wants to see: null leaves the alert out. */
  const wish = (request: Request): ((alert: Alert, now: number) => Look | null) => {
    const wanted = filters(request, 'filter')
    const show = {
      active: flag(request, 'active'),
      silenced: flag(request, 'silenced'),
      inhibited: flag(request, 'inhibited'),
    }
    return (alert, now) => {
      if (isResolved(alert, now) || !wanted.every((one) => one.matches(alert.labels))) return null
      const look = dispatch.look(alert)
      const suppressed = look.silencedBy.length + look.inhibitedBy.length > 0
      if (!show.active && !suppressed) return null
      if (!show.silenced && look.silencedBy.length > 0) return null
      return !show.inhibited && look.inhibitedBy.length > 0 ? null : look
    }
  }
  const receiverWish = (request: Request): ((name: string) => boolean) => {
    const named = pattern(request, 'receiver')
    const matchers = filters(request, 'receiver_matchers')
    const labelled = new Set(
      deps.receivers().flatMap((labels) => (matchers.every((one) => one.matches(labels)) ? [labels.name ?? ''] : [])),
    )
    return (name) => (named === null || named(name)) && (matchers.length === 0 || labelled.has(name))
  }
  const endless = (now: number): string => instant(now + deps.resolveTimeoutMs())

  const getAlerts = async (request: Request, response: Response): Promise<void> => {
    const shows = wish(request)
    const toReceiver = receiverWish(request)
    const now = clock.now()
    const end = endless(now)
    const rows: { readonly alert: Alert; readonly look: Look }[] = []
    for (const alert of deps.alerts.current()) {
      const look = shows(alert, now)
      if (look?.receivers.some(toReceiver) === true) rows.push({ alert, look })
    }
    rows.sort((a, b) => (a.alert.fingerprint < b.alert.fingerprint ? -1 : 1))
    const parts = function* (): Generator<string> {
      let comma = '['
      for (const { alert, look } of rows) {
        yield `${comma}${alertText(alert, look, [], end)}`
        comma = ','
      }
      yield rows.length === 0 ? '[]\n' : ']\n'
    }
    response.type('json')
    await sendParts(response, parts(), clock)
  }

  const getGroups = async (request: Request, response: Response): Promise<void> => {
    const shows = wish(request)
    const muted = flag(request, 'muted')
    const toReceiver = receiverWish(request)
    const now = clock.now()
    const end = endless(now)
    const groups = dispatch
      .groups()
      .filter((group) => toReceiver(group.receiver) && (muted || group.mutedBy.length === 0))
      .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.receiver < b.receiver ? -1 : 1))
    const parts = function* (): Generator<string> {
      let comma = '['
      for (const group of groups) {
        const alerts = group.alerts.flatMap((alert) => {
          const look = shows(alert, now)
          return look === null ? [] : [alertText(alert, look, group.mutedBy, end)]
        })
        if (alerts.length === 0) continue
        yield `${comma}{"alerts":[${alerts.join(',')}],"labels":${recordText(group.labels)},` +
          `"receiver":${JSON.stringify({ name: group.receiver })},"routeLabels":${recordText(group.routeLabels)}}`
        comma = ','
      }
      yield comma === '[' ? '[]\n' : ']\n'
    }
    response.type('json')
    await sendParts(response, parts(), clock)
  }

  const postAlerts = async (request: Request, response: Response): Promise<void> => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    const faults = await deps.post(body)
    if (faults.length > 0) throw bad(faults.join('\n'))
    response.status(200).end()
  }

  add('/alerts', { get: { needs: 'read', handle: getAlerts }, post: { needs: 'post_alerts', handle: postAlerts } })
  add('/alerts/groups', { get: { needs: 'read', handle: getGroups } })
}
