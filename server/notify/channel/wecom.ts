// WeCom group robot: the key in the URL is the whole secret. Text of at most 2048 bytes, Markdown of at most 4096; people are called by
// lists beside a text, by `<@userid>` inside Markdown, and not at all by a card.

import { z } from 'zod'
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
import type { Fitted } from '../fit-json.ts'
import { plainText, wecomMarkdown } from '../render/formats.ts'
import { layOut } from '../render/layout.ts'
import { toMessage } from '../render/message.ts'
import { type RobotRules, readRobotReply } from '../robot-reply.ts'
import { allowPrivate, fileName, reachOf, secretText, takeUrl, urlSecrets } from '../secret-field.ts'
import { ownKeys, type Sources } from '../template/field.ts'
import { ownTexts } from '../template/template-text.ts'
import { wecomCard } from './wecom-card.ts'

/** Bytes of `content`, not of the body. */
export const maxContentBytes = { text: 2048, markdown: 4096 } as const
const base = 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key='

const rules: RobotRules = {
  fields: ['errcode'],
  verdicts: { 0: 'ok', [-1]: 'busy', 45009: 'rate_limited', 40058: 'too_long', 93000: 'rejected', 40008: 'rejected' },
  waitMs: 60_000,
}

const bareKey = (text: string): string | null => (/^[\w-]{16,}$/.test(text) ? `${base}${text}` : null)

export const wecomConfig = (files: Sources) =>
  z
    .object({
      url: secretText,
      url_file: fileName,
      key: secretText,
      key_file: fileName,
      message_type: z.enum(['markdown', 'text', 'template_card']).default('markdown'),
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
      const url = takeUrl(context, raw, 'url', files, bareKey)
      const key = takeUrl(context, raw, 'key', files, bareKey)
      const fault = (path: string[], message: string): void => context.addIssue({ code: 'custom', path, message })
      if (url !== undefined && key !== undefined) fault([], 'both a url and a key are set: keep one of them')
      const address = url ?? key
      if (address === undefined && context.issues.length === 0) {
        fault([], 'url, url_file, key or key_file is missing: the address of the robot')
      }
      if (address !== undefined && !new URL(address.reveal()).searchParams.get('key')) {
        fault(['url'], 'the URL has no key: copy all of it')
      }
      const people = raw.mentions.mobiles.length + raw.mentions.user_ids.length
      if (raw.message_type === 'markdown' && (raw.mentions.all || raw.mentions.mobiles.length > 0)) {
        fault(['mentions'], 'markdown calls people by user_ids only: use message_type text for mobiles and all')
      }
      if (raw.message_type === 'template_card' && (raw.mentions.all || people > 0)) {
        fault(['mentions'], 'a template_card calls nobody: use message_type markdown or text')
      }
      if (address === undefined || context.issues.length > 0) return z.NEVER
      return {
        url: address,
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
export type WecomConfig = z.infer<ReturnType<typeof wecomConfig>>

/** A card is for one alert: it has no room for a list, so several go as Markdown. */
export function wecomBody(notification: Notification, config: WecomConfig, shorter = 1): Fitted {
  const message = toMessage(notification, config.look, ownTexts(config.own, notification))
  const called = notification.status === 'firing' ? config.mentions : nobody
  const card =
    config.messageType === 'template_card' && message.total === 1 && message.own.text === undefined
      ? wecomCard(message)
      : null
  if (card !== null) return { body: JSON.stringify({ msgtype: 'template_card', template_card: card }), shown: 1 }
  if (config.messageType !== 'text') {
    const names = called.user_ids.map((name) => `<@${name}>`).join(' ')
    const { text: content, shown } = layOut(message, wecomMarkdown, maxContentBytes.markdown / shorter, names)
    return { body: JSON.stringify({ msgtype: 'markdown', markdown: { content } }), shown }
  }
  const { text: content, shown } = layOut(message, plainText, maxContentBytes.text / shorter, '')
  const mentioned_list = [...called.user_ids, ...(called.all ? ['@all'] : [])]
  const text = { content, mentioned_list, mentioned_mobile_list: called.mobiles }
  return { body: JSON.stringify({ msgtype: 'text', text }), shown }
}

export function wecomChannel(place: ChannelPlace, config: WecomConfig, deps: ChannelDeps): Channel {
  const secrets = urlSecrets(config.url.reveal()).filter((part) => part !== '/cgi-bin/webhook/send')
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  const attempt = async (notification: Notification, shorter: number, signal: AbortSignal): Promise<SendResult> => {
    const { body } = wecomBody(notification, config, shorter)
    const url = config.url.reveal()
    const outcome = await deps.post({ url, headers, body, timeoutMs: config.timeoutMs, reach: config.reach }, signal)
    return readRobotReply(outcome, rules, secrets, deps.clock.now())
  }
  return {
    name: channelName(place, 'wecom'),
    kind: 'wecom',
    receiver: place.receiver,
    sendResolved: config.sendResolved,
    ...(config.spillTo === undefined ? {} : { spillTo: config.spillTo }),
    quota: robotQuota(config.url.reveal()),
    async send(notification, signal) {
      const result = await attempt(notification, 1, signal)
      if (result.ok || result.code !== 'too_long') return result
      return attempt(notification, 2, signal)
    },
    shown: (notification) => wecomBody(notification, config).shown,
    preview(notification) {
      const { origin, pathname } = new URL(config.url.reveal())
      const shown = pathname === '/cgi-bin/webhook/send' ? pathname : '/***'
      const body = JSON.stringify(JSON.parse(wecomBody(notification, config).body), null, 2)
      return `POST ${origin}${shown}?key=***\n\n${body}`
    },
  }
}
