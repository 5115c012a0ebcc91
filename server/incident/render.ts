// One incident as a Markdown page for a person at three in the morning: what happened and why first, then what was done, when, and who was
// told with what proof. Every word from outside stands in a code span without back-ticks or line breaks, so that none of it is markup.

import type { Incident, TimelineLine } from './record.ts'
import { causeTitle, durationWords, sourceWords, twin, type Words } from './words.ts'

export type Lang = keyof Words

const titles = {
  open: { en: 'OPEN', zh: '未恢复' },
  closed: { en: 'closed', zh: '已恢复' },
  cause: { en: 'Cause', zh: '原因' },
  evidence: { en: 'Evidence', zh: '证据' },
  times: { en: 'Times (UTC)', zh: '时间(UTC)' },
  told: { en: 'Who was told', zh: '已通知' },
  nobody: { en: 'Nobody was told.', zh: '尚未通知任何人。' },
  timeline: { en: 'Timeline (UTC)', zh: '时间线(UTC)' },
  detected: { en: 'detected', zh: '发现' },
  acted: { en: 'first action', zh: '首次动作' },
  verified: { en: 'inference verified', zh: '真实推理验证通过' },
  notified: { en: 'first person told', zh: '首次通知送达' },
  resolved: { en: 'alerts resolved', zh: '告警恢复' },
  closedAt: { en: 'closed', zh: '关闭' },
  never: { en: 'not yet', zh: '尚无' },
  after: { en: 'after', zh: '经过' },
  proof: { en: 'proof', zh: '凭证' },
  noReply: { en: 'no reply', zh: '无回复' },
  severity: { en: 'Severity', zh: '级别' },
  counts: { en: 'Counts', zh: '计数' },
  runbook: { en: 'Runbook', zh: '处理手册' },
  sent: { en: 'sent', zh: '已送达' },
  failed: { en: 'failed', zh: '失败' },
  given_up: { en: 'given up', zh: '已放弃' },
  firing: { en: 'firing', zh: '触发' },
} as const

const severities = {
  critical: { en: 'critical', zh: '严重' },
  warning: { en: 'warning', zh: '警告' },
  notice: { en: 'notice', zh: '提示' },
} as const

/** Text from outside: inert in Markdown, readable as it stands in a terminal. */
export function inert(text: string): string {
  const line = text.replace(/`/g, "'").replace(/\s+/g, ' ').trim()
  return line === '' ? '–' : `\`${line}\``
}

const iso = (at: number): string => {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString()
}

export function renderIncident(incident: Incident, lang: Lang): string {
  const title = (name: keyof typeof titles): string => titles[name][lang]
  const where = incident.engine === null ? inert(incident.host) : inert(`${incident.host}/${incident.engine}`)
  const state = title(incident.closedAt === null ? 'open' : 'closed')
  const { times, counts } = incident
  const lines: string[] = [
    `# ${incident.id} · ${state} · ${where}`,
    '',
    inert(incident.summary[lang]),
    '',
    `${title('severity')}: ${severities[incident.severity][lang]}`,
    `· ${title('counts')}: ${countWords(counts)[lang]}`,
    ...(incident.runbook === null ? [] : [`· ${title('runbook')}: ${inert(incident.runbook)}`]),
    '',
    `## ${title('cause')}`,
    '',
    `${inert(causeTitle(incident.cause)[lang])}: ${inert(lang === 'zh' ? incident.detailZh : incident.detail)}`,
    '',
  ]
  if (incident.evidence.length > 0) {
    lines.push(`${title('evidence')}:`, '')
    for (const { source, statement } of incident.evidence)
      lines.push(`- ${inert(sourceWords(source)[lang])}: ${inert(twin(statement)[lang])}`)
    lines.push('')
  }
  const since = (at: number | null): string => {
    if (at === null) return title('never')
    const took = durationWords(at - times.detectedAt)[lang]
    return at <= times.detectedAt ? iso(at) : `${iso(at)} (${title('after')} ${took})`
  }
  lines.push(
    `## ${title('times')}`,
    '',
    `- ${title('detected')}: ${iso(times.detectedAt)}`,
    `- ${title('acted')}: ${since(times.actedAt)}`,
    `- ${title('verified')}: ${since(times.verifiedAt)}`,
    `- ${title('notified')}: ${since(times.notifiedAt)}`,
    `- ${title('resolved')}: ${since(times.resolvedAt)}`,
    `- ${title('closedAt')}: ${since(incident.closedAt)}`,
    '',
    `## ${title('told')}`,
    '',
  )
  if (incident.told.length === 0) lines.push(title('nobody'))
  for (const one of incident.told) {
    const proof = one.reply === '' ? title('noReply') : inert(one.reply)
    const about = title(one.transition === 'firing' ? 'firing' : 'resolved')
    lines.push(
      `- ${iso(one.at)} ${title(one.status)}: ${inert(one.receiver)} ${inert(one.channel)} (${about}) · ` +
        `${title('proof')}: ${proof} ${inert(one.messageId)}`,
    )
  }
  lines.push('', `## ${title('timeline')}`, '', ...timeline(incident, lang))
  return `${lines.join('\n')}\n`
}

function timeline(incident: Incident, lang: Lang): readonly string[] {
  const row = (line: TimelineLine): string => {
    const proof = (line.evidence ?? [])
      .map(({ source, statement }) => inert(`${sourceWords(source)[lang]}: ${twin(statement)[lang]}`))
      .join(' · ')
    return `- ${iso(line.at)} ${inert(line.words[lang])}${proof === '' ? '' : ` (${proof})`}`
  }
  const rows = incident.timeline.map(row)
  if (incident.leftOut === 0) return rows
  const gap = { en: `- … ${incident.leftOut} lines left out here …`, zh: `- ……此处省略 ${incident.leftOut} 行……` }
  const middle = rows.length >> 1
  return [...rows.slice(0, middle), gap[lang], ...rows.slice(middle)]
}

function countWords(counts: Incident['counts']): Words {
  return {
    en:
      `faults ${counts.faults}, alerts ${counts.alerts}, actions ${counts.actions} (${counts.failed} failed, ` +
      `${counts.refused} refused), messages ${counts.sent} sent, ${counts.unsent} not sent`,
    zh:
      `故障 ${counts.faults},告警 ${counts.alerts},动作 ${counts.actions}(失败 ${counts.failed},` +
      `被拒 ${counts.refused}),消息已送 ${counts.sent},未送 ${counts.unsent}`,
  }
}
