// The words and the HTML of the page behind a link: no script, no style from elsewhere, readable on a phone, in both languages. Everything that
// came from an alert or a person is escaped.

import { escapeHtml } from '../notify/render/html.ts'

export type PageLang = 'en' | 'zh'

type Words = {
  readonly silence: string
  readonly silenceWhat: string
  readonly ack: string
  readonly ackWhat: string
  readonly name: string
  readonly comment: string
  readonly hours: string
  readonly hour: (count: number) => string
  readonly confirm: string
  readonly done: string
  readonly silenced: (until: string, id: string) => string
  readonly acked: (owner: string, alerts: number, until: string) => string
  readonly refused: string
  readonly expired: string
  readonly notOurs: string
  readonly notOffered: string
  readonly badForm: string
  readonly failed: string
}

export const pageWords: Readonly<Record<PageLang, Words>> = {
  en: {
    silence: 'Silence these alerts?',
    silenceWhat:
      'Nobody is told of alerts with all of these labels until the silence ends. Nothing has been changed yet.',
    ack: 'Acknowledge these alerts?',
    ackWhat: 'You take care of alerts with all of these labels. Nothing has been changed yet.',
    name: 'Your name',
    comment: 'Comment',
    hours: 'For how long',
    hour: (count) => (count === 1 ? '1 hour' : `${count} hours`),
    confirm: 'Confirm',
    done: 'Done',
    silenced: (until, id) => `Silenced until ${until} (silence ${id}). End it earlier in the console or by API.`,
    acked: (owner, alerts, until) =>
      `Acknowledged by ${owner}: ${alerts} alert${alerts === 1 ? '' : 's'}, until ${until}.`,
    refused: 'Not done',
    expired: 'This link is more than a day old. Use the console.',
    notOurs: 'This link is not valid: open it from the message itself, whole.',
    notOffered: 'This server does not offer this action.',
    badForm: 'A name is needed (at most 100 characters), and one of the durations that are offered.',
    failed: 'The server could not do it; its log has the details. Try again.',
  },
  zh: {
    silence: '静默这些告警？',
    silenceWhat: '静默结束之前，同时带有以下全部标签的告警不再通知任何人。目前尚未做任何更改。',
    ack: '确认这些告警？',
    ackWhat: '由您负责处理同时带有以下全部标签的告警。目前尚未做任何更改。',
    name: '您的姓名',
    comment: '备注',
    hours: '时长',
    hour: (count) => `${count} 小时`,
    confirm: '确定',
    done: '已完成',
    silenced: (until, id) => `已静默至 ${until}（静默 ${id}）。可在控制台或通过 API 提前结束。`,
    acked: (owner, alerts, until) => `已由 ${owner} 确认 ${alerts} 条告警，至 ${until}。`,
    refused: '未执行',
    expired: '该链接已超过一天。请使用控制台。',
    notOurs: '链接无效：请从原消息中完整打开。',
    notOffered: '该服务器不提供此操作。',
    badForm: '请填写姓名（最多 100 字），并选择列出的时长之一。',
    failed: '服务器未能执行，详情见其日志。请重试。',
  },
}

export function actionPage(
  lang: PageLang,
  page: {
    readonly title: string
    readonly lines: readonly string[]
    readonly labels?: Readonly<Record<string, string>>
    readonly form?: { readonly hours: readonly number[] }
  },
): string {
  const w = pageWords[lang]
  const labels = Object.entries(page.labels ?? {}).map(
    ([name, value]) => `<li><code>${escapeHtml(name)}=${escapeHtml(JSON.stringify(value))}</code></li>`,
  )
  const hours = page.form?.hours ?? []
  const options = hours.map((one) => `<option value="${one}">${escapeHtml(w.hour(one))}</option>`).join('')
  // Sent to the page's own address, which holds the link.
  const form = [
    '<form method="post">',
    `<p><label>${w.name} <input name="name" maxlength="100" required autocomplete="name"></label></p>`,
    `<p><label>${w.hours} <select name="hours">${options}</select></label></p>`,
    `<p><label>${w.comment} <input name="comment" maxlength="500"></label></p>`,
    `<p><button>${w.confirm}</button></p>`,
    '</form>',
  ]
  return [
    `<!doctype html><html lang="${lang}"><head><meta charset="utf-8">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">',
    `<title>Inferward · ${escapeHtml(page.title)}</title></head><body>`,
    `<h1>${escapeHtml(page.title)}</h1>`,
    ...page.lines.map((line) => `<p>${escapeHtml(line)}</p>`),
    labels.length === 0 ? '' : `<ul>${labels.join('')}</ul>`,
    ...(page.form === undefined ? [] : form),
    '</body></html>',
  ]
    .filter((part) => part !== '')
    .join('\n')
}
