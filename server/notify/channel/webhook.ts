// Generic webhook: Alertmanager's JSON, version "4", field by field, so that whatever reads Alertmanager's reads ours. Beside it stand an
// `Idempotency-Key` and, with a secret, a signature over time and body.

import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { type Alert, isResolved } from '../../alert/alert.ts'
import type { Channel } from '../../dispatch/channel.ts'
import type { Notification } from '../../dispatch/notification.ts'
import { type ChannelDeps, type ChannelPlace, channelName, notYet, timeout } from '../channel-config.ts'
import { cutSecrets, replyText, transportFailure } from '../outcome.ts'
import { allowPrivate, fileName, reachOf, secretText, takeSecret, takeUrl, urlSecrets } from '../secret-field.ts'
import type { Sources } from '../template/field.ts'
import { payloadKey } from '../template/payload.ts'

export const webhookConfig = (files: Sources) =>
  z
    .object({
      url: secretText,
      url_file: fileName,
      secret: secretText,
      secret_file: fileName,
      /** 0 = all. */
      max_alerts: z.number().int().min(0).default(0),
      ...allowPrivate,
      send_resolved: z.boolean().default(true),
      timeout,
      http_config: notYet('put user and password into the URL, or sign with secret_file'),
      payload: payloadKey(files),
    })
    .strict()
    .transform((raw, context) => {
      const url = takeUrl(context, raw, 'url', files)
      const key = takeSecret(context, raw, 'secret', files)
      if (url === undefined && context.issues.length === 0) {
        context.addIssue({ code: 'custom', message: 'url or url_file is missing' })
      }
      if (url === undefined || context.issues.length > 0) return z.NEVER
      return {
        url,
        secret: key ?? null,
        maxAlerts: raw.max_alerts,
        reach: reachOf(raw),
        sendResolved: raw.send_resolved,
        timeoutMs: raw.timeout,
        payload: raw.payload,
      }
    })
export type WebhookConfig = z.infer<ReturnType<typeof webhookConfig>>

/** Go's RFC 3339: no fraction of zeros; the zero time stands for "has not ended". */
const instant = (at: number | null): string =>
  at === null ? '0001-01-01T00:00:00Z' : new Date(at).toISOString().replace(/\.?0*Z$/, 'Z')

/** Version 4; `fault` tells why it is not the payload that was asked for. */
export function webhookBody(notification: Notification, maxAlerts = 0, fault: string | null = null): string {
  const shown = maxAlerts > 0 ? notification.alerts.slice(0, maxAlerts) : notification.alerts
  const alert = (one: Alert): Record<string, unknown> => {
    const resolved = isResolved(one, notification.at)
    return {
      status: resolved ? 'resolved' : 'firing',
      labels: one.labels,
      annotations: one.annotations,
      startsAt: instant(one.startsAt),
      endsAt: instant(resolved ? one.endsAt : null),
      generatorURL: one.generatorUrl,
      fingerprint: one.fingerprint,
    }
  }
  return JSON.stringify({
    receiver: notification.receiver,
    status: notification.status,
    alerts: shown.map(alert),
    groupLabels: notification.groupLabels,
    commonLabels: notification.commonLabels,
    commonAnnotations: notification.commonAnnotations,
    externalURL: notification.externalUrl,
    version: '4',
    groupKey: notification.groupKey,
    truncatedAlerts: notification.truncated + notification.alerts.length - shown.length,
    ...(fault === null ? {} : { templateFault: fault }),
  })
}

function bodyOf(notification: Notification, { payload, maxAlerts }: WebhookConfig): string {
  if (payload === null) return webhookBody(notification, maxAlerts)
  const listed = maxAlerts > 0 ? { ...notification, alerts: notification.alerts.slice(0, maxAlerts) } : notification
  const { body, fault } = payload.render(listed)
  return body ?? webhookBody(notification, maxAlerts, fault)
}

/** `sha256=` and the hexadecimal HMAC over `timestamp.body`, the timestamp in seconds. */
export function webhookSignature(timestamp: number, body: string, key: string): string {
  return `sha256=${createHmac('sha256', key).update(`${timestamp}.${body}`).digest('hex')}`
}

export function webhookChannel(place: ChannelPlace, config: WebhookConfig, deps: ChannelDeps): Channel {
  const secrets = [...urlSecrets(config.url.reveal()), ...(config.secret === null ? [] : [config.secret.reveal()])]
  const headersOf = (notification: Notification, body: string): Record<string, string> => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': notification.id }
    if (config.secret === null) return headers
    const timestamp = Math.floor(deps.clock.now() / 1000)
    return {
      ...headers,
      'x-signature-timestamp': String(timestamp),
      'x-signature': webhookSignature(timestamp, body, config.secret.reveal()),
    }
  }
  return {
    name: channelName(place, 'webhook'),
    kind: 'webhook',
    receiver: place.receiver,
    sendResolved: config.sendResolved,
    async send(notification, signal) {
      const body = bodyOf(notification, config)
      const headers = headersOf(notification, body)
      const outcome = await deps.post(
        { url: config.url.reveal(), headers, body, timeoutMs: config.timeoutMs, reach: config.reach },
        signal,
      )
      const failed = transportFailure(outcome, secrets, deps.clock.now())
      if (failed !== null) return failed
      const said = outcome.kind === 'reply' ? `HTTP ${outcome.status} ${outcome.body}` : ''
      return { ok: true, reply: replyText(said, secrets) }
    },
    preview(notification) {
      const { origin, pathname, search } = new URL(config.url.reveal())
      const body = bodyOf(notification, config)
      const headers = Object.entries(headersOf(notification, body)).map(
        ([name, value]) => `${name}: ${name === 'x-signature' ? '***' : value}`,
      )
      const head = [`POST ${origin}${pathname === '/' && search === '' ? '/' : '/***'}`, ...headers].join('\n')
      return `${head}\n\n${cutSecrets(JSON.stringify(JSON.parse(body), null, 2), config.secret === null ? [] : [config.secret.reveal()])}`
    },
  }
}
