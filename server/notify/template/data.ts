// A notification as templates see it: Alertmanager's data, field by field.

import { notificationData } from '../../../core/rules/gotemplate/alertmanager-data.ts'
import type { GoStruct } from '../../../core/rules/gotemplate/value.ts'
import { isResolved } from '../../alert/alert.ts'
import type { Notification, NotifyReason } from '../../dispatch/notification.ts'

/** Upstream's words, since templates compare them. */
const reasons: Readonly<Record<NotifyReason, string>> = {
  first: 'first notification',
  new_firing: 'new alerts added',
  new_resolved: 'some alerts resolved',
  all_resolved: 'all alerts resolved',
  repeat: 'repeat interval elapsed',
}

export function dataOf(notification: Notification): GoStruct {
  const { at, receiver, status, groupLabels, commonLabels, commonAnnotations, externalUrl } = notification
  return notificationData({
    receiver,
    status,
    groupLabels,
    commonLabels,
    commonAnnotations,
    externalUrl,
    notificationReason: reasons[notification.reason],
    alerts: notification.alerts.map((alert) => {
      const { labels, annotations, startsAt, endsAt, generatorUrl, fingerprint } = alert
      const resolved = isResolved(alert, at)
      return {
        status: resolved ? 'resolved' : 'firing',
        labels,
        annotations,
        startsAt,
        endsAt: resolved ? endsAt : null,
        generatorUrl,
        fingerprint,
      }
    }),
  })
}
