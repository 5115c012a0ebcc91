// Every word of a notification in both languages. Status and severity are always an icon and a word: colour alone tells nothing to a
// reader who does not see it.

export type Lang = 'zh' | 'en'

export const defaultTimeZone = (lang: Lang): string => (lang === 'zh' ? 'Asia/Shanghai' : 'UTC')

export type Words = {
  readonly firing: string
  readonly resolved: string
  readonly severity: string
  readonly rule: string
  readonly host: string
  readonly engine: string
  readonly model: string
  readonly gpu: string
  readonly value: string
  readonly since: string
  readonly ended: string
  readonly lasted: string
  readonly summary: string
  readonly description: string
  readonly details: string
  /** Stands before the status of a message that was made of many. */
  readonly digest: string
  readonly console: string
  readonly source: string
  readonly runbook: string
  /** Links that act. */
  readonly silence: string
  readonly ack: string
  /** A template of the user's failed. */
  readonly templateFault: string
  readonly colon: string
  readonly and: (count: number) => string
  readonly counts: (firing: number, resolved: number) => string
  /** `total` alerts of which `hidden` are not shown. */
  readonly more: (total: number, hidden: number) => string
  /** Stands where a text of so many bytes was cut. */
  readonly cut: (bytes: number) => string
  readonly severities: Readonly<Record<string, string>>
}

export const words: Readonly<Record<Lang, Words>> = {
  zh: {
    firing: '告警中',
    resolved: '已恢复',
    severity: '级别',
    rule: '规则',
    host: '主机',
    engine: '引擎',
    model: '模型',
    gpu: 'GPU',
    value: '当前值',
    since: '开始时间',
    ended: '恢复时间',
    lasted: '持续时间',
    summary: '摘要',
    description: '说明',
    details: '告警明细',
    digest: '汇总',
    console: '控制台',
    source: '查看表达式',
    runbook: '处理手册',
    silence: '静默',
    ack: '确认',
    templateFault: '模板出错',
    colon: '：',
    and: (count) => `等 ${count} 个`,
    counts: (firing, resolved) => `告警中 ${firing} 条，已恢复 ${resolved} 条`,
    more: (total, hidden) => `共 ${total} 条，另有 ${hidden} 条未显示`,
    cut: (bytes) => `…（已截断，全文 ${bytes} 字节）`,
    severities: {
      critical: '严重 (critical)',
      error: '错误 (error)',
      warning: '警告 (warning)',
      notice: '提示 (notice)',
      info: '信息 (info)',
    },
  },
  en: {
    firing: 'FIRING',
    resolved: 'RESOLVED',
    severity: 'Severity',
    rule: 'Rule',
    host: 'Host',
    engine: 'Engine',
    model: 'Model',
    gpu: 'GPU',
    value: 'Value',
    since: 'Since',
    ended: 'Resolved at',
    lasted: 'Lasted',
    summary: 'Summary',
    description: 'Description',
    details: 'Alerts',
    digest: 'DIGEST',
    console: 'Console',
    source: 'Expression',
    runbook: 'Runbook',
    silence: 'Silence',
    ack: 'Acknowledge',
    templateFault: 'Template failed',
    colon: ': ',
    and: (count) => `(${count} in all)`,
    counts: (firing, resolved) => `${firing} firing, ${resolved} resolved`,
    more: (total, hidden) => `${total} alerts, ${hidden} more`,
    cut: (bytes) => `… (cut, ${bytes} bytes in all)`,
    severities: {},
  },
}

/** Worst first; an unknown severity stands between warning and notice. */
const order = ['critical', 'page', 'error', 'warning', '', 'notice', 'info', 'none']
const icons: Readonly<Record<string, string>> = {
  critical: '🔴',
  page: '🔴',
  error: '🔴',
  warning: '🟠',
  notice: '🟡',
  info: '🔵',
  none: '🔵',
}

export function severityRank(severity: string): number {
  const at = order.indexOf(severity.toLowerCase())
  return at < 0 ? order.indexOf('') : at
}

export function statusIcon(status: 'firing' | 'resolved', severity: string): string {
  return status === 'resolved' ? '✅' : (icons[severity.toLowerCase()] ?? '🟠')
}
