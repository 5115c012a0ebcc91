// WeCom group robot: the key in the URL is the whole secret. Text of at most 2048 bytes, Markdown of at most 4096; people are called by
// lists beside a text, by `<@userid>` inside Markdown.

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
  timeout,
} from '../channel-config.ts'
import { plainText, wecomMarkdown } from '../render/formats.ts'
import { layout } from '../render/layout.ts'
import { toMessage } from '../render/message.ts'
import { readRobotReply, type Verdict } from '../robot-reply.ts'
import { fileName, type SecretFiles, secretText, takeUrl, urlSecrets } from '../secret-field.ts'

/** Bytes of `content`, not of the body. */
export const maxContentBytes = { text: 2048, markdown: 4096 } as const
const tooFastMs = 60_000
const base = 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key='

const verdicts: Readonly<Record<number, Verdict>> = {
  0: 'ok',
  [-1]: 'busy',
  45009: 'rate_limited',
  40058: 'too_long',
  93000: 'rejected',
  40008: 'rejected',
}

const bareKey = (text: string): string | null => (/^[\w-]{16,}$/.test(text) ? `${base}${text}` : null)

export const wecomConfig = (files: SecretFiles) =>
  z
    .object({
      url: secretText,
      url_file: fileName,
      key: secretText,
      key_file: fileName,
      message_type: z.enum(['markdown', 'text']).default('markdown'),
      mentions,
      send_resolved: z.boolean().default(true),
      timeout,
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
      if (raw.message_type === 'markdown' && (raw.mentions.all || raw.mentions.mobiles.length > 0)) {
        fault(['mentions'], 'markdown calls people by user_ids only: use message_type text for mobiles and all')
      }
      if (address === undefined || context.issues.length > 0) return z.NEVER
      return {
        url: address,
        messageType: raw.message_type,
        mentions: raw.mentions,
        sendResolved: raw.send_resolved,
        timeoutMs: raw.timeout,
        look: lookOf(raw, 'zh'),
      }
    })
export type WecomConfig = z.infer<ReturnType<typeof wecomConfig>>

export function wecomBody(notification: Notification, config: WecomConfig, limit?: number): string {
  const message = toMessage(notification, config.look)
  const called = notification.status === 'firing' ? config.mentions : nobody
  const room = limit ?? maxContentBytes[config.messageType]
  if (config.messageType === 'markdown') {
    const names = called.user_ids.map((name) => `<@${name}>`).join(' ')
    return JSON.stringify({ msgtype: 'markdown', markdown: { content: layout(message, wecomMarkdown, room, names) } })
  }
  const content = layout(message, plainText, room, '')
  const mentioned_list = [...called.user_ids, ...(called.all ? ['@all'] : [])]
  return JSON.stringify({
    msgtype: 'text',
    text: { content, mentioned_list, mentioned_mobile_list: called.mobiles },
  })
}

export function wecomChannel(place: ChannelPlace, config: WecomConfig, deps: ChannelDeps): Channel {
  const secrets = urlSecrets(config.url.reveal()).filter((part) => part !== '/cgi-bin/webhook/send')
  const limit = maxContentBytes[config.messageType]
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  const attempt = async (notification: Notification, room: number, signal: AbortSignal): Promise<SendResult> => {
    const body = wecomBody(notification, config, room)
    const url = config.url.reveal()
    const outcome = await deps.post({ url, headers, body, timeoutMs: config.timeoutMs }, signal)
    return readRobotReply(outcome, verdicts, tooFastMs, secrets, deps.clock.now())
  }
  return {
    name: channelName(place, 'wecom'),
    kind: 'wecom',
    receiver: place.receiver,
    sendResolved: config.sendResolved,
    quota: robotQuota(config.url.reveal()),
    async send(notification, signal) {
      const result = await attempt(notification, limit, signal)
      if (result.ok || result.code !== 'too_long') return result
      return attempt(notification, limit / 2, signal)
    },
    preview(notification) {
      const { origin, pathname } = new URL(config.url.reveal())
      const shown = pathname === '/cgi-bin/webhook/send' ? pathname : '/***'
      const body = JSON.stringify(JSON.parse(wecomBody(notification, config)), null, 2)
      return `POST ${origin}${shown}?key=***\n\n${body}`
    },
  }
}
