// DingTalk group robot: signed URL, keyword, mentions beside the body and in the text, `msgUuid` against doubles, at most 20 000 bytes.
// Every answer is HTTP 200; the errcode says what became of the message.

import { createHmac } from 'node:crypto'
import { z } from 'zod'
import type { Secret } from '../../../core/base/redact.ts'
import type { Channel, SendResult } from '../../dispatch/channel.ts'
import type { Notification } from '../../dispatch/notification.ts'
import {
  type ChannelDeps,
  type ChannelPlace,
  channelName,
  lookKeys,
  lookOf,
  mentions,
  nobody,
  robotQuota,
  spillKey,
  spillOf,
  timeout,
} from '../channel-config.ts'
import { type Fitted, fitJson, jsonLength } from '../fit-json.ts'
import { byteLength, cutBytes } from '../render/bytes.ts'
import { dingtalkMarkdown, plainText } from '../render/formats.ts'
import { type Format, type Laid, layOut } from '../render/layout.ts'
import { type Message, titleOf, toMessage } from '../render/message.ts'
import { type RobotRules, readRobotReply } from '../robot-reply.ts'
import { allowPrivate, fileName, reachOf, secretText, takeSecret, takeUrl, urlSecrets } from '../secret-field.ts'
import { ownKeys, type Sources } from '../template/field.ts'
import { ownTexts } from '../template/template-text.ts'

export const maxBodyBytes = 20_000
/** A robot that was too fast is blocked this long. */
const blockedMs = 600_000
const base = 'https://oapi.dingtalk.com/robot/send?access_token='

const verdicts: RobotRules['verdicts'] = {
  0: 'ok',
  [-1]: 'busy',
  130101: 'rate_limited',
  660026: 'rate_limited',
  410100: 'rate_limited',
  460101: 'too_long',
  101002: 'too_long',
  ...Object.fromEntries(
    [310000, 300005, 400101, 400102, 400105, 400106, 43004, 430101, 430102, 430103, 430104].map((code) => [
      code,
      'rejected' as const,
    ]),
  ),
}
const rules: RobotRules = { fields: ['errcode'], verdicts, waitMs: blockedMs }

export const dingtalkConfig = (files: Sources) =>
  z
    .object({
      url: secretText,
      url_file: fileName,
      secret: secretText,
      secret_file: fileName,
      keyword: z.string().min(1).max(100).optional(),
      message_type: z.enum(['markdown', 'text', 'action_card']).default('markdown'),
      mentions,
      ...allowPrivate,
      send_resolved: z.boolean().default(true),
      timeout,
      ...spillKey,
      ...ownKeys(files),
      ...lookKeys,
    })
    .strict()
    .transform((raw, context) => {
      const url = takeUrl(context, raw, 'url', files, (text) => (/^[\w-]{16,}$/.test(text) ? `${base}${text}` : null))
      const key = takeSecret(context, raw, 'secret', files)
      if (url === undefined && context.issues.length === 0) {
        context.addIssue({ code: 'custom', message: 'url or url_file is missing: the address of the robot' })
      }
      if (url !== undefined && !new URL(url.reveal()).searchParams.get('access_token')) {
        context.addIssue({ code: 'custom', path: ['url'], message: 'the URL has no access_token: copy all of it' })
      }
      const named = raw.mentions.all || raw.mentions.mobiles.length + raw.mentions.user_ids.length > 0
      if (raw.message_type === 'action_card' && named) {
        const message = 'an action_card calls nobody: use message_type markdown or text'
        context.addIssue({ code: 'custom', path: ['mentions'], message })
      }
      if (url === undefined || context.issues.length > 0) return z.NEVER
      return {
        url,
        secret: key ?? null,
        keyword: raw.keyword ?? '',
        messageType: raw.message_type,
        mentions: raw.mentions,
        reach: reachOf(raw),
        sendResolved: raw.send_resolved,
        ...spillOf(raw),
        timeoutMs: raw.timeout,
        look: lookOf(raw, 'zh'),
        own: { title: raw.title, text: raw.text },
      }
    })
export type DingtalkConfig = z.infer<ReturnType<typeof dingtalkConfig>>

/** Base64 of HMAC-SHA256 over `timestamp\nsecret`, keyed with the secret; not yet URL-encoded. */
export function dingtalkSign(timestamp: number, key: Secret): string {
  return createHmac('sha256', key.reveal()).update(`${timestamp}\n${key.reveal()}`).digest('base64')
}

