// Words of tables in both languages: titles, and the closed sets that the server names. A value that is not known here is shown as it came.

import type { Words } from './language.ts'

export const titles = {
  id: { en: 'ID', zh: '编号' },
  opened: { en: 'OPENED', zh: '发生于' },
  state: { en: 'STATE', zh: '状态' },
  host: { en: 'HOST', zh: '主机' },
  engine: { en: 'ENGINE', zh: '引擎' },
  engines: { en: 'ENGINES', zh: '引擎数' },
  cause: { en: 'CAUSE', zh: '原因' },
  summary: { en: 'SUMMARY', zh: '摘要' },
  phase: { en: 'PHASE', zh: '阶段' },
  verdict: { en: 'VERDICT', zh: '判定' },
  since: { en: 'SINCE', zh: '持续' },
  url: { en: 'URL', zh: '地址' },
  model: { en: 'MODEL', zh: '模型' },
  contact: { en: 'CONTACT', zh: '联络' },
  heard: { en: 'HEARD', zh: '最近上报' },
  version: { en: 'VERSION', zh: '版本' },
  pid: { en: 'PID', zh: 'PID' },
  alert: { en: 'ALERT', zh: '告警' },
  owner: { en: 'OWNER', zh: '负责人' },
  comment: { en: 'COMMENT', zh: '说明' },
  left: { en: 'LEFT', zh: '剩余' },
  schedule: { en: 'SCHEDULE', zh: '值班表' },
  onCall: { en: 'ON CALL', zh: '当前值班' },
  next: { en: 'NEXT', zh: '下一班' },
  handover: { en: 'HANDOVER', zh: '交接' },
  slo: { en: 'SLO', zh: 'SLO' },
  of: { en: 'OF', zh: '对象' },
  target: { en: 'TARGET', zh: '目标' },
  good: { en: 'GOOD', zh: '达标率' },
  budgetLeft: { en: 'BUDGET LEFT', zh: '剩余预算' },
  bad: { en: 'BAD', zh: '不达标' },
  requests: { en: 'REQUESTS', zh: '请求数' },
  burnRate: { en: 'BURN RATE', zh: '消耗速度' },
  recorded: { en: 'RECORDED', zh: '有记录' },
} as const satisfies Readonly<Record<string, Words>>

const closed =
  (known: Readonly<Record<string, string>>) =>
  (value: string): Words => ({ en: value, zh: (Object.hasOwn(known, value) ? known[value] : undefined) ?? value })

export const contactWords = closed({ connected: '在线', late: '迟到', lost: '失联' })
export const phaseWords = closed({
  stopped: '已停止',
  starting: '启动中',
  loading: '加载中',
  serving: '服务中',
  stopping: '停止中',
  backoff: '等待重试',
  given_up: '已放弃',
})
export const verdictWords = closed({
  healthy: '健康',
  busy: '繁忙',
  long_prefill: '长预填充',
  overloaded: '过载',
  idle: '空闲',
  loading: '加载中',
  hung: '挂死',
  dead: '已退出',
  unknown: '未知',
})
export const causeWords = closed({
  killed: '被强制终止',
  aborted: '异常中止',
  crashed: '崩溃',
  out_of_memory: '内存耗尽',
  terminated: '被要求退出',
  exited: '自行退出',
  hung: '挂死',
  load_failed: '加载失败',
  probe_failed: '探测失败',
  unknown: '不明',
})
export const commandStateWords = closed({
  issued: '已下达',
  accepted: '已接受',
  started: '已开始',
  done: '已完成',
  failed: '失败',
  refused: '被拒绝',
  unknown: '结果未知',
  expired: '已过期',
  stale: '目标已更换',
})
