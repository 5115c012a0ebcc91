// A Slack message in its user's own words: Alertmanager's keys, each a template, as one attachment. Slack cuts long ones without a mark, so they
// are cut here with one.

import { z } from 'zod'
import type { Notification } from '../../dispatch/notification.ts'
import { cutChars } from '../render/bytes.ts'
import type { OwnTexts } from '../render/own-texts.ts'
import { type Sources, templateKey } from '../template/field.ts'
import { ownTexts, type TemplateText } from '../template/template-text.ts'

/** Key → characters. Upstream cuts the title; the text is what Slack shows before it folds. */
const longest = {
  title: 1024,
  title_link: 2000,
  pretext: 3000,
  text: 8000,
  fallback: 1024,
  color: 100,
  footer: 300,
  callback_id: 255,
  image_url: 2000,
  thumb_url: 2000,
} as const
const names = Object.keys(longest) as readonly (keyof typeof longest)[]
const maxFields = 100

const key = (sources: Sources) => templateKey(sources).optional()

export const slackOwnKeys = (sources: Sources) => ({
  title: key(sources),
  title_link: key(sources),
  pretext: key(sources),
  text: key(sources),
  fallback: key(sources),
  color: key(sources),
  footer: key(sources),
  callback_id: key(sources),
  image_url: key(sources),
  thumb_url: key(sources),
  /** Beside the attachment. */
  message_text: key(sources),
  short_fields: z.boolean().default(false),
  fields: z
    .array(
      z.object({ title: templateKey(sources), value: templateKey(sources), short: z.boolean().optional() }).strict(),
    )
    .max(maxFields)
    .nullish(),
  link_names: z.boolean().default(false),
  mrkdwn_in: z.array(z.string()).nullish(),
})
type Raw = z.infer<z.ZodObject<ReturnType<typeof slackOwnKeys>>>

export type SlackOwn = {
  /** By key; those of fields by `fields[N].title` and `fields[N].value`. */
  readonly templates: Readonly<Record<string, TemplateText>>
  readonly short: readonly boolean[]
  readonly linkNames: boolean
  readonly markdownIn: readonly string[]
}

/** Null where the message is the program's. What is not set is Alertmanager's default by name, which may be defined anew. */
export function slackOwn(raw: Raw, sources: Sources): SlackOwn | null {
  const fields = raw.fields ?? []
  if (names.every((name) => raw[name] === undefined) && raw.message_text === undefined && fields.length === 0)
    return null
  const byName = (name: string): TemplateText =>
    sources.templates.compile(`{{ template "slack.default.${name.replace('_', '')}" . }}`, 'text')
  const own: Record<string, TemplateText> = {}
  for (const name of names) {
    const given = raw[name]
    if (given !== undefined) own[name] = given
    else if (!name.endsWith('_url')) own[name] = byName(name)
  }
  if (raw.message_text !== undefined) own.message_text = raw.message_text
  fields.forEach((field, index) => {
    own[`fields[${index}].title`] = field.title
    own[`fields[${index}].value`] = field.value
  })
  return {
    templates: own,
    short: fields.map((field) => field.short ?? raw.short_fields),
    linkNames: raw.link_names,
    markdownIn: raw.mrkdwn_in ?? ['fallback', 'pretext', 'text'],
  }
}

/** The message, or the fault of a template. */
export function ownMessage(
  own: SlackOwn,
  notification: Notification,
): { readonly post: Readonly<Record<string, unknown>> | null; readonly fault: string | null } {
  const { texts, fault }: OwnTexts<string> = ownTexts(own.templates, notification)
  if (fault !== null) return { post: null, fault }
  const attachment = names.flatMap((name) => {
    const text = texts[name] ?? ''
    return text === '' ? [] : [[name, cutChars(text, longest[name])] as const]
  })
  const fields = own.short.map((short, index) => ({
    title: cutChars(texts[`fields[${index}].title`] ?? '', 300),
    value: cutChars(texts[`fields[${index}].value`] ?? '', 3000),
    short,
  }))
  const post = {
    ...(texts.message_text === undefined ? {} : { text: cutChars(texts.message_text, longest.text) }),
    ...(own.linkNames ? { link_names: true } : {}),
    attachments: [
      {
        ...Object.fromEntries(attachment),
        ...(fields.length === 0 ? {} : { fields }),
        mrkdwn_in: own.markdownIn,
      },
    ],
  }
  return { post, fault: null }
}
