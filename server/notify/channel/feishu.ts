// Feishu (Lark) group robot: the signature stands in the body, made in the opposite way to DingTalk's — the text is the key and nothing is the
// message — over seconds. At most 20 000 bytes. The answer holds `code`, or `StatusCode` where the robot is old.

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
import { feishuMarkdown, feishuText } from '../render/formats.ts'
import { layOut } from '../render/layout.ts'
import { titleOf, toMessage } from '../render/message.ts'
import { type RobotRules, readRobotReply } from '../robot-reply.ts'
import { allowPrivate, fileName, reachOf, secretText, takeSecret, takeUrl, urlSecrets } from '../secret-field.ts'
import { ownKeys, type Sources } from '../template/field.ts'
import { ownTexts } from '../template/template-text.ts'

export const maxBodyBytes = 20_000
const base = 'https://open.feishu.cn/open-apis/bot/v2/hook/'

const rules: RobotRules = {
  fields: ['code', 'StatusCode'],
  verdicts: {
    0: 'ok',
    11232: 'rate_limited',
    19021: 'rejected',
    19022: 'rejected',
    19024: 'rejected',
    9499: 'rejected',
    19036: 'too_long',
  },
  waitMs: 60_000,
}

export const feishuConfig = (files: Sources) =>
  z
    .object({
      url: secretText,
      url_file: fileName,
      secret: secretText,
      secret_file: fileName,
      keyword: z.string().min(1).max(100).optional(),
      message_type: z.enum(['card', 'text']).default('card'),
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
      if (raw.mentions.mobiles.length > 0) {
        const message = 'Feishu calls people by user_ids (open_id) or all: mobiles cannot be used'
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
export type FeishuConfig = z.infer<ReturnType<typeof feishuConfig>>

/** Base64 of HMAC-SHA256 over nothing, keyed with `timestamp\nsecret`; the timestamp in seconds. */
export function feishuSign(timestamp: number, key: Secret): string {
  return createHmac('sha256', `${timestamp}\n${key.reveal()}`).update('').digest('base64')
}

/** Colours of a card's head: red fires badly, orange fires, green is over. The title says the same in words. */
const templateOf = (status: 'firing' | 'resolved', icon: string): string =>
  status === 'resolved' ? 'green' : icon === '🔴' ? 'red' : 'orange'

export function feishuBody(
  notification: Notification,
  config: FeishuConfig,
  now: number,
  limit = maxBodyBytes,
): Fitted {
  const message = toMessage(notification, config.look, ownTexts(config.own, notification))
  const called = notification.status === 'firing' ? config.mentions : nobody
  const ids = [...called.user_ids, ...(called.all ? ['all'] : [])]
  const timestamp = Math.floor(now / 1000)
  const signed =
    config.secret === null ? {} : { timestamp: String(timestamp), sign: feishuSign(timestamp, config.secret) }
  const tailOf = (names: readonly string[], text: string): string =>
    [text.includes(config.keyword) ? '' : config.keyword, names.join(' ')].filter((part) => part !== '').join(' ')
  if (config.messageType === 'text') {
    const names = ids.map((id) => `<at user_id="${id}"></at>`)
    return fitJson(limit, (room) => {
      const first = layOut(message, feishuText, room, tailOf(names, ''), jsonLength)
      return { body: { ...signed, msg_type: 'text', content: { text: first.text } }, shown: first.shown }
    })
  }
  const title = cutBytes(titleOf(message), 256)
  const buttons = message.links
    .filter((link) => byteLength(link.url) <= 1024)
    .map((link) => ({ tag: 'button', text: { tag: 'plain_text', content: link.name }, url: link.url, type: 'default' }))
  const names = ids.map((id) => `<at id=${id}></at>`)
  const template = templateOf(message.status, message.icon)
  return fitJson(limit, (room) => {
    const { text, shown } = layOut({ ...message, links: [] }, feishuMarkdown, room, tailOf(names, title), jsonLength)
    const elements = [
      { tag: 'markdown', content: text },
      ...(buttons.length === 0 ? [] : [{ tag: 'action', actions: buttons }]),
    ]
    const header = { template, title: { tag: 'plain_text', content: title } }
    const card = { config: { wide_screen_mode: true }, header, elements }
    return { body: { ...signed, msg_type: 'interactive', card }, shown }
  })
}

export function feishuChannel(place: ChannelPlace, config: FeishuConfig, deps: ChannelDeps): Channel {
  const secrets = [...urlSecrets(config.url.reveal()), ...(config.secret === null ? [] : [config.secret.reveal()])]
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  const attempt = async (notification: Notification, limit: number, signal: AbortSignal): Promise<SendResult> => {
    const { body } = feishuBody(notification, config, deps.clock.now(), limit)
    const url = config.url.reveal()
    const outcome = await deps.post({ url, headers, body, timeoutMs: config.timeoutMs, reach: config.reach }, signal)
    return readRobotReply(outcome, rules, secrets, deps.clock.now())
  }
  return {
    name: channelName(place, 'feishu'),
    kind: 'feishu',
    receiver: place.receiver,
    sendResolved: config.sendResolved,
    ...(config.spillTo === undefined ? {} : { spillTo: config.spillTo }),
    // 100 a minute and 5 a second: nine tenths of the one, and a burst that with its refill stays within the other.
    quota: robotQuota(config.url.reveal(), { perMinute: 90, burst: 3 }),
    async send(notification, signal) {
      const result = await attempt(notification, maxBodyBytes, signal)
      if (result.ok || result.code !== 'too_long') return result
      return attempt(notification, maxBodyBytes / 2, signal)
    },
    shown: (notification) => feishuBody(notification, config, deps.clock.now()).shown,
    preview(notification) {
      const { origin } = new URL(config.url.reveal())
      const body = JSON.parse(feishuBody(notification, config, deps.clock.now()).body) as Record<string, unknown>
      const shown = JSON.stringify('sign' in body ? { ...body, sign: '***' } : body, null, 2)
      return `POST ${origin}/open-apis/bot/v2/hook/***\n\n${shown}`
    },
  }
}
