// The ways a message is written: Markdown as DingTalk, WeCom, Feishu and Slack read it, and plain text. Values are escaped here and nowhere else, so that
// a label can neither format, nor link, nor mention anybody.

import type { Format } from './layout.ts'

/** `_` inside a word formats nothing and is left alone: model names are full of them. `<` would open a font or a mention. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/[\\`*[\]~|]/g, '\\$&')
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_')
    .replaceAll('<', '＜')
    .replace(/^(\s*)([#>+-])/, '$1\\$2')
    .replace(/^(\s*\d+)\./, '$1\\.')
}

const markdownBase = {
  title: (text) => `### ${escapeMarkdown(text)}`,
  links: (links) => links.map((link) => `[${link.name}](${link.url})`).join(' · '),
  heading: (text) => `**${text}**`,
  gap: '\n\n',
} satisfies Partial<Format>

/** Lists: one line break is none there unless the line is an item of its own. */
export const dingtalkMarkdown: Format = {
  ...markdownBase,
  field: (name, value, colon) => `- **${name}**${colon}${escapeMarkdown(value)}`,
  heading: (text) => `**${text}**\n`,
  item: (text) => `- ${escapeMarkdown(text)}`,
  newline: '\n',
}

/** WeCom's first Markdown knows headings, bold, links, quotes and three colours, and no lists. */
export const wecomMarkdown: Format = {
  ...markdownBase,
  field: (name, value, colon) => `> ${name}${colon}**${escapeMarkdown(value)}**`,
  item: (text) => `> ${escapeMarkdown(text)}`,
  gap: '\n\n',
  newline: '\n',
}

/** Inside a Feishu card; `<` would open a mention or a colour. */
export const feishuMarkdown: Format = {
  ...markdownBase,
  title: (text) => `**${escapeMarkdown(text)}**`,
  field: (name, value, colon) => `**${name}**${colon}${escapeMarkdown(value)}`,
  item: (text) => `- ${escapeMarkdown(text)}`,
  newline: '\n',
}

/** Slack's own: three characters open entities, links and mentions, and there is no escape but the entity. */
const escapeSlack = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

export const slackMarkdown: Format = {
  title: (text) => `*${escapeSlack(text)}*`,
  field: (name, value, colon) => `*${name}*${colon}${escapeSlack(value)}`,
  links: (links) => links.map((link) => `<${link.url}|${link.name}>`).join(' · '),
  heading: (text) => `*${text}*`,
  item: (text) => `• ${escapeSlack(text)}`,
  gap: '\n\n',
  newline: '\n',
}

export const plainText: Format = {
  title: (text) => text,
  field: (name, value, colon) => `${name}${colon}${value}`,
  links: (links) => links.map((link) => `${link.name}: ${link.url}`).join('\n'),
  heading: (text) => `${text}`,
  item: (text) => `- ${text}`,
  gap: '\n\n',
  newline: '\n',
}

/** Feishu reads `<at …>` in a text as well. */
export const feishuText: Format = {
  ...plainText,
  title: (text) => text.replaceAll('<', '＜'),
  field: (name, value, colon) => `${name}${colon}${value.replaceAll('<', '＜')}`,
  item: (text) => `- ${text.replaceAll('<', '＜')}`,
}
