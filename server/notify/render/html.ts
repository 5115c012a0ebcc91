// The HTML part of a mail: one table for the head, a list of alerts, links. Inline styles only, no image, no script, nothing loaded.

import type { Field, Message } from './message.ts'
import { words } from './words.ts'

export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (char) => entities[char]!)
}

/** Alerts past this many are counted, not listed: a mail has no limit of its own, its reader has. */
export const maxMailLines = 200

export function htmlBody(message: Message): string {
  const w = words[message.lang]
  const row = (field: Field): string =>
    `<tr><th align="left" style="padding:2px 12px 2px 0;vertical-align:top">${escapeHtml(field.name)}</th>` +
    `<td style="padding:2px 0">${escapeHtml(field.value)}</td></tr>`
  const lines = message.lines.slice(0, maxMailLines)
  const hidden = message.total > 1 ? message.total - lines.length : 0
  return [
    `<!doctype html><html lang="${message.lang}"><meta charset="utf-8"><body style="font-family:sans-serif">`,
    `<h2>${escapeHtml(`${message.icon} ${message.word} · ${message.rule}`)}</h2>`,
    `<table>${[...message.head, ...message.prose].map(row).join('')}</table>`,
    `<p>${message.links.map((link) => `<a href="${escapeHtml(link.url)}">${escapeHtml(link.name)}</a>`).join(' · ')}</p>`,
    lines.length === 0 ? '' : `<h3>${escapeHtml(w.details)}</h3>`,
    lines.length === 0 ? '' : `<ul>${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`,
    hidden > 0 ? `<p>${escapeHtml(w.more(message.total, hidden))}</p>` : '',
    '</body></html>',
  ]
    .filter((part) => part !== '')
    .join('\n')
}
