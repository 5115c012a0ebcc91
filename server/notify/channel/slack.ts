// Slack incoming webhook: blocks of at most 3000 characters each, one message a second, `ok` in plain text for success. The URL is the whole
// secret. Alertmanager's keys; without any for the message, it is ours.

import { z } from 'zod'
import type { Secret } from '../../../core/base/redact.ts'
import type { Channel } from '../../dispatch/channel.ts'
import type { Notification } from '../../dispatch/notification.ts'
import type { Reach } from '../address-guard.ts'
import {
  type ChannelDeps,
  type ChannelPlace,
  channelName,
  lookKeys,
  lookOf,
  robotQuota,
  spillKey,
  spillOf,
  timeout,
} from '../channel-config.ts'
import type { Fitted } from '../fit-json.ts'
import { failure, replyText, transportFailure } from '../outcome.ts'
import { cutChars } from '../render/bytes.ts'
import { slackMarkdown } from '../render/formats.ts'
import { layOut } from '../render/layout.ts'
import { type Look, titleOf, toMessage } from '../render/message.ts'
import { allowPrivate, fileName, reachOf, secretText, takeUrl, urlSecrets } from '../secret-field.ts'
import { type Sources, templateKey } from '../template/field.ts'
import { ownTexts, type TemplateText } from '../template/template-text.ts'
import { slackIdleKeys } from '../undelivered-kinds.ts'
import { ownMessage, type SlackOwn, slackOwn, slackOwnKeys } from './slack-attachment.ts'

const maxSection = 3000
const maxSections = 4
const maxTitle = 150

export const slackConfig = (files: Sources) =>
  z
    .object({
      api_url: secretText,
      api_url_file: fileName,
      channel: templateKey(files).optional(),
      username: templateKey(files).optional(),
      icon_emoji: templateKey(files).optional(),
      icon_url: templateKey(files).optional(),
      ...slackOwnKeys(files),
      // Read and not used: undelivered.ts names them.
      ...Object.fromEntries(slackIdleKeys.map((key) => [key, z.unknown().optional()])),
      ...allowPrivate,
      send_resolved: z.boolean().default(false),
      timeout,
      ...spillKey,
      ...lookKeys,
    })
    .strict()
    .transform((raw, context) => ({ raw, url: takeUrl(context, raw, 'api_url', files), own: slackOwn(raw, files) }))
export type SlackReceiver = z.infer<ReturnType<typeof slackConfig>>

export type SlackConfig = {
  readonly url: Secret
  /** How the message is shown: channel, name, icon. */
  readonly post: Readonly<Record<string, TemplateText>>
  /** Null: the message is the program's. */
  readonly own: SlackOwn | null
  readonly reach: Reach
  readonly sendResolved: boolean
  readonly spillTo?: string
  readonly timeoutMs: number
  readonly look: Look
}

/** One receiver over `slack_api_url`; null when neither has an address: that is a fault, or a warning, of undelivered.ts. */
export function mergeSlack({ raw, url, own }: SlackReceiver, global: Secret | undefined): SlackConfig | null {
  const address = url ?? global
  if (address === undefined) return null
  const { channel, username, icon_emoji, icon_url } = raw
  const post = Object.entries({ channel, username, icon_emoji, icon_url }).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, text] as const],
  )
  return {
    url: address,
    post: Object.fromEntries(post),
    own,
    reach: reachOf(raw),
    sendResolved: raw.send_resolved,
    ...spillOf(raw),
    timeoutMs: raw.timeout,
    look: lookOf(raw, 'en'),
  }
}

export function slackBody(notification: Notification, config: SlackConfig): Fitted {
  const { texts, fault } = ownTexts(config.post, notification)
  const post = Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== ''))
  const own = config.own === null || notification.digest === true ? null : ownMessage(config.own, notification)
  if (own !== null && own.post !== null && fault === null) {
    return { body: JSON.stringify({ ...post, ...own.post }), shown: notification.alerts.length }
  }
  const message = toMessage(notification, config.look, { texts: {}, fault: fault ?? own?.fault ?? null })
  const title = titleOf(message)
  // A block less than there may be: a section ends at a line break, and so is rarely full.
  const { text, shown } = layOut(message, slackMarkdown, maxSection * (maxSections - 1), '', (part) => part.length)
  const sections = sectionsOf(text).map((part) => ({ type: 'section', text: { type: 'mrkdwn', text: part } }))
  return { body: JSON.stringify({ ...post, text: cutChars(title, maxTitle), blocks: sections }), shown }
}

/** Whole lines, as many as fit into one section; a longer line is cut between characters. */
function sectionsOf(text: string): readonly string[] {
  const out: string[] = []
  let held = ''
  for (const line of text.split('\n')) {
    const whole = held === '' ? line : `${held}\n${line}`
    if (whole.length <= maxSection) {
      held = whole
      continue
    }
    if (held.trim() !== '') out.push(held)
    held = line.length <= maxSection ? line : cutChars(line, maxSection / 2)
  }
  return held.trim() === '' ? out : [...out, held]
}

export function slackChannel(place: ChannelPlace, config: SlackConfig, deps: ChannelDeps): Channel {
  const secrets = urlSecrets(config.url.reveal())
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  return {
    name: channelName(place, 'slack'),
    kind: 'slack',
    receiver: place.receiver,
    sendResolved: config.sendResolved,
    ...(config.spillTo === undefined ? {} : { spillTo: config.spillTo }),
    quota: robotQuota(config.url.reveal(), { perMinute: 50, burst: 1 }),
    async send(notification, signal) {
      const { body } = slackBody(notification, config)
      const url = config.url.reveal()
      const outcome = await deps.post({ url, headers, body, timeoutMs: config.timeoutMs, reach: config.reach }, signal)
      const failed = transportFailure(outcome, secrets, deps.clock.now())
      if (failed !== null) return failed
      const said = outcome.kind === 'reply' ? outcome.body : ''
      const reply = replyText(said, secrets)
      // A login page is HTTP 200 as well.
      return said.trim() === 'ok' ? { ok: true, reply } : failure('bad_reply', reply, true)
    },
    shown: (notification) => slackBody(notification, config).shown,
    preview(notification) {
      const { origin } = new URL(config.url.reveal())
      return `POST ${origin}/***\n\n${JSON.stringify(JSON.parse(slackBody(notification, config).body), null, 2)}`
    },
  }
}