function signedUrl(config: DingtalkConfig, now: number): string {
  const url = config.url.reveal()
  if (config.secret === null) return url
  return `${url}&timestamp=${now}&sign=${encodeURIComponent(dingtalkSign(now, config.secret))}`
}

/** The JSON to be sent, of at most `limit` bytes. */
export function dingtalkBody(notification: Notification, config: DingtalkConfig, limit = maxBodyBytes): Fitted {
  const message = toMessage(notification, config.look, ownTexts(config.own, notification))
  const called = notification.status === 'firing' ? config.mentions : nobody
  const at = { atMobiles: called.mobiles, atUserIds: called.user_ids, isAtAll: called.all }
  return fitJson(limit, (room) => {
    const { fields, shown } = content(message, config, room)
    return { body: { ...fields, at, msgUuid: notification.id }, shown }
  })
}

type Content = { readonly fields: Record<string, unknown>; readonly shown: number }

function content(message: Message, config: DingtalkConfig, room: number): Content {
  const title = cutBytes(titleOf(message), 128)
  if (config.messageType === 'text') {
    const { text, shown } = laid(message, plainText, config, room)
    return { fields: { msgtype: 'text', text: { content: text } }, shown }
  }
  const buttons = message.links.filter((link) => byteLength(link.url) <= 1024)
  if (config.messageType === 'markdown' || buttons.length === 0) {
    const { text, shown } = laid(message, dingtalkMarkdown, config, room)
    return { fields: { msgtype: 'markdown', markdown: { title, text } }, shown }
  }
  const btns = buttons.map((link) => ({ title: link.name, actionURL: link.url }))
  const { text, shown } = laid({ ...message, links: [] }, dingtalkMarkdown, config, room)
  return { fields: { msgtype: 'actionCard', actionCard: { title, text, btnOrientation: '1', btns } }, shown }
}

/** Without its keyword the robot drops a message, without `@name` in the text nobody is called: both are tail, and never cut. */
function laid(message: Message, format: Format, config: DingtalkConfig, room: number): Laid {
  const called = message.status === 'firing' ? config.mentions : nobody
  const names = [...called.mobiles, ...called.user_ids].map((name) => `@${name}`).join(' ')
  const first = layOut(message, format, room, names, jsonLength)
  if (first.text.includes(config.keyword)) return first
  return layOut(message, format, room, [config.keyword, names].filter((part) => part !== '').join(' '), jsonLength)
}

export function dingtalkChannel(place: ChannelPlace, config: DingtalkConfig, deps: ChannelDeps): Channel {
  const secrets = [
    ...urlSecrets(config.url.reveal()).filter((part) => part !== '/robot/send'),
    ...(config.secret === null ? [] : [config.secret.reveal()]),
  ]
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  const attempt = async (notification: Notification, limit: number, signal: AbortSignal): Promise<SendResult> => {
    const url = signedUrl(config, deps.clock.now())
    const { body } = dingtalkBody(notification, config, limit)
    const outcome = await deps.post({ url, headers, body, timeoutMs: config.timeoutMs, reach: config.reach }, signal)
    const sign = new URL(url).searchParams.get('sign')
    const cut = sign === null ? secrets : [...secrets, sign]
    return readRobotReply(outcome, rules, cut, deps.clock.now())
  }
  return {
    name: channelName(place, 'dingtalk'),
    kind: 'dingtalk',
    receiver: place.receiver,
    sendResolved: config.sendResolved,
    ...(config.spillTo === undefined ? {} : { spillTo: config.spillTo }),
    quota: robotQuota(config.url.reveal()),
    async send(notification, signal) {
      const result = await attempt(notification, maxBodyBytes, signal)
      if (result.ok || result.code !== 'too_long') return result
      return attempt(notification, maxBodyBytes / 2, signal)
    },
    shown: (notification) => dingtalkBody(notification, config).shown,
    preview(notification) {
      const { origin, pathname } = new URL(config.url.reveal())
      const signed = config.secret === null ? '' : `&timestamp=${deps.clock.now()}&sign=***`
      const shown = pathname === '/robot/send' ? pathname : '/***'
      const body = JSON.stringify(JSON.parse(dingtalkBody(notification, config).body), null, 2)
      return `POST ${origin}${shown}?access_token=***${signed}\n\n${body}`
    },
  }
}
